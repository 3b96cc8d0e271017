use domain::samples::{ada, middlemarch, uuid};
use projections::runtime;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_token_waits_for_the_projections_and_says_how_far_they_are() {
    let world = World::start().await;
    let added = world.add_book(middlemarch(), "Middlemarch", "George Eliot", None).await;
    let path = format!("/books/{}", middlemarch());
    let answer = world.get(&path).after(added).answer().await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.header("projection-position").parse::<i64>().unwrap() >= added);
    assert_eq!(answer.header("vary"), "Authorization, Accept");
}

#[tokio::test]
async fn a_position_that_never_comes_is_answered_with_the_lag() {
    let world = World::start().await;
    let added = world.add_book(middlemarch(), "Middlemarch", "George Eliot", None).await;
    world.get("/books").after(added).ok().await;
    let ask = world.get("/books").with("consistency-token", added + 40).with("prefer", "wait=0");
    let answer = ask.answer().await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.body["code"], json!("projection-behind"));
    assert_eq!(answer.body["lag_events"], json!(40));
    assert_eq!(answer.header("retry-after"), "1");
    let bad = world.get("/books").with("consistency-token", "soon");
    assert_eq!(bad.problem().await, (400, "bad-header".to_owned()));
}

#[tokio::test]
async fn without_read_models_there_is_nothing_to_read_yet() {
    let world = World::without_projections().await;
    let ask = world.get("/books").with("prefer", "wait=0");
    assert_eq!(ask.problem().await, (503, "projection-behind".to_owned()));
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again_until_it_changes() {
    let world = World::start().await;
    let added = world.add_book(middlemarch(), "Middlemarch", "George Eliot", None).await;
    let path = format!("/books/{}", middlemarch());
    let first = world.get(&path).after(added).answer().await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("\"1."), "{tag}");
    let again = world.get(&path).with("if-none-match", &tag).answer().await;
    assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""));
    let rated = world.rate(ada(), middlemarch(), 9).await;
    let changed = world.get(&path).with("if-none-match", &tag).after(rated).answer().await;
    assert_eq!(changed.status, 200);
    assert_eq!(changed.body["rating"], json!({"count": 1, "average": 9.0}));
}

#[tokio::test]
async fn what_a_rebuild_mends_shows_though_no_position_changed() {
    let world = World::start().await;
    let added = world.add_book(middlemarch(), "Middlemarch", "George Eliot", None).await;
    let path = format!("/books/{}", middlemarch());
    let title = async || world.get(&path).after(added).ok().await["title"].clone();
    let pool = world.log.pool();
    world
        .until(&format!("select position >= {added} from projections.live where name = 'books'"))
        .await;
    sqlx::query("update readmodel.books set title = 'Middlemarsh'").execute(pool).await.unwrap();
    assert_eq!(title().await, "Middlemarsh");

    let build = runtime::rebuild(pool, "books").await.unwrap().build;
    world
        .until(&format!("select build = {build} from projections.live where name = 'books'"))
        .await;
    assert_eq!(title().await, "Middlemarch");
}

#[tokio::test]
async fn pages_neither_repeat_nor_lose_rows_while_others_are_added() {
    let world = World::start().await;
    let mut last = 0;
    for n in 1..=5 {
        last = world.add_book(uuid(n).into(), &format!("Volume {n}"), "Anon", None).await;
    }
    let first = world.get("/books?limit=2&sort=newest").after(last).answer().await;
    let titles = |body: &serde_json::Value| -> Vec<String> {
        let items = body["items"].as_array().unwrap().iter();
        items.map(|item| item["title"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(titles(&first.body), ["Volume 5", "Volume 4"]);
    last = world.add_book(uuid(6).into(), "Volume 6", "Anon", None).await;
    let link = first.header("link").to_owned();
    let next = link.trim_start_matches('<').split('>').next().unwrap();
    let second = world.follow(next).after(last).answer().await;
    assert_eq!(titles(&second.body), ["Volume 3", "Volume 2"]);
    let cursor = second.body["next"].as_str().unwrap();
    let third = world.get(&format!("/books?limit=2&sort=newest&cursor={cursor}")).answer().await;
    assert_eq!(titles(&third.body), ["Volume 1"]);
    assert_eq!(third.body["next"], json!(null));
    let other = world.get(&format!("/books?sort=title&cursor={cursor}"));
    assert_eq!(other.problem().await, (400, "bad-cursor".to_owned()));
}

#[tokio::test]
async fn a_wrong_question_is_pointed_at() {
    let world = World::start().await;
    let cases = [
        ("/books?limit=0", "/query/limit"),
        ("/books?colour=red", "/query/colour"),
        ("/books?sort=loudest", "/query/sort"),
        ("/books/middlemarch", "/path/id"),
        ("/search?q=%20", "/query/q"),
        ("/top?period=eon", "/query/period"),
    ];
    for (path, pointer) in cases {
        let answer = world.get(path).answer().await;
        assert_eq!(answer.status, 422, "{path}: {}", answer.text);
        assert_eq!(answer.body["errors"][0]["pointer"], json!(pointer), "{path}");
    }
}

#[tokio::test]
async fn what_is_not_public_needs_a_token() {
    let world = World::start().await;
    let id = uuid(1);
    let paths = [
        "/accounts/me".to_owned(),
        format!("/accounts/{id}"),
        format!("/accounts/{id}/followers"),
        "/accounts/me/ratings".to_owned(),
        "/accounts/me/orders".to_owned(),
        format!("/orders/{id}"),
        format!("/stock/{id}"),
        "/recommendations".to_owned(),
        "/analytics/summary".to_owned(),
        "/live".to_owned(),
        format!("/workflows/{id}"),
        format!("/books/{id}/likes"),
        format!("/comments/{id}/likes"),
    ];
    for path in paths {
        assert_eq!(world.get(&path).problem().await.0, 401, "{path}");
    }
}
