use domain::Role;
use domain::samples::{ada, middlemarch};
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn operators_see_how_every_projection_is_doing() {
    let world = World::start().await;
    let added = world.add_book(middlemarch(), "Middlemarch", "George Eliot", None).await;
    world.get("/books").after(added).ok().await;
    let token = world.token(ada(), &[Role::Operator]);
    let seen = world.get("/operations/projections").bearer(&token).ok().await;
    let books = seen["items"].as_array().unwrap().iter().find(|item| item["name"] == "books");
    let books = books.unwrap();
    assert_eq!((&books["state"], &books["position"]), (&json!("live"), &json!(added)));
    assert_eq!((&books["lag_events"], &books["degraded"]), (&json!(0), &json!(false)));
}

#[tokio::test]
async fn parked_events_come_in_pages() {
    let world = World::start().await;
    let added = world.add_book(middlemarch(), "Middlemarch", "George Eliot", None).await;
    world.get("/books").after(added).ok().await;
    sqlx::query(
        "insert into projections.parked (name, version, build, position, aggregate_type,
                                         aggregate_id, event_type, error)
         select name, version, build, place, 'book', 'b', 'BookAdded', 'too odd'
         from projections.builds, generate_series(100, 102) place where name = 'books'",
    )
    .execute(world.log.pool())
    .await
    .unwrap();
    let token = world.token(ada(), &[Role::Operator]);
    let page = world.get("/operations/parked?projection=books&limit=2").bearer(&token).ok().await;
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    assert_eq!(page["items"][0]["position"], json!(100));
    let next = format!("/operations/parked?limit=2&cursor={}", page["next"].as_str().unwrap());
    let page = world.get(&next).bearer(&token).ok().await;
    assert_eq!((page["items"].as_array().unwrap().len(), &page["next"]), (1, &json!(null)));
}

#[tokio::test]
async fn nobody_else_sees_them() {
    let world = World::start().await;
    for path in [
        "/operations/projections",
        "/operations/projections/books/verifications",
        "/operations/projections/books/verifications/1",
        "/operations/parked",
        "/operations/parked/groups",
        "/operations/parked/1",
        "/operations/processes",
        "/operations/processes/fulfilment/instances",
        "/operations/processes/fulfilment/instances/o-1",
    ] {
        assert_eq!(world.get(path).problem().await.0, 401);
        let token = world.token(ada(), &[Role::Analyst]);
        assert_eq!(world.get(path).bearer(&token).problem().await.0, 403);
    }
}

/// Three events of the books are parked; two failed alike.
async fn with_parked(world: &World) -> String {
    let first = world.register(ada(), "Ada").await;
    let added = world.add_book(middlemarch(), "Middlemarch", "George Eliot", None).await;
    world.get("/books").after(added).ok().await;
    sqlx::query(
        "insert into projections.parked (name, version, build, position, aggregate_type,
                                         aggregate_id, event_type, error)
         select name, version, build, place, 'book', 'b', 'BookAdded',
                case place when $1 then 'odd' else 'event ' || place || ' is odd' end
         from projections.builds, generate_series($1, $1 + 2) place where name = 'books'",
    )
    .bind(first)
    .execute(world.log.pool())
    .await
    .unwrap();
    world.token(ada(), &[Role::Operator])
}

#[tokio::test]
async fn what_failed_alike_is_one_line() {
    let world = World::start().await;
    let token = with_parked(&world).await;
    let path = "/operations/parked/groups?projection=books&limit=1";
    let first = world.get(path).bearer(&token).ok().await;
    let next = format!("{path}&cursor={}", first["next"].as_str().unwrap());
    let second = world.get(&next).bearer(&token).ok().await;
    assert_eq!(second["next"], Value::Null);
    let mut groups = [&first["items"][0], &second["items"][0]];
    groups.sort_by_key(|group| group["events"].as_i64());
    assert_eq!((&groups[0]["error"], &groups[0]["events"]), (&json!("odd"), &json!(1)));
    assert_eq!((&groups[1]["error"], &groups[1]["events"]), (&json!("event # is odd"), &json!(2)));
    let none = world.get("/operations/parked/groups?projection=carts").bearer(&token).ok().await;
    assert_eq!(none["items"], json!([]));
}

