use command_api::account;
use domain::Role;
use serde_json::json;
use uuid::Uuid;

use crate::world::{PASSWORD, World};

#[tokio::test]
async fn a_profile_changes_only_where_it_is_told_to() {
    let world = World::start().await;
    let ada = world.person("ada").await;
    let changes = json!({"phone": "+442071234567", "language": "en", "topics": ["mathematics"]});
    let changed = world.patch("/accounts/me").bearer(&ada.token).json(changes).await.done();
    assert_eq!((changed.header("etag"), &changed.body["sequence"]), ("\"2\"", &json!(2)));

    let nothing = world.patch("/accounts/me").bearer(&ada.token).json(json!({})).await.done();
    assert_eq!((&nothing.body["unchanged"], nothing.status.as_u16()), (&json!(true), 200));
    let removed = json!({"phone": null});
    world.patch("/accounts/me").bearer(&ada.token).json(removed).await.done();

    let wrong = json!({"phone": "12"});
    let wrong = world.patch("/accounts/me").bearer(&ada.token).json(wrong).await;
    assert_eq!((wrong.problem(), wrong.pointer()), ((422, "invalid"), "/phone"));
    let stale = world.patch("/accounts/me").bearer(&ada.token).with("if-match", "\"2.0\"");
    let stale = stale.json(json!({"display_name": "Ada King"})).await;
    assert_eq!(
        (stale.problem(), &stale.body["current"]),
        ((412, "precondition-failed"), &json!(3))
    );
    assert_eq!(world.patch("/accounts/me").json(json!({})).await.problem().0, 401);
}

#[tokio::test]
async fn an_address_can_be_changed_and_the_old_one_is_free_again() {
    let world = World::start().await;
    let ada = world.person("ada").await;
    world.person("bob").await;
    let to = |email: &str| json!({ "email": email, "current_password": PASSWORD });
    let taken =
        world.put("/accounts/me/email").bearer(&ada.token).json(to("Bob@example.org")).await;
    assert_eq!(taken.problem(), (409, "email-taken"));
    let changed = to("countess@example.org");
    world.put("/accounts/me/email").bearer(&ada.token).json(changed).await.done();
    assert_eq!(world.session("countess@example.org", PASSWORD).await.status, 201);
    assert_eq!(world.session("ada@example.org", PASSWORD).await.problem().0, 401);
    world.person("ada").await;
}

#[tokio::test]
async fn who_has_only_a_token_cannot_take_the_account_with_it() {
    let world = World::start().await;
    let ada = world.person("ada").await;
    let change = |password: &str| json!({"email": "eve@example.org", "current_password": password});
    let ask = |token: &str, key: &str, body: &serde_json::Value| {
        world.put("/accounts/me/email").bearer(token).key(key).json(body.clone())
    };
    let wrong = ask(&ada.token, "guess", &change("guess")).await;
    assert_eq!((wrong.problem(), wrong.pointer()), ((422, "invalid"), "/current_password"));
    let none = ask(&ada.token, "none", &json!({"email": "eve@example.org"})).await;
    assert_eq!((none.problem(), none.pointer()), ((422, "invalid"), "/current_password"));
    assert_eq!(world.session("eve@example.org", PASSWORD).await.problem().0, 401);

    let first = ask(&ada.token, "once", &change(PASSWORD)).await.done();
    // The answer was lost, and the password is another by now.
    let other = json!({"current_password": PASSWORD, "new_password": "a new password"});
    world.put("/accounts/me/password").bearer(&ada.token).json(other).await.done();
    let ada = world.log_in(ada.id, "eve@example.org", "a new password").await;
    let again = ask(&ada.token, "once", &change(PASSWORD)).await.done();
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.body["position"], first.body["position"]);
}

#[tokio::test]
async fn a_new_password_ends_every_session_everywhere() {
    let world = World::start().await;
    let ada = world.person("ada").await;
    let neighbour = world.neighbour().await;
    neighbour.soon(&ada.token, 200).await;
    let change =
        |current: &str| json!({"current_password": current, "new_password": "a new password"});
    let wrong = world.put("/accounts/me/password").bearer(&ada.token).json(change("guess")).await;
    assert_eq!((wrong.problem(), wrong.pointer()), ((422, "invalid"), "/current_password"));

    world.put("/accounts/me/password").bearer(&ada.token).json(change(PASSWORD)).await.done();
    neighbour.soon(&ada.token, 401).await;
    let refresh = world.post("/sessions/refresh").json(json!({"refresh_token": ada.refresh_token}));
    assert_eq!(refresh.await.problem(), (401, "refresh-token-invalid"));
    assert_eq!(world.session(&ada.email, PASSWORD).await.problem(), (401, "bad-credentials"));
    let again = neighbour.log_in(ada.id, &ada.email, "a new password").await;
    assert_eq!(neighbour.probe(&again.token).await, 200);
}

