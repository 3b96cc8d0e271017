use domain::Role;
use domain::samples::{ada, middlemarch};
use serde_json::json;

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
    for path in ["/operations/projections", "/operations/parked"] {
        assert_eq!(world.get(path).problem().await.0, 401);
        let token = world.token(ada(), &[Role::Analyst]);
        assert_eq!(world.get(path).bearer(&token).problem().await.0, 403);
    }
}
