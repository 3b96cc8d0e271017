//! Who may ask for what: one table, and that the system keeps to it.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::future::IntoFuture;

use futures::future::join_all;
use serde_json::json;

use crate::system::{Admitted, Answer, NOBODY, Route, System, as_generated, description, routes};

const ROLES: [&str; 6] = ["member", "analyst", "instructor", "merchandiser", "auditor", "operator"];

const ABOUT: &str = "# Who may ask for what

Made from `/openapi.json` by `tests/authorization.rs`, which also asks for every route as every role and without a
token: `DAYBOOK_TEST_UPDATE=1 cargo test --test e2e authorization` makes it anew.

A route says who may in its `security(...)`, and there alone: nothing for everybody with an account, `security(())` for
everybody, `security((\"bearer\" = [\"operator\"]))` for a role, one such pair for each role that may. No token is answered
with 401, a role that may not with 403 `forbidden`, before parameters and body are looked at. Everyone with an account is a
member, whatever other roles there are.

Whose a thing is, the rules of its slice decide, after this table: `not-the-author`, `not-the-customer`, `not-the-instructor`,
404 for the orders of others. A customer sees `GET /orders?customer=` of the own account, those of others need the role
merchandiser or operator; the topic `activity` of `GET /live` needs analyst, operator or auditor.

";

#[test]
fn the_table_is_what_the_routes_say() {
    let description = description();
    let mut table = ABOUT.to_owned();
    writeln!(table, "| route | {NOBODY} | {} |", ROLES.join(" | ")).unwrap();
    writeln!(table, "|---{}|", "|---".repeat(ROLES.len() + 1)).unwrap();
    for route in routes(&description) {
        let admitted = route.admitted();
        let cells = [NOBODY].into_iter().chain(ROLES).map(|role| cell(&admitted, role));
        let cells = cells.collect::<Vec<_>>().join(" | ");
        writeln!(table, "| `{}` | {cells} |", route.name()).unwrap();
    }
    as_generated("docs/AUTHORIZATION.md", &table);
}

fn cell(admitted: &Admitted, role: &str) -> &'static str {
    match (admitted.admits(role), role) {
        (true, _) => "yes",
        (false, NOBODY) => "401",
        (false, _) => "403",
    }
}

/// A parameter that no route has: whoever may ask is told so, and nothing happens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_admits_whom_the_table_names_and_nobody_else() {
    let system = System::start().await;
    let clients = join_all(ROLES.map(|role| system.with_role("Somebody", role))).await;
    let description = description();
    let mut walked = 0;
    for route in routes(&description) {
        let (admitted, path) = (route.admitted(), format!("{}?unheard_of=1", route.filled()));
        let ask = |token: Option<&str>| {
            let ask = match token {
                Some(token) => system.ask_as(token, route.method.clone(), &path),
                None => system.ask(route.method.clone(), &path),
            };
            match route.upload() {
                Some(kind) => ask.text(kind, "anything"),
                None if route.operation["requestBody"].is_null() => ask,
                None => ask.body(json!({})),
            }
        };
        let nobody = ask(None).await;
        assert!(is_as_told(&nobody, &admitted, NOBODY), "{NOBODY}: {nobody}");
        let everybody =
            join_all(clients.iter().map(|client| ask(Some(&client.token)).into_future())).await;
        for (role, answer) in ROLES.iter().zip(everybody) {
            assert!(is_as_told(&answer, &admitted, role), "{role}: {answer}");
            walked += 1;
        }
    }
    assert!(walked > 600, "only {walked} were walked");
}

fn is_as_told(answer: &Answer, admitted: &Admitted, role: &str) -> bool {
    let is = (answer.status.as_u16(), answer.body["code"].as_str().unwrap_or_default());
    match (admitted.admits(role), role) {
        (true, _) => is.0 == 422,
        (false, NOBODY) => is == (401, "token-required"),
        (false, _) => is == (403, "forbidden"),
    }
}

#[test]
fn somebody_may_ask_for_everything() {
    let description = description();
    let asked = |route: &Route| [NOBODY].iter().chain(&ROLES).any(|r| route.admitted().admits(r));
    for route in routes(&description) {
        assert!(asked(&route), "{} names no role that there is", route.name());
    }
}

/// For everybody with an account, beside what is below `/accounts/me` and `/cart`. A route that says
/// nothing of who may ask is one of these: here stands that it was not forgotten.
const FOR_MEMBERS: [&str; 38] = [
    "GET /accounts/{id}",
    "GET /accounts/{id}/followers",
    "GET /accounts/{id}/following",
    "GET /answers/{id}",
    "PUT /answers/{id}/rating",
    "POST /assistant/questions",
    "DELETE /books/{id}/loan",
    "PUT /books/{id}/loan",
    "DELETE /comments/{id}",
    "PATCH /comments/{id}",
    "GET /conversations",
    "GET /conversations/{id}",
    "DELETE /courses/{id}/enrollment",
    "PUT /courses/{id}/enrollment",
    "DELETE /courses/{id}/lessons/{lesson}/completion",
    "PUT /courses/{id}/lessons/{lesson}/completion",
    "GET /courses/{id}/progress",
    "POST /courses/{id}/questions",
    "GET /exports/{id}",
    "GET /exports/{id}/file",
    "GET /live",
    "GET /orders",
    "POST /orders",
    "DELETE /orders/{id}",
    "GET /orders/{id}",
    "DELETE /sessions/current",
    "GET /stock/{product}",
    "GET /workflows/{id}",
    "POST /{kind}/{id}/comments",
    "DELETE /{kind}/{id}/dismissal",
    "PUT /{kind}/{id}/dismissal",
    "DELETE /{kind}/{id}/favourite",
    "PUT /{kind}/{id}/favourite",
    "DELETE /{kind}/{id}/like",
    "PUT /{kind}/{id}/like",
    "GET /{kind}/{id}/likes",
    "DELETE /{kind}/{id}/rating",
    "PUT /{kind}/{id}/rating",
];

#[test]
fn a_route_is_for_everybody_with_an_account_only_on_purpose() {
    let description = description();
    let is_own = |name: &str| name.contains(" /accounts/me") || name.contains(" /cart");
    let names: BTreeSet<String> = routes(&description)
        .filter(|route| route.admitted() == Admitted::Members)
        .map(|route| route.name())
        .filter(|name| !is_own(name))
        .collect();
    let meant = BTreeSet::from(FOR_MEMBERS.map(str::to_owned));
    let forgotten: Vec<&String> = names.difference(&meant).collect();
    assert!(forgotten.is_empty(), "no `security(...)`, and not on the list: {forgotten:?}");
    let gone: Vec<&String> = meant.difference(&names).collect();
    assert!(gone.is_empty(), "on the list, but not for everybody with an account: {gone:?}");
}
