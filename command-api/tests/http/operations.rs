use domain::Role;
use serde_json::json;

use crate::world::World;

/// As if a worker had run and set two events of one stream aside.
async fn with_projection(world: &World) -> i64 {
    sqlx::raw_sql(
        "insert into projections.leases (name, version) values ('item_ratings', 1);
         insert into projections.builds (name, version, build, schema, state)
         values ('item_ratings', 1, 1, 'item_ratings_v1_1', 'live');
         insert into projections.parked (name, version, build, position, aggregate_type,
                                         aggregate_id, event_type, error, attempts)
         values ('item_ratings', 1, 1, 7, 'rating', 'a', 'ItemRated', 'too odd', 5),
                ('item_ratings', 1, 1, 9, 'rating', 'a', 'ItemRated', null, 0)",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    sqlx::query_scalar("select min(id) from projections.parked")
        .fetch_one(&world.pool)
        .await
        .unwrap()
}

async fn says(world: &World, question: &str) -> bool {
    sqlx::query_scalar(question).fetch_one(&world.pool).await.unwrap()
}

#[tokio::test]
async fn a_rebuild_asked_for_twice_with_one_key_is_one_build() {
    let world = World::start().await;
    with_projection(&world).await;
    let op = world.person_with("op", &[Role::Operator]).await;
    let path = "/operations/projections/item_ratings/rebuild";
    let first = world.post(path).bearer(&op.token).key("again").bare().await;
    assert_eq!((first.status.as_u16(), &first.body["build"]), (202, &json!(2)));
    // It went live; the client, which never saw the answer, asks again.
    sqlx::query("update projections.builds set state = 'retired' where build = 2")
        .execute(&world.pool)
        .await
        .unwrap();
    let second = world.post(path).bearer(&op.token).key("again").bare().await;
    assert_eq!((second.status.as_u16(), &second.body["build"]), (202, &json!(2)));
    assert!(says(&world, "select count(*) = 2 from projections.builds").await);
}

#[tokio::test]
async fn an_old_pause_repeated_does_not_undo_a_resume() {
    let world = World::start().await;
    with_projection(&world).await;
    let op = world.person_with("op", &[Role::Operator]).await;
    let (pause, resume) = (
        "/operations/projections/item_ratings/pause",
        "/operations/projections/item_ratings/resume",
    );
    world.post(pause).bearer(&op.token).key("p").bare().await.done();
    assert!(says(&world, "select count(*) = 1 from projections.paused").await);
    world.post(resume).bearer(&op.token).bare().await.done();
    world.post(pause).bearer(&op.token).key("p").bare().await.done();
    assert!(says(&world, "select count(*) = 0 from projections.paused").await);
}

#[tokio::test]
async fn parked_events_are_tried_again_or_given_up() {
    let world = World::start().await;
    let parked = with_projection(&world).await;
    let op = world.person_with("op", &[Role::Operator]).await;
    let path = format!("/operations/parked/{parked}");
    world.post(&format!("{path}/retry")).bearer(&op.token).bare().await.done();
    assert!(
        says(&world, "select due_at is not null from projections.parked where position = 7").await
    );
    let all = world.post("/operations/projections/item_ratings/retry").bearer(&op.token);
    assert_eq!(all.json(json!({"events": 10})).await.done().body["events"], 1);

    let why = world.delete(&path).bearer(&op.token).bare().await;
    assert_eq!(why.problem().0, 422);
    let given_up = format!("{path}?reason=a+typing+error");
    world.delete(&given_up).bearer(&op.token).bare().await.done();
    assert!(says(&world, "select reason = 'a typing error' from projections.discards").await);
    assert!(says(&world, "select discarded from projections.parked where position = 7").await);
    assert!(
        says(
            &world,
            "select count(*) = 3 from eventstore.events
             where aggregate_type = 'projection' and aggregate_id = 'item_ratings'",
        )
        .await
    );
}

#[tokio::test]
async fn only_operators_may_and_only_what_there_is() {
    let world = World::start().await;
    with_projection(&world).await;
    let ada = world.person("ada").await;
    let path = "/operations/projections/item_ratings/rebuild";
    assert_eq!(world.post(path).bearer(&ada.token).bare().await.problem(), (403, "forbidden"));
    let op = world.person_with("op", &[Role::Operator]).await;
    let path = "/operations/projections/nonsense/pause";
    let unknown = world.post(path).bearer(&op.token).bare().await;
    assert_eq!(unknown.problem(), (404, "projection-unknown"));
    let unknown = world.post("/operations/parked/999/retry").bearer(&op.token).bare().await;
    assert_eq!(unknown.problem(), (404, "parked-unknown"));
}
