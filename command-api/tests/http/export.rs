use serde_json::json;
use uuid::Uuid;

use crate::world::World;

#[tokio::test]
async fn one_export_runs_at_a_time_and_a_lost_answer_is_given_again() {
    let world = World::start().await;
    let ada = world.person("ada").await;
    let key = Uuid::now_v7().to_string();
    let ask = || world.post("/accounts/me/export").bearer(&ada.token);
    let first = ask().key(&key).json(json!({})).await;
    assert_eq!(first.status, 202, "{}", first.text);
    let id = first.body["id"].as_str().unwrap();
    assert_eq!(first.header("location"), format!("/api/v1/exports/{id}"));
    let again = ask().key(&key).json(json!({})).await;
    assert_eq!((again.status, &again.body["id"]), (first.status, &first.body["id"]));
    assert_eq!(ask().bare().await.problem(), (409, "export-running"));
    let nobody = world.post("/accounts/me/export").bare().await;
    assert_eq!(nobody.problem(), (401, "token-required"));
}

#[tokio::test]
async fn what_is_a_week_old_is_swept() {
    let world = World::start().await;
    for (id, days) in [(Uuid::now_v7(), 6), (Uuid::now_v7(), 8)] {
        sqlx::query(
            "with made as (
                 insert into processes.exports (export, account, manifest, bytes, sha256, made_at)
                 values ($1, $1, '', 0, '', clock_timestamp() - $2 * interval '1 day'))
             insert into processes.export_pages values ($1, 1, $1, 0, '')",
        )
        .bind(id)
        .bind(days)
        .execute(&world.pool)
        .await
        .unwrap();
    }
    command_api::sweep(&world.log).await.unwrap();
    let left: (i64, i64) = sqlx::query_as(
        "select (select count(*) from processes.exports),
                (select count(*) from processes.export_pages)",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(left, (1, 1));
}