#[tokio::test]
async fn a_new_password_asked_for_twice_is_set_once() {
    let world = World::start().await;
    let ada = world.person("ada").await;
    let change = json!({"current_password": PASSWORD, "new_password": "a new password"});
    let ask = |token: &str, body: &serde_json::Value| {
        world.put("/accounts/me/password").bearer(token).key("once").json(body.clone())
    };
    let first = ask(&ada.token, &change).await.done();
    assert_eq!((&first.body["unchanged"], &first.body["sequence"]), (&json!(null), &json!(2)));

    // The answer was lost. The old password is wrong by now, and the key knows better.
    let ada = world.log_in(ada.id, &ada.email, "a new password").await;
    let again = ask(&ada.token, &change).await.done();
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.body["position"], first.body["position"]);
    let other = json!({"current_password": PASSWORD, "new_password": "another password"});
    assert_eq!(ask(&ada.token, &other).await.problem(), (422, "idempotency-key-reused"));
    let rows: i64 = sqlx::query_scalar("select count(*) from identity.credentials")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(rows, 1);
    assert_eq!(world.probe(&ada.token).await, 200, "the repetition ends no session");
}

#[tokio::test]
async fn a_crash_in_the_middle_of_a_new_password_leaves_the_new_one() {
    let world = World::start().await;
    let ada = world.person("ada").await;
    let kept: (Uuid, String) =
        sqlx::query_as("select attempt, password_hash from identity.credentials")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    let change = json!({"current_password": PASSWORD, "new_password": "a new password"});
    world.put("/accounts/me/password").bearer(&ada.token).json(change).await.done();
    // As it was between the event and its confirmation.
    sqlx::query("update identity.credentials set confirmed = false")
        .execute(&world.pool)
        .await
        .unwrap();
    sqlx::query("insert into identity.credentials values ($1, $2, $3, true)")
        .bind(ada.id.uuid())
        .bind(kept.0)
        .bind(kept.1)
        .execute(&world.pool)
        .await
        .unwrap();

    assert_eq!(world.session(&ada.email, PASSWORD).await.status, 401);
    assert_eq!(world.session(&ada.email, "a new password").await.status, 201);
}

#[tokio::test]
async fn an_end_that_is_refused_demotes_nobody() {
    let world = World::start().await;
    let root = world.person_with("root", &[Role::Operator]).await;
    world.person_with("second", &[Role::Operator]).await;
    for path in ["/accounts/me".to_owned(), format!("/accounts/{}", root.id)] {
        let stale = world.delete(&path).bearer(&root.token).with("if-match", "\"7\"").bare().await;
        assert_eq!(stale.problem(), (412, "precondition-failed"), "{path}");
    }
    let still = format!("/accounts/{}/roles/analyst", root.id);
    world.put(&still).bearer(&root.token).bare().await.done();
}

#[tokio::test]
async fn a_role_takes_effect_in_every_process_without_a_new_token() {
    let world = World::start().await;
    let neighbour = world.neighbour().await;
    let root = world.person_with("root", &[Role::Operator]).await;
    let ada = world.person("ada").await;
    let role = |role: &str| format!("/accounts/{}/roles/{role}", ada.id);
    // What only an operator may do, asked of the other process with the old token.
    let may = async || {
        let path = format!("/accounts/{}/roles/analyst", Uuid::new_v4());
        neighbour.put(&path).bearer(&ada.token).bare().await.status.as_u16()
    };
    let soon = async |expected: u16| {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(2);
        while may().await != expected {
            assert!(std::time::Instant::now() < deadline, "not {expected} after 2 s");
        }
    };
    assert_eq!(may().await, 403);
    let own = world.put(&role("operator")).bearer(&ada.token).bare().await;
    assert_eq!(own.problem(), (403, "forbidden"), "nobody makes themselves an operator");

    world.put(&role("operator")).bearer(&root.token).bare().await.done();
    soon(404).await;
    world.delete(&role("operator")).bearer(&root.token).bare().await.done();
    soon(403).await;

    world.put(&role("instructor")).bearer(&root.token).bare().await.done();
    let same = world.put(&role("instructor")).bearer(&root.token).bare().await.done();
    assert_eq!(same.body["unchanged"], true);
    let wrong = world.put(&role("king")).bearer(&root.token).bare().await;
    assert_eq!((wrong.problem(), wrong.pointer()), ((422, "invalid"), "/path/role"));
    let member = world.delete(&role("member")).bearer(&root.token).bare().await;
    assert_eq!(member.problem(), (409, "everyone-is-member"));
    let nobody = format!("/accounts/{}/roles/operator", Uuid::new_v4());
    let nobody = world.put(&nobody).bearer(&root.token).bare().await;
    assert_eq!(nobody.problem(), (404, "account-unknown"));
}

