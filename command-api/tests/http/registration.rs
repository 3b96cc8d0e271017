use command_api::account::{self, Registration};
use domain::AccountId;
use serde_json::json;
use uuid::Uuid;

use crate::world::{PASSWORD, World};

#[tokio::test]
async fn whoever_registers_can_log_in_and_nothing_of_it_can_be_read_in_the_log() {
    let world = World::start().await;
    let body = json!({"email": "Ada@Example.org", "password": PASSWORD, "display_name": "Ada"});
    let made = world.post("/accounts").json(body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.body["id"].as_str().unwrap();
    assert_eq!(made.header("location"), format!("/api/v1/accounts/{id}"));
    assert_eq!(made.header("consistency-token"), made.body["position"].to_string());
    assert_eq!(made.body["stream"], json!({"type": "account", "id": id}));
    assert_eq!(world.session("ada@example.ORG", PASSWORD).await.status, 201);

    let stored: String = sqlx::query_scalar(
        "select string_agg(e::text, ' ') || (select string_agg(c::text, ' ') from eventstore.commands c)
             || (select string_agg(i::text, ' ') from identity.credentials i)
             || (select string_agg(l::text, ' ') from eventstore.claims l)
         from eventstore.events e",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    for secret in [PASSWORD, "Ada", "ada@example"] {
        assert!(!stored.contains(secret), "{secret} is stored in the open");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_registration_is_pointed_at() {
    let world = World::start().await;
    let cases = [
        (json!({"email": "ada", "password": PASSWORD, "display_name": "A"}), "/email"),
        (json!({"email": "a@b.org", "password": "short", "display_name": "A"}), "/password"),
        (
            json!({"email": "a@b.org", "password": "x".repeat(129), "display_name": "A"}),
            "/password",
        ),
        (json!({"email": "a@b.org", "password": PASSWORD, "display_name": " "}), "/display_name"),
        (json!({"email": "a@b.org", "password": PASSWORD}), "/display_name"),
        (json!({"email": "a@b.org", "password": PASSWORD, "display_name": "A", "x": 1}), "/x"),
    ];
    for (body, pointer) in cases {
        let answer = world.post("/accounts").json(body).await;
        assert_eq!((answer.problem(), answer.pointer()), ((422, "invalid"), pointer));
        assert!(!answer.text.contains("xxxxxxxx"), "the password comes back: {}", answer.text);
    }
    let (events, rows): (i64, i64) = sqlx::query_as(
        "select (select count(*) from eventstore.events), (select count(*) from identity.credentials)",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!((events, rows), (0, 0));
}

#[tokio::test]
async fn an_address_belongs_to_one_account_whatever_its_case() {
    let world = World::start().await;
    let ada = world.person("ada").await;
    let body =
        json!({"email": "ADA@example.org", "password": "another password", "display_name": "B"});
    let taken = world.post("/accounts").json(body.clone()).await;
    assert_eq!(taken.problem(), (409, "email-taken"));
    assert_eq!(world.session("ada@example.org", "another password").await.status, 401);
    let rows: Vec<Uuid> = sqlx::query_scalar("select account from identity.credentials")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert_eq!(rows, [ada.id.uuid()], "a refused registration leaves no password behind");
}

#[tokio::test]
async fn a_repeated_registration_finds_the_account_it_made() {
    let world = World::start().await;
    let key = Uuid::new_v4().to_string();
    let body = json!({"email": "ada@example.org", "password": PASSWORD, "display_name": "Ada"});
    let first = world.post("/accounts").key(&key).json(body.clone()).await;
    let again = world.neighbour().await.post("/accounts").key(&key).json(body.clone()).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201), "{}", again.text);
    assert_eq!(first.body, again.body);
    assert_eq!(first.header("idempotency-replayed"), "");
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(world.session("ada@example.org", PASSWORD).await.status, 201);

    let other = json!({"email": "bob@example.org", "password": PASSWORD, "display_name": "Bob"});
    let reused = world.post("/accounts").key(&key).json(other.clone()).await;
    assert_eq!(reused.problem(), (422, "idempotency-key-reused"));

    let key = Uuid::new_v4().to_string();
    assert_eq!(world.post("/accounts").key(&key).json(body.clone()).await.problem().0, 409);
    let refused = world.post("/accounts").key(&key).json(body).await;
    assert_eq!(refused.problem(), (409, "email-taken"));
    let rows: i64 = sqlx::query_scalar("select count(*) from identity.credentials")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn a_crash_between_event_and_confirmation_locks_nobody_out() {
    let world = World::start().await;
    let ada = world.person("ada").await;
    // As after a crash; and somebody else tried, and failed, to register under the same id.
    sqlx::query("update identity.credentials set confirmed = false")
        .execute(&world.pool)
        .await
        .unwrap();
    let password = "attackers password".parse().unwrap();
    let registration = Registration {
        account: ada.id,
        email: "mallory@example.org".parse().unwrap(),
        display_name: "Mallory".parse().unwrap(),
    };
    let app = &world.app;
    let stranger =
        account::create(&world.log, &app.passwords, &world.system(), registration, password).await;
    assert_eq!(stranger.unwrap_err().code(), "account-exists");
    sqlx::query(
        "insert into identity.credentials (account, attempt, password_hash) values ($1, $2, $3)",
    )
    .bind(ada.id.uuid())
    .bind(Uuid::now_v7())
    .bind(app.passwords.hash("attackers password".parse().unwrap()).await.unwrap())
    .execute(&world.pool)
    .await
    .unwrap();

    assert_eq!(world.session(&ada.email, "attackers password").await.status, 401);
    assert_eq!(world.session(&ada.email, PASSWORD).await.status, 201);
    assert_eq!(world.session(&ada.email, "attackers password").await.status, 401);
}

#[tokio::test]
async fn what_a_crash_left_behind_is_swept() {
    let world = World::start().await;
    let ada = world.person("ada").await;
    sqlx::query(
        "insert into identity.credentials (account, attempt, password_hash, changed_at) values
             ($1, $2, 'never registered', now() - interval '2 days'),
             ($3, $2, 'another attempt', now() - interval '2 days'),
             ($1, $4, 'perhaps still running', now())",
    )
    .bind(Uuid::now_v7())
    .bind(Uuid::now_v7())
    .bind(ada.id.uuid())
    .bind(Uuid::now_v7())
    .execute(&world.pool)
    .await
    .unwrap();
    sqlx::query("update identity.sessions set expires_at = now() - interval '2 days'")
        .execute(&world.pool)
        .await
        .unwrap();
    command_api::sweep(&world.log).await.unwrap();
    let left: Vec<String> = sqlx::query_scalar(
        "select case when confirmed then 'confirmed' else password_hash end
         from identity.credentials order by 1",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert_eq!(left, ["confirmed", "perhaps still running"]);
    let sessions: i64 = sqlx::query_scalar("select count(*) from identity.sessions")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(sessions, 0);
}

#[tokio::test]
async fn a_client_may_choose_the_id() {
    let world = World::start().await;
    let id = AccountId::new(Uuid::new_v4());
    let body = |email: &str| json!({"id": id, "email": email, "password": PASSWORD, "display_name": "Ada"});
    let made = world.post("/accounts").json(body("ada@example.org")).await.done();
    assert_eq!(made.body["id"], id.to_string());
    let again = world.post("/accounts").json(body("bob@example.org")).await;
    assert_eq!(again.problem(), (409, "account-exists"));
}

#[tokio::test]
async fn a_refusal_is_remembered_for_a_day_and_what_happened_for_ever() {
    let world = World::start().await;
    let id = AccountId::new(Uuid::new_v4());
    let body = |email: &str| json!({"id": id, "email": email, "password": PASSWORD, "display_name": "Ada"});
    world.post("/accounts").json(body("ada@example.org")).await.done();
    let again = world.post("/accounts").json(body("bob@example.org")).await;
    assert_eq!(again.problem(), (409, "account-exists"));
    sqlx::query("update eventstore.commands set recorded_at = recorded_at - interval '25 hours'")
        .execute(&world.pool)
        .await
        .unwrap();
    command_api::sweep(&world.log).await.unwrap();
    let kept: Vec<bool> = sqlx::query_scalar("select appended from eventstore.commands")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert_eq!(kept, [true]);
}

#[tokio::test]
async fn a_registration_that_is_refused_leaves_nothing_behind() {
    let world = World::start().await;
    world.person("ada").await;
    let body = json!({
        "email": "Ada@example.org", "password": "another password", "display_name": "Ada",
    });
    let refused = world.post("/accounts").key(&Uuid::new_v4().to_string()).json(body).await;
    assert_eq!(refused.problem(), (409, "email-taken"));
    for table in ["eventstore.personal_keys", "identity.credentials"] {
        let rows: i64 = sqlx::query_scalar(&format!("select count(*) from {table}"))
            .fetch_one(&world.pool)
            .await
            .unwrap();
        assert_eq!(rows, 1, "{table}");
    }
}