#[tokio::test]
async fn a_parked_event_is_shown_with_personal_values_sealed() {
    let world = World::start().await;
    let token = with_parked(&world).await;
    let page = world.get("/operations/parked?limit=1").bearer(&token).ok().await;
    let path = format!("/operations/parked/{}", page["items"][0]["id"]);
    let one = world.get(&path).bearer(&token).ok().await;
    assert_eq!((&one["error"], &one["projection"]), (&json!("odd"), &json!("books")));
    assert_eq!(one["event"]["event_type"], "AccountRegistered");
    assert!(one["event"]["payload"]["email"]["sealed"].is_object(), "{one}");
    assert!(!one.to_string().contains("ada@example.org"), "{one}");
    let none = world.get("/operations/parked/999999").bearer(&token).problem().await;
    assert_eq!(none, (404, "parked-unknown".to_owned()));
}

#[tokio::test]
async fn what_came_of_a_comparison_is_read_later() {
    let world = World::start().await;
    let token = world.token(ada(), &[Role::Operator]);
    for position in [5, 7] {
        let pool = world.log.pool();
        projections::runtime::request_verification(pool, "books", position, "ada").await.unwrap();
    }
    let path = "/operations/projections/books/verifications";
    let begun = std::time::Instant::now();
    let done = loop {
        let one = world.get(&format!("{path}/7")).bearer(&token).ok().await;
        if one["state"] == "done" {
            break one;
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{one}");
        tokio::task::yield_now().await;
    };
    assert_eq!((&done["report"]["equal"], &done["requested_by"]), (&json!(true), &json!("ada")));
    let newest = world.get(&format!("{path}?limit=1")).bearer(&token).ok().await;
    assert_eq!(newest["items"][0]["id"], 7);
    let next = format!("{path}?limit=1&cursor={}", newest["next"].as_str().unwrap());
    assert_eq!(world.get(&next).bearer(&token).ok().await["items"][0]["id"], 5);
    let none = world.get(&format!("{path}/6")).bearer(&token).problem().await;
    assert_eq!(none, (404, "verification-unknown".to_owned()));
    let nobodys = "/operations/projections/nothing/verifications";
    let none = world.get(nobodys).bearer(&token).problem().await;
    assert_eq!(none, (404, "projection-unknown".to_owned()));
}

#[tokio::test]
async fn processes_show_how_far_they_are_and_what_they_parked() {
    let world = World::start().await;
    let position = world.add_book(middlemarch(), "Middlemarch", "George Eliot", None).await;
    sqlx::query(
        "insert into processes.parked (name, instance, position, error, attempts)
         values ('fulfilment', $1, $2, 'no such stock', 5)",
    )
    .bind(middlemarch().to_string())
    .bind(position)
    .execute(world.log.pool())
    .await
    .unwrap();
    let token = world.token(ada(), &[Role::Operator]);
    let all = world.get("/operations/processes").bearer(&token).ok().await;
    let all = all["items"].as_array().unwrap();
    let fulfilment = all.iter().find(|process| process["name"] == "fulfilment").unwrap();
    assert_eq!(fulfilment["parked"], 1, "{fulfilment}");
    assert!(all.iter().all(|one| one == fulfilment || one["parked"] == 0), "{all:?}");
    assert_eq!((&fulfilment["active"], &fulfilment["head"]), (&json!(false), &json!(position)));

    let path = "/operations/processes/fulfilment/instances";
    let parked = world.get(&format!("{path}?state=parked")).bearer(&token).ok().await;
    let one = &parked["items"][0];
    assert_eq!((&one["error"], &one["attempts"]), (&json!("no such stock"), &json!(5)));
    let running = world.get(&format!("{path}?state=running")).bearer(&token).ok().await;
    assert_eq!(running["items"], json!([]));
    let steps = world.get(&format!("{path}/{}", middlemarch())).bearer(&token).ok().await;
    let reaction = &steps["reactions"][0];
    assert_eq!((&reaction["state"], &reaction["steps"]), (&json!("parked"), &json!([])));
    let none = world.get(&format!("{path}/nobody")).bearer(&token).problem().await;
    assert_eq!(none, (404, "instance-unknown".to_owned()));
    let none = world.get("/operations/processes/nothing/instances").bearer(&token);
    assert_eq!(none.problem().await, (404, "process-unknown".to_owned()));
}