#[tokio::test]
async fn the_last_operator_stays() {
    let world = World::start().await;
    let root = world.person_with("root", &[Role::Operator]).await;
    let account = format!("/accounts/{}", root.id);
    for path in [format!("{account}/roles/operator"), account.clone(), "/accounts/me".to_owned()] {
        let refused = world.delete(&path).bearer(&root.token).bare().await;
        assert_eq!(refused.problem(), (409, "last-operator"), "{path}");
    }
    let refused = world.put(&format!("{account}/deactivation")).bearer(&root.token).bare().await;
    assert_eq!(refused.problem(), (409, "last-operator"));
    assert_eq!(world.probe(&root.token).await, 200);

    let ada = world.person_with("ada", &[Role::Operator]).await;
    world.delete(&account).bearer(&ada.token).bare().await.done();
}

#[tokio::test]
async fn a_deactivated_account_can_do_nothing_until_it_is_activated_again() {
    let world = World::start().await;
    let neighbour = world.neighbour().await;
    let root = world.person_with("root", &[Role::Operator]).await;
    let ada = world.person("ada").await;
    let path = format!("/accounts/{}/deactivation", ada.id);
    neighbour.soon(&ada.token, 200).await;
    assert_eq!(world.put(&path).bearer(&ada.token).bare().await.problem().0, 403);

    world.put(&path).bearer(&root.token).bare().await.done();
    neighbour.soon(&ada.token, 401).await;
    assert_eq!(world.session(&ada.email, PASSWORD).await.problem(), (403, "account-deactivated"));
    assert_eq!(world.session(&ada.email, "a wrong password").await.problem().0, 401);
    let refresh = world.post("/sessions/refresh").json(json!({"refresh_token": ada.refresh_token}));
    assert_eq!(refresh.await.status, 401);

    world.delete(&path).bearer(&root.token).bare().await.done();
    let again = world.log_in(ada.id, &ada.email, PASSWORD).await;
    neighbour.soon(&again.token, 200).await;
}

#[tokio::test]
async fn an_erased_person_is_gone_everywhere() {
    let world = World::start().await;
    let neighbour = world.neighbour().await;
    let ada = world.person("ada").await;
    neighbour.soon(&ada.token, 200).await;

    let erased = world.delete("/accounts/me").bearer(&ada.token).bare().await.done();
    assert_eq!(erased.status, 202);
    assert_eq!(erased.header("location"), format!("/api/v1/accounts/{}", ada.id));
    neighbour.soon(&ada.token, 401).await;
    assert_eq!(world.session(&ada.email, PASSWORD).await.problem(), (401, "bad-credentials"));
    let refresh = world.post("/sessions/refresh").json(json!({"refresh_token": ada.refresh_token}));
    assert_eq!(refresh.await.status, 401);
    let left: i64 = sqlx::query_scalar("select count(*) from identity.credentials")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(left, 0);

    let root = world.person_with("root", &[Role::Operator]).await;
    let path = format!("/accounts/{}/roles/analyst", ada.id);
    assert_eq!(
        world.put(&path).bearer(&root.token).bare().await.problem(),
        (410, "account-erased")
    );
    world.person("ada").await;
}

#[tokio::test]
async fn an_imported_account_opens_with_its_first_password() {
    let world = World::start().await;
    let account = world.imported("ada").await;
    assert_eq!(world.session("ada@example.org", PASSWORD).await.problem().0, 401);
    let password = PASSWORD.parse().unwrap();
    let context = world.system();
    account::set_password(&world.log, &world.app.passwords, &context, account, password)
        .await
        .unwrap();
    assert_eq!(world.session("ada@example.org", PASSWORD).await.status, 201);
}
