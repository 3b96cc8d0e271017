use axum::http::Method;
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

#[tokio::test]
async fn what_failed_alike_is_tried_again_or_given_up_together() {
    let world = World::start().await;
    with_projection(&world).await;
    sqlx::raw_sql(
        "insert into projections.parked (name, version, build, position, aggregate_type,
                                         aggregate_id, event_type, error, attempts)
         select 'item_ratings', 1, 1, place, 'rating', place::text, 'ItemRated',
                'event ' || place || ' is unlucky', 5
         from generate_series(21, 23) as place",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    let group: String =
        sqlx::query_scalar("select error_group from projections.parked where position = 21")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    let op = world.person_with("op", &[Role::Operator]).await;
    let path = |action| format!("/operations/projections/item_ratings/{action}");

    let retry = world.post(&path("retry")).bearer(&op.token);
    let retried = retry.json(json!({"events": 10, "group": group})).await.done();
    assert_eq!(retried.body["events"], 3);
    assert!(
        says(&world, "select count(*) = 3 from projections.parked where due_at is not null").await
    );

    let body = json!({"events": 2, "group": group, "reason": "an importer's mistake"});
    for _ in 0..2 {
        let discard = world.post(&path("discard")).bearer(&op.token).key("twice");
        discard.json(body.clone()).await.done();
    }
    assert!(
        says(
            &world,
            "select array_agg(position order by position) = '{21, 22}'
                    and min(reason) = 'an importer''s mistake' from projections.discards",
        )
        .await,
        "a command that is repeated gives up no more"
    );
    assert!(
        says(
            &world,
            "select count(*) = 2 from eventstore.events
             where event_type in ('ParkedGroupRetried', 'ParkedGroupDiscarded')",
        )
        .await
    );

    let nothing = json!({"events": 2, "group": "no such", "reason": "x"});
    let discard = world.post(&path("discard")).bearer(&op.token).json(nothing).await;
    assert_eq!(discard.problem(), (404, "parked-group-unknown"));
    let none = json!({"events": 0, "group": group, "reason": "x"});
    let discard = world.post(&path("discard")).bearer(&op.token).json(none).await;
    assert_eq!(discard.problem(), (422, "invalid"));
}

#[tokio::test]
async fn a_comparison_asked_for_twice_with_one_key_is_one_comparison() {
    let world = World::start().await;
    with_projection(&world).await;
    let op = world.person_with("op", &[Role::Operator]).await;
    let path = "/operations/projections/item_ratings/verify";
    let first = world.post(path).bearer(&op.token).key("again").bare().await;
    let second = world.post(path).bearer(&op.token).key("again").bare().await;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (202, 202));
    let position = &first.body["position"];
    let location = format!("/api/v1/operations/projections/item_ratings/verifications/{position}");
    assert_eq!(first.headers["location"], location.as_str());
    let question = format!(
        "select count(*) = 1 and min(requested_by) = '{}' from projections.verifications
         where name = 'item_ratings' and position = {position} and state = 'waiting'",
        op.id
    );
    assert!(says(&world, &question).await);
}

#[tokio::test]
async fn a_parked_instance_is_tried_again_at_once() {
    let world = World::start().await;
    sqlx::raw_sql(
        "insert into processes.parked (name, instance, position, error, due_at)
         values ('fulfilment', 'o-1', 7, 'too odd', 'infinity'),
                ('fulfilment', 'o-1', 9, null, 'infinity')",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    let op = world.person_with("op", &[Role::Operator]).await;
    let path = |process, id| format!("/operations/processes/{process}/instances/{id}/retry");
    world.post(&path("fulfilment", "o-1")).bearer(&op.token).bare().await.done();
    assert!(
        says(&world, "select due_at <= clock_timestamp() from processes.parked where position = 7")
            .await
    );
    let recorded = format!(
        "select payload->>'instance' = 'o-1' and (payload->>'position')::int = 7
                and metadata->>'actor' = '{}'
         from eventstore.events where event_type = 'ProcessInstanceRetried'",
        op.id
    );
    assert!(says(&world, &recorded).await);

    let sound = world.post(&path("fulfilment", "o-2")).bearer(&op.token).bare().await;
    assert_eq!(sound.problem(), (409, "instance-not-parked"));
    let unknown = world.post(&path("nonsense", "o-1")).bearer(&op.token).bare().await;
    assert_eq!(unknown.problem(), (404, "process-unknown"));
    let ada = world.person("ada").await;
    let refused = world.post(&path("fulfilment", "o-1")).bearer(&ada.token).bare().await;
    assert_eq!(refused.problem(), (403, "forbidden"));
}

#[tokio::test]
async fn whoever_repeats_what_has_taken_effect_hears_the_first_answer() {
    let world = World::start().await;
    let parked = with_projection(&world).await;
    sqlx::raw_sql(
        "insert into processes.parked (name, instance, position, error, due_at)
         values ('fulfilment', 'o-1', 7, 'too odd', 'infinity')",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    let group: String =
        sqlx::query_scalar("select error_group from projections.parked where position = 7")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    let op = world.person_with("op", &[Role::Operator]).await;
    let of_group = json!({"events": 2, "group": group});
    let given_up = json!({"events": 2, "group": group, "reason": "an importer's mistake"});
    let asked = [
        (Method::POST, format!("/operations/parked/{parked}/retry"), json!({})),
        (Method::POST, "/operations/projections/item_ratings/retry".to_owned(), of_group),
        (
            Method::POST,
            "/operations/processes/fulfilment/instances/o-1/retry".to_owned(),
            json!({}),
        ),
        (Method::POST, "/operations/projections/item_ratings/discard".to_owned(), given_up),
        (
            Method::DELETE,
            format!("/operations/parked/{}?reason=a+typing+error", parked + 1),
            json!({}),
        ),
    ];
    let ask = |(method, path, body): &(Method, String, serde_json::Value)| {
        world.ask(method.clone(), path).bearer(&op.token).key(path).json(body.clone())
    };
    let mut answers = Vec::new();
    for asked in &asked {
        answers.push(ask(asked).await.done());
    }
    sqlx::raw_sql("delete from projections.parked; delete from processes.parked")
        .execute(&world.pool)
        .await
        .unwrap();

    for (asked, first) in asked.iter().zip(answers) {
        let again = ask(asked).await.done();
        assert_eq!(again.header("idempotency-replayed"), "true", "{asked:?}");
        assert_eq!(again.body["position"], first.body["position"], "{asked:?}");
    }
    let anew = world.post("/operations/processes/fulfilment/instances/o-1/retry");
    let anew = anew.bearer(&op.token).bare().await;
    assert_eq!(anew.problem(), (409, "instance-not-parked"));
}
