use domain::account::{Account, Event, ResetToken};
use domain::{AccountId, PasswordResetId, Role};
use serde_json::json;
use uuid::Uuid;

use crate::world::{Answer, PASSWORD, World};

const NEW: &str = "a new password";

async fn ask(world: &World, email: &str) -> Answer {
    world.post("/accounts/password-resets").json(json!({ "email": email })).await
}

/// The token of the latest letter, as the process writes it.
async fn token(world: &World, account: AccountId) -> String {
    let events = world.log.events_of::<Account>(&account.to_string()).await.unwrap();
    let reset = events.into_iter().rev().find_map(|event| match event {
        Event::PasswordResetRequested { reset, .. } => Some(reset),
        _ => None,
    });
    signed(world, account, reset.unwrap())
}

fn signed(world: &World, account: AccountId, reset: PasswordResetId) -> String {
    let proves = ResetToken::proves(account, reset);
    let proof = world.log.personal().lookup_hash(ResetToken::KIND, &proves);
    ResetToken { account, reset, proof }.to_string()
}

async fn choose(world: &World, token: &str, password: &str) -> Answer {
    let body = json!({ "password": password });
    world.post(&format!("/accounts/password-resets/{token}")).json(body).await
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_and_every_session_ends() {
    let world = World::start().await;
    let ada = world.person("ada").await;
    let neighbour = world.neighbour().await;
    neighbour.soon(&ada.token, 200).await;
    assert_eq!(ask(&world, "Ada@example.org").await.status, 202);
    let token = token(&world, ada.id).await;

    let short = choose(&world, &token, "short").await;
    assert_eq!((short.problem(), short.pointer()), ((422, "invalid"), "/password"));
    let changed = choose(&world, &token, NEW).await.done();
    assert_eq!(changed.body["stream"]["id"], ada.id.to_string());
    neighbour.soon(&ada.token, 401).await;
    assert_eq!(world.session(&ada.email, PASSWORD).await.problem(), (401, "bad-credentials"));
    assert_eq!(world.session(&ada.email, NEW).await.status, 201);

    let again = choose(&world, &token, "another password").await;
    assert_eq!(again.problem(), (404, "password-reset-void"));
    assert_eq!(world.session(&ada.email, NEW).await.status, 201);
}

#[tokio::test]
async fn an_imported_account_gets_its_first_password_by_letter() {
    let world = World::start().await;
    let account = world.imported("ada").await;
    assert_eq!(ask(&world, "ada@example.org").await.status, 202);
    choose(&world, &token(&world, account).await, NEW).await.done();
    assert_eq!(world.session("ada@example.org", NEW).await.status, 201);
}

#[tokio::test]
async fn nobody_learns_from_the_answer_whether_an_address_is_known() {
    let world = World::start().await;
    let root = world.person_with("root", &[Role::Operator]).await;
    let (ada, bob) = (world.person("ada").await, world.person("bob").await);
    let path = format!("/accounts/{}/deactivation", bob.id);
    world.put(&path).bearer(&root.token).bare().await.done();

    let mut answers = Vec::new();
    for email in [&ada.email, &bob.email, "nobody@example.org"] {
        let body = json!({ "email": email });
        let ask = async |key: &str| {
            let ask = world.post("/accounts/password-resets").key(key).json(body.clone()).await;
            let mut names: Vec<String> = ask.headers.keys().map(ToString::to_string).collect();
            names.sort_unstable();
            (ask.status.as_u16(), ask.text, names)
        };
        let key = Uuid::now_v7().to_string();
        answers.extend([ask(&key).await, ask(&key).await]);
        let versioned = world.post("/accounts/password-resets").with("if-match", "\"1\"");
        assert_eq!(versioned.json(body.clone()).await.problem(), (400, "bad-header"));
    }
    assert_eq!((answers[0].0, &*answers[0].1), (202, ""));
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let letters: Vec<String> = sqlx::query_scalar(
        "select aggregate_id from eventstore.events where event_type = 'PasswordResetRequested'",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert_eq!(letters, [ada.id.to_string()], "one letter, to who may have one");
}

#[tokio::test]
async fn a_later_letter_makes_an_earlier_one_void_and_a_lost_answer_is_given_again() {
    let world = World::start().await;
    let ada = world.person("ada").await;
    ask(&world, &ada.email).await.done();
    let first = token(&world, ada.id).await;
    ask(&world, &ada.email).await.done();
    let second = token(&world, ada.id).await;
    assert_eq!(choose(&world, &first, NEW).await.problem(), (404, "password-reset-void"));

    let key = Uuid::now_v7().to_string();
    let path = format!("/accounts/password-resets/{second}");
    let choose = || world.post(&path).key(&key).json(json!({ "password": NEW }));
    let done = choose().await.done();
    let again = choose().await.done();
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.body["position"], done.body["position"]);
    assert_eq!(world.session(&ada.email, NEW).await.status, 201);
}

#[tokio::test]
async fn a_token_that_is_not_ours_opens_nothing_and_no_token_is_kept() {
    let world = World::start().await;
    let (ada, bob) = (world.person("ada").await, world.person("bob").await);
    ask(&world, &ada.email).await.done();
    let token = token(&world, ada.id).await;
    let swapped =
        token.replace(&ada.id.uuid().simple().to_string(), &bob.id.uuid().simple().to_string());
    let other = signed(&world, ada.id, PasswordResetId::new(Uuid::now_v7()));
    let flipped =
        format!("{}{}", &token[..token.len() - 1], if token.ends_with('0') { '1' } else { '0' });
    for wrong in ["x", "dbp_", &swapped, &other, &flipped] {
        assert_eq!(choose(&world, wrong, NEW).await.problem(), (404, "password-reset-void"));
    }
    // Whoever sends it along with a bad access token is refused, and that is remembered.
    let path = format!("/accounts/password-resets/{token}");
    let refused = world.post(&path).bearer("x").json(json!({ "password": NEW })).await;
    assert_eq!(refused.problem(), (401, "token-invalid"));

    let dump = async |table: &str| -> String {
        let all = format!("select coalesce(string_agg(t::text, ' '), '') from {table} t");
        sqlx::query_scalar(&all).fetch_one(&world.pool).await.unwrap()
    };
    let proof = &token[token.len() - 64..];
    for table in ["eventstore.events", "eventstore.commands", "identity.credentials"] {
        assert!(!dump(table).await.contains(proof), "{table}");
    }
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let mut record = String::new();
    while !record.contains("password-resets") {
        assert!(std::time::Instant::now() < deadline, "the refusal was not recorded: {record}");
        record = dump("eventstore.access_log").await;
    }
    assert!(!record.contains(proof), "{record}");
}

#[tokio::test]
async fn an_erased_person_cannot_be_let_in_again() {
    let world = World::start().await;
    let ada = world.person("ada").await;
    ask(&world, &ada.email).await.done();
    let token = token(&world, ada.id).await;
    world.delete("/accounts/me").bearer(&ada.token).bare().await.done();
    assert_eq!(choose(&world, &token, NEW).await.problem(), (410, "account-erased"));
    assert_eq!(ask(&world, &ada.email).await.status, 202);
    let left: i64 = sqlx::query_scalar("select count(*) from identity.credentials")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(left, 0);
}
