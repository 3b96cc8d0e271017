use std::time::{Duration, Instant};

use serde_json::json;

use crate::world::{Answer, PASSWORD, Person, World};

async fn refresh(world: &World, token: &str) -> Answer {
    world.post("/sessions/refresh").json(json!({ "refresh_token": token })).await
}

#[tokio::test]
async fn tokens_are_given_for_a_while_and_kept_only_as_hashes() {
    let world = World::start().await;
    let ada = world.person("ada").await;
    let answer = world.session(&ada.email, PASSWORD).await;
    assert_eq!(answer.body["token_type"], "Bearer");
    assert_eq!(answer.body["expires_in"], 1800);
    assert_eq!(answer.header("cache-control"), "no-store");
    let stored: String = sqlx::query_scalar(
        "select string_agg(t::text, ' ') || (select string_agg(s::text, ' ') from identity.sessions s)
         from identity.refresh_tokens t",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    let refresh_token = answer.body["refresh_token"].as_str().unwrap();
    assert!(!stored.contains(refresh_token) && !stored.contains(&refresh_token[8..24]));
}

#[tokio::test]
async fn nobody_learns_whether_an_account_exists() {
    let world = World::start().await;
    world.person("ada").await;
    let wrong = world.session("ada@example.org", "a wrong password").await;
    let unknown = world.session("nobody@example.org", "a wrong password").await;
    assert_eq!(wrong.problem(), (401, "bad-credentials"));
    assert_eq!(unknown.problem(), (401, "bad-credentials"));
    assert_eq!(wrong.body["detail"], unknown.body["detail"]);
    assert_eq!(world.session("ada@example.org", &"x".repeat(100_000)).await.problem().0, 401);
}

#[tokio::test]
async fn a_refresh_token_works_once_and_a_lost_answer_can_be_asked_for_again() {
    let world = World::start().await;
    let ada = world.person("ada").await;
    let second = refresh(&world, &ada.refresh_token).await.done();
    let token = second.body["access_token"].as_str().unwrap();
    assert_eq!(world.probe(token).await, 200);
    assert_ne!(second.body["refresh_token"], ada.refresh_token.as_str());
    refresh(&world.neighbour().await, &ada.refresh_token).await.done();
    refresh(&world, second.body["refresh_token"].as_str().unwrap()).await.done();
    assert_eq!(refresh(&world, "dbr_unknown").await.problem(), (401, "refresh-token-invalid"));
}

#[tokio::test]
async fn a_stolen_refresh_token_ends_the_whole_family_and_the_auditor_sees_whose() {
    let world = World::start().await;
    let ada = world.person("ada").await;
    let other = world.log_in(ada.id, &ada.email, PASSWORD).await;
    let second = refresh(&world, &ada.refresh_token).await.done();
    let (token, next) = (&second.body["access_token"], &second.body["refresh_token"]);
    sqlx::query("update identity.refresh_tokens set used_at = used_at - interval '11 seconds'")
        .execute(&world.pool)
        .await
        .unwrap();

    let reused = refresh(&world, &ada.refresh_token).await;
    assert_eq!(reused.problem(), (401, "refresh-token-invalid"));
    assert_eq!(refresh(&world, next.as_str().unwrap()).await.status, 401);
    world.soon(token.as_str().unwrap(), 401).await;
    assert_eq!(world.probe(&other.token).await, 200, "another log-in goes on");
    assert_eq!(refresh(&world, &ada.refresh_token).await.status, 401);
    is_in_the_log_once(&world, &ada).await;

    let deadline = Instant::now() + Duration::from_secs(10);
    let recorded = async || -> bool {
        sqlx::query_scalar(
            "select exists (select from eventstore.access_log
                            where code = 'refresh-token-invalid' and account = $1)",
        )
        .bind(ada.id.uuid())
        .fetch_one(&world.pool)
        .await
        .unwrap()
    };
    while !recorded().await {
        assert!(Instant::now() < deadline, "the denial is not recorded");
    }
}

async fn is_in_the_log_once(world: &World, ada: &Person) {
    let recorded: Vec<String> = sqlx::query_scalar(
        "select payload->>'session' from eventstore.events
         where event_type = 'RefreshReuseDetected' and aggregate_id = $1",
    )
    .bind(ada.id.to_string())
    .fetch_all(&world.pool)
    .await
    .unwrap();
    let ended: String =
        sqlx::query_scalar("select id::text from identity.sessions where revoked_for = 'reused'")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!(recorded, [ended]);
}

#[tokio::test]
async fn a_crash_before_a_stolen_token_is_recorded_is_made_up_for_when_it_comes_back() {
    let world = World::start().await;
    let ada = world.person("ada").await;
    sqlx::query("update identity.sessions set revoked_at = now(), revoked_for = 'reused'")
        .execute(&world.pool)
        .await
        .unwrap();
    let ended = refresh(&world, &ada.refresh_token).await;
    assert_eq!(ended.problem(), (401, "refresh-token-invalid"));
    is_in_the_log_once(&world, &ada).await;
}

#[tokio::test]
async fn who_logs_out_is_out_everywhere() {
    let world = World::start().await;
    let neighbour = world.neighbour().await;
    let ada = world.person("ada").await;
    neighbour.soon(&ada.token, 200).await;
    let out = world.delete("/sessions/current").bearer(&ada.token).bare().await;
    assert_eq!((out.status.as_u16(), out.text.as_str()), (204, ""));
    neighbour.soon(&ada.token, 401).await;
    assert_eq!(refresh(&world, &ada.refresh_token).await.problem().0, 401);
}

#[tokio::test]
async fn an_expired_refresh_token_is_unknown() {
    let world = World::start().await;
    let ada = world.person("ada").await;
    sqlx::query("update identity.refresh_tokens set expires_at = now() - interval '1 second'")
        .execute(&world.pool)
        .await
        .unwrap();
    assert_eq!(refresh(&world, &ada.refresh_token).await.problem().0, 401);
}

#[tokio::test]
async fn what_has_been_over_for_a_day_is_removed() {
    let world = World::start().await;
    let (ada, bob) = (world.person("ada").await, world.person("bob").await);
    refresh(&world, &ada.refresh_token).await.done();
    sqlx::query(
        "with over as (update identity.sessions set expires_at = now() - interval '25 hours'
                       where account = $1 returning id)
         insert into identity.refresh_tokens (hash, session, expires_at)
         select sha256(n::text::bytea), over.id, now() - interval '25 hours'
         from over, generate_series(1, 2100) n",
    )
    .bind(ada.id.uuid())
    .execute(&world.pool)
    .await
    .unwrap();

    command_api::sweep(&world.log).await.unwrap();

    let left: (i64, i64) = sqlx::query_as(
        "select (select count(*) from identity.sessions),
                (select count(*) from identity.refresh_tokens)",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(left, (1, 1), "one session and its token are Bob's");
    refresh(&world, &bob.refresh_token).await.done();
}
