//! What holds for every endpoint alike.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{Ask, Login, Program, System, routes};

/// What can be asked for without an account: to get one, and to get in.
const OPEN: [&str; 5] = [
    "/api/v1/accounts",
    "/api/v1/accounts/password-resets",
    "/api/v1/accounts/password-resets/{token}",
    "/api/v1/sessions",
    "/api/v1/sessions/refresh",
];

fn emma() -> Value {
    json!({ "title": "Emma", "authors": ["Jane Austen"] })
}

#[tokio::test]
async fn no_command_is_taken_from_a_stranger() {
    let system = System::start().await;
    let description = system.get("/openapi.json").await.ok();
    let mut asked = 0;
    for route in routes(&description.body) {
        let (method, path) = (&route.method, route.filled());
        if *method == Method::GET || OPEN.contains(&route.path) {
            continue;
        }
        let with_body = |ask: Ask| match route.upload() {
            Some(kind) => ask.text(kind, "anything"),
            None => ask.body(json!({})),
        };
        let answer = with_body(system.ask(method.clone(), &path)).await;
        answer.refused(401, "token-required");
        let answer = with_body(system.ask_as("nonsense", method.clone(), &path)).await;
        answer.refused(401, "token-invalid");
        asked += 1;
    }
    assert!(asked > 30, "only {asked} commands are described");
}

#[tokio::test]
async fn a_field_nobody_knows_is_refused_with_its_name_and_changes_nothing() {
    let system = System::start().await;
    let (mercy, ines) = (system.merchandiser().await, system.instructor().await);
    let ada = system.ada().await;
    let book = mercy.post("books", emma()).await.accepted();
    let login = Login::new("Eve");
    let mut registration = json!({
        "email": login.email, "password": login.password, "display_name": login.name,
    });
    registration["role"] = json!("operator");
    let problem = system.post("accounts", registration.clone()).await.refused(422, "invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/role", "{problem}");
    registration.as_object_mut().unwrap().remove("role");
    system.post("accounts", registration).await.accepted();

    let price = json!({ "minor": 1, "currency": "GBP", "vat": 0 });
    let line = json!({ "product_id": book.id(), "quantity": 1, "price": 1 });
    for (who, path, body, pointer) in [
        (&mercy, "books".into(), json!({ "title": "T", "authors": ["A"], "x": 1 }), "/x"),
        (&mercy, "products".into(), json!({ "sku": "S", "name": "N", "price": price }), "/price"),
        (&ines, "courses".into(), json!({ "title": "T", "state": "published" }), "/state"),
        (&ada, "orders".into(), json!({ "items": [line] }), "/items/0/price"),
        (&ada, "orders".into(), json!({ "items": [{ "quantity": 1 }] }), "/items/0/product_id"),
    ] {
        let path: String = path;
        let problem = who.post(&path, body).await.refused(422, "invalid");
        let pointed = problem["errors"][0]["pointer"].as_str().unwrap();
        assert!(pointed.starts_with(pointer), "{problem}");
    }
    let rating = json!({ "score": 5, "reader": ada.id });
    let problem = ada.put(format!("books/{}/rating", book.id()), rating).await;
    assert_eq!(problem.refused(422, "invalid")["errors"][0]["pointer"], "/reader");
    let ratings = system.get(format!("books/{}/ratings", book.id())).after(book).await;
    assert_eq!(ratings["count"], 0, "{ratings}");
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_told_apart() {
    let system = System::start().await;
    let mercy = system.merchandiser().await;
    let send = |content_type: &str, text: &str| {
        let ask = system.ask_as(&mercy.token, Method::POST, "books");
        ask.text(content_type, text.to_owned())
    };
    let whole = emma().to_string();

    send("application/json", &whole[..whole.len() - 1]).await.refused(400, "malformed");
    send("application/json", "").await.refused(400, "malformed");
    send("text/plain", &whole).await.refused(415, "unsupported-media-type");
    send("application/x-www-form-urlencoded", "title=Emma")
        .await
        .refused(415, "unsupported-media-type");
    send("application/json", "[]").await.refused(422, "invalid");
    let nul = json!({ "title": "Em\u{0}ma", "authors": ["Jane Austen"] });
    send("application/json", &nul.to_string()).await.refused(422, "invalid");
    send("application/json; charset=utf-8", &whole).await.accepted();
}

#[tokio::test]
async fn a_body_has_a_mebibyte_and_not_a_byte_more() {
    let system = System::start().await;
    let mercy = system.merchandiser().await;
    let of_size = |size: usize| {
        let body = emma().to_string();
        let padding = " ".repeat(size - body.len());
        let ask = system.ask_as(&mercy.token, Method::POST, "books");
        ask.text("application/json", padding + &body)
    };

    of_size(1024 * 1024).await.accepted();
    of_size(1024 * 1024 + 1).await.refused(413, "body-too-large");
}

#[tokio::test]
async fn a_change_is_made_on_the_version_the_client_has_seen() {
    let system = System::start().await;
    let mercy = system.merchandiser().await;
    let book = mercy.post("books", emma()).await;
    assert_eq!(book.header("etag"), "\"1\"", "{book}");
    let book = book.accepted();
    let path = format!("books/{}", book.id());
    let page = system.get(&path).after(&book).await.ok();
    let tag = page.header("etag").to_owned();
    assert!(tag.starts_with("\"1."), "{tag}");

    let revised = mercy.patch(&path, json!({ "published_year": 1815 })).header("if-match", &tag);
    let revised = revised.await.accepted();
    let stale = mercy.patch(&path, json!({ "published_year": 1816 })).header("if-match", &tag);
    let problem = stale.await.refused(412, "precondition-failed");
    assert_eq!(problem["current"], 2, "{problem}");

    let now = system.get(&path).after(&revised).header("if-none-match", &tag).await.ok();
    assert_eq!(now["published_year"], 1815, "{now}");
    let again = system.get(&path).header("if-none-match", now.header("etag")).await;
    assert_eq!((again.status.as_u16(), again.body), (304, json!("")));
    let bad = mercy.patch(&path, json!({})).header("if-match", "yesterday").await;
    bad.refused(400, "bad-header");
}

#[tokio::test]
async fn pages_neither_repeat_nor_skip_while_things_are_added() {
    let system = System::start().await;
    let mercy = system.merchandiser().await;
    let genre = format!("genre {}", Uuid::now_v7().simple());
    let add = |number: usize| {
        let body = json!({ "title": format!("{number}"), "authors": ["A"], "genres": [genre] });
        mercy.post("books", body)
    };
    let mut ids = Vec::new();
    let mut last = None;
    for number in 1..=5 {
        let added = add(number).await.accepted();
        ids.insert(0, added.id().to_string());
        last = Some(added);
    }
    let encoded = genre.replace(' ', "%20");
    let mut path = format!("books?genre={encoded}&limit=2");
    let mut seen = Vec::new();
    loop {
        let page = system.get(&path).after(last.as_ref().unwrap()).await.ok();
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        last = Some(add(6).await.accepted());
        let Some(next) = page["next"].as_str() else { break };
        let link = page.header("link");
        let (target, rel) = link.split_once("; ").unwrap();
        assert_eq!(rel, "rel=\"next\"");
        path = target.trim_matches(['<', '>']).to_owned();
        assert!(path.contains(next), "{link}");
    }
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn a_cursor_fits_the_list_it_came_from() {
    let system = System::start().await;
    let mercy = system.merchandiser().await;
    for _ in 0..2 {
        mercy.post("books", emma()).await.accepted();
    }
    let last = mercy.post("books", emma()).await.accepted();
    let page = system.get("books?sort=newest&limit=1").after(last).await.ok();
    let cursor = page["next"].as_str().unwrap();

    system.get(format!("books?sort=newest&limit=1&cursor={cursor}")).await.ok();
    system.get(format!("books?sort=title&cursor={cursor}")).await.refused(400, "bad-cursor");
    system.get(format!("products?sort=newest&cursor={cursor}")).await.refused(400, "bad-cursor");
    system.get("books?cursor=nonsense").await.refused(400, "bad-cursor");
    for limit in ["0", "201", "-1", "many"] {
        let problem = system.get(format!("books?limit={limit}")).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], "/query/limit", "{problem}");
    }
}

