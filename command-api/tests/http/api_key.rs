use domain::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Person, World};

/// The key and its id.
async fn make(world: &World, owner: &Person, scopes: &[&str]) -> (String, String) {
    let body = json!({"name": "Nightly report", "scopes": scopes});
    let made = world.post("/accounts/me/keys").bearer(&owner.token).json(body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let text = |name: &str| made.body[name].as_str().unwrap().to_owned();
    assert_eq!(made.header("cache-control"), "no-store");
    assert_eq!(made.header("location"), format!("/api/v1/accounts/me/keys/{}", text("id")));
    (text("key"), text("id"))
}

#[tokio::test]
async fn a_program_asks_by_a_key_until_it_is_revoked() {
    let world = World::start().await;
    let neighbour = world.neighbour().await;
    let ada = world.person("ada").await;
    let (key, id) = make(&world, &ada, &["write"]).await;
    assert!(key.starts_with("dbk_") && key.len() == 47, "{key}");
    let changes = json!({"language": "en"});
    world.patch("/accounts/me").bearer(&key).json(changes).await.done();
    neighbour.soon(&key, 200).await;
    let metadata: String = sqlx::query_scalar(
        "select metadata::text from eventstore.events where event_type = 'ProfileChanged'",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert!(metadata.contains(&id) && metadata.contains(&ada.id.to_string()), "{metadata}");

    let path = format!("/accounts/me/keys/{id}");
    let bob = world.person("bob").await;
    let stranger = world.delete(&path).bearer(&bob.token).bare().await;
    assert_eq!(stranger.problem(), (404, "key-unknown"));
    world.delete(&path).bearer(&ada.token).bare().await.done();
    neighbour.soon(&key, 401).await;
    world.soon(&key, 401).await;
    let again = world.delete(&path).bearer(&ada.token).bare().await;
    assert_eq!(again.problem(), (404, "key-unknown"));
}

#[tokio::test]
async fn a_key_is_kept_as_a_keyed_hash_alone() {
    let world = World::start().await;
    let ada = world.person("ada").await;
    let (key, _) = make(&world, &ada, &["read"]).await;
    for table in ["eventstore.events", "eventstore.commands", "identity.api_keys"] {
        let all = format!("select coalesce(string_agg(t::text, ' '), '') from {table} t");
        let all: String = sqlx::query_scalar(&all).fetch_one(&world.pool).await.unwrap();
        assert!(!all.contains(&key) && !all.contains("Nightly report"), "{table}");
    }
}

#[tokio::test]
async fn no_key_does_what_takes_a_log_in_or_another_scope() {
    let world = World::start().await;
    let root = world.person_with("root", &[Role::Operator]).await;
    let (key, id) = make(&world, &root, &["write", "operator"]).await;
    let body = json!({"name": "More", "scopes": ["read"]});
    let password = json!({"current_password": "x", "new_password": "a new password"});
    let email = json!({"current_password": "x", "email": "e@e.org"});
    for refused in [
        world.post("/accounts/me/keys").bearer(&key).json(body).await,
        world.delete(&format!("/accounts/me/keys/{id}")).bearer(&key).bare().await,
        world.put("/accounts/me/password").bearer(&key).json(password).await,
        world.put("/accounts/me/email").bearer(&key).json(email).await,
        world.delete("/accounts/me").bearer(&key).bare().await,
        world.delete(&format!("/accounts/{}", root.id)).bearer(&key).bare().await,
    ] {
        assert_eq!(refused.problem(), (403, "log-in-required"));
    }
    let (reads, _) = make(&world, &root, &["read"]).await;
    let change = world.patch("/accounts/me").bearer(&reads).json(json!({})).await;
    assert_eq!(change.problem(), (403, "scope-missing"));
}

#[tokio::test]
async fn a_key_acts_in_a_role_only_while_its_account_has_it() {
    let world = World::start().await;
    let root = world.person_with("root", &[Role::Operator]).await;
    let ada = world.person("ada").await;
    let grant = format!("/accounts/{}/roles/analyst", Uuid::new_v4());
    let asked = json!({"name": "Mine", "scopes": ["write", "operator"]});
    let refused = world.post("/accounts/me/keys").bearer(&ada.token).json(asked).await;
    assert_eq!(refused.problem(), (409, "role-not-held"));

    let role = format!("/accounts/{}/roles/operator", ada.id);
    world.put(&role).bearer(&root.token).bare().await.done();
    let (key, _) = make(&world, &ada, &["write", "operator"]).await;
    let may = async || world.put(&grant).bearer(&key).bare().await.status.as_u16();
    assert_eq!(may().await, 404);
    let (plain, _) = make(&world, &ada, &["write"]).await;
    let role_unused = world.put(&grant).bearer(&plain).bare().await;
    assert_eq!(role_unused.problem(), (403, "forbidden"));

    world.delete(&role).bearer(&root.token).bare().await.done();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(2);
    while may().await != 403 {
        assert!(std::time::Instant::now() < deadline, "still an operator after 2 s");
    }
}

#[tokio::test]
async fn the_keys_of_a_closed_account_open_nothing() {
    let world = World::start().await;
    let root = world.person_with("root", &[Role::Operator]).await;
    let ada = world.person("ada").await;
    let (key, _) = make(&world, &ada, &["write"]).await;
    let path = format!("/accounts/{}/deactivation", ada.id);
    world.soon(&key, 200).await;
    world.put(&path).bearer(&root.token).bare().await.done();
    world.soon(&key, 401).await;
    world.delete(&path).bearer(&root.token).bare().await.done();
    world.soon(&key, 200).await;
    world.delete(&format!("/accounts/{}", ada.id)).bearer(&root.token).bare().await.done();
    world.soon(&key, 401).await;
    let left: i64 = sqlx::query_scalar("select count(*) from identity.api_keys")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_repeated_request_makes_one_key_and_does_not_show_it_again() {
    let world = World::start().await;
    let ada = world.person("ada").await;
    let body = json!({"name": "Nightly report", "scopes": ["read"]});
    let ask = || world.post("/accounts/me/keys").bearer(&ada.token).key("once").json(body.clone());
    let (first, second) = (ask().await.done(), ask().await.done());
    assert_eq!(second.header("idempotency-replayed"), "true");
    assert_eq!((&second.body["id"], &second.body["key"]), (&first.body["id"], &Value::Null));
    let rows: i64 = sqlx::query_scalar("select count(*) from identity.api_keys")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(rows, 1);
    for (wrong, pointer) in [
        (json!({"name": "", "scopes": ["read"]}), "/name"),
        (json!({"name": "N", "scopes": []}), "/scopes"),
        (json!({"name": "N", "scopes": ["auditor"]}), "/scopes"),
        (json!({"name": "N", "scopes": ["read", "king"]}), "/scopes/1"),
    ] {
        let refused = world.post("/accounts/me/keys").bearer(&ada.token).json(wrong).await;
        assert_eq!(refused.problem(), (422, "invalid"));
        assert!(refused.pointer().starts_with(&pointer[..5]), "{}", refused.text);
    }
}

#[tokio::test]
async fn what_a_crash_left_is_swept_and_keys_stay() {
    let world = World::start().await;
    let ada = world.person("ada").await;
    let (key, _) = make(&world, &ada, &["write"]).await;
    sqlx::query("insert into identity.api_keys (hash, id, account) values ('x', $1, $2)")
        .bind(Uuid::now_v7())
        .bind(ada.id.uuid())
        .execute(&world.pool)
        .await
        .unwrap();
    sqlx::query("update identity.api_keys set created_at = created_at - interval '2 days'")
        .execute(&world.pool)
        .await
        .unwrap();
    command_api::sweep(&world.log).await.unwrap();
    let rows: i64 = sqlx::query_scalar("select count(*) from identity.api_keys")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(rows, 1);
    assert_eq!(world.probe(&key).await, 200);
}