#[tokio::test]
async fn text_that_no_database_can_hold_is_the_askers_mistake() {
    let system = System::start().await;
    let auditor = system.auditor().await;
    let problem = system.get("books?q=%00").await.refused(422, "invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/query/q", "{problem}");
    auditor.get("audit/events?actor=a%00b").await.refused(422, "invalid");
    auditor.get("audit/streams/rating/a%00b").await.refused(422, "invalid");
    auditor.get("audit/trace/%00").await.refused(422, "invalid");
}

#[tokio::test]
async fn what_the_read_models_have_not_seen_is_not_answered() {
    let system = System::start().await;
    let book = system.merchandiser().await.post("books", emma()).await.accepted();
    let path = format!("books/{}", book.id());

    let ahead = system.get(&path).header("consistency-token", i64::MAX);
    let answer = ahead.header("prefer", "wait=0").await;

    assert!(!answer.header("retry-after").is_empty(), "{answer}");
    let problem = answer.refused(503, "projection-behind");
    assert!(problem["lag_events"].as_i64().unwrap() > 0, "{problem}");
    let page = system.get(&path).after(&book).await.ok();
    let seen: i64 = page.header("projection-position").parse().unwrap();
    assert!(seen >= book.position, "{page}");
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let limits = [
        ("DAYBOOK_RATE_LIMITS", "true"),
        ("DAYBOOK_RATE_ACCOUNT", "5"),
        ("DAYBOOK_RATE_ADDRESS", "5"),
        ("DAYBOOK_RATE_LOGIN", "4"),
    ];
    let start = move || Program::up_with("limited", &["--ephemeral"], &limits);
    let mut program = tokio::task::spawn_blocking(start).await.unwrap();
    let system = System::of(&program).await;
    let (ada, bob) = (system.ada().await, system.bob().await);

    let first = ada.get("books").await.ok();
    assert_eq!(first.header("ratelimit-policy"), "\"account\";q=5;w=60", "{first}");
    assert!(first.header("ratelimit").starts_with("\"account\";r=4;t="), "{first}");
    let mut asked = 1;
    let refused = loop {
        let answer = ada.get("books").await;
        asked += 1;
        if !answer.status.is_success() {
            break answer;
        }
        assert!(asked < 20, "nobody is stopped");
    };
    assert!(asked >= 6, "stopped at request {asked}");
    let seconds: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=12).contains(&seconds), "{refused}");
    assert!(refused.header("ratelimit").starts_with("\"account\";r=0;t="), "{refused}");
    refused.refused(429, "rate-limited");
    bob.get("books").await.ok();

    let wrong = json!({ "email": ada.login.email, "password": "not the password" });
    let mut attempts = Vec::new();
    for _ in 0..6 {
        attempts.push(system.post("sessions", wrong.clone()).await.status.as_u16());
    }
    assert_eq!(attempts.last(), Some(&429), "{attempts:?}");
    program.child.kill().unwrap();
}
