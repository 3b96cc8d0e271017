use command_api::course;
use domain::{CourseId, Role};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Person, World};

/// A course of the instructor, not yet published; its path.
pub async fn create(world: &World, instructor: &Person, seats: Option<u32>) -> String {
    let body = json!({
        "title": "Rust for Readers", "description": "Read before you write.",
        "level": "beginner", "skills": ["Rust"], "seats": seats
    });
    let created = world.post("/courses").bearer(&instructor.token).json(body).await;
    assert_eq!(created.status, 201, "{}", created.text);
    format!("/courses/{}", created.body["id"].as_str().unwrap())
}

/// A lesson with text; its id.
pub async fn add_lesson(world: &World, instructor: &Person, course: &str) -> String {
    let body = json!({"title": "Ownership", "text": "Who frees what.", "minutes": 30});
    let path = format!("{course}/lessons");
    let added = world.post(&path).bearer(&instructor.token).json(body).await;
    assert_eq!(added.status, 201, "{}", added.text);
    added.body["id"].as_str().unwrap().to_owned()
}

/// At once: the process that does it step by step does not run here.
pub async fn publish(world: &World, instructor: &Person, course: &str) {
    let course: CourseId = course.trim_start_matches("/courses/").parse().unwrap();
    let publication = course::publication_of(course);
    let (log, context) = (&world.log, world.system());
    course::publish(log, &context, instructor.id, course, publication).await.unwrap();
}

#[tokio::test]
async fn an_instructor_writes_a_course_and_submits_it() {
    let world = World::start().await;
    let ada = world.person_with("ada", &[Role::Instructor]).await;
    let course = create(&world, &ada, Some(30)).await;
    let publication = format!("{course}/publication");
    let early = world.post(&publication).bearer(&ada.token).bare().await;
    assert_eq!(early.problem(), (409, "course-without-lesson"));

    let first = add_lesson(&world, &ada, &course).await;
    let second = add_lesson(&world, &ada, &course).await;
    let lesson = format!("{course}/lessons/{second}");
    let change = json!({"title": "Borrowing", "minutes": null, "position": 1});
    let changed = world.patch(&lesson).bearer(&ada.token).json(change).await.done();
    assert_eq!(changed.body["sequence"], 5, "revised and moved");
    let nowhere = world.patch(&lesson).bearer(&ada.token).json(json!({"position": 3})).await;
    assert_eq!((nowhere.problem(), nowhere.pointer()), ((422, "invalid"), "/position"));
    world.delete(&lesson).bearer(&ada.token).bare().await.done();
    let twice = world.delete(&lesson).bearer(&ada.token).bare().await;
    assert_eq!(twice.problem(), (404, "lesson-unknown"));

    let published = world.post(&publication).bearer(&ada.token).key("p").bare().await;
    assert_eq!(published.status, 202, "{}", published.text);
    let workflow = published.body["id"].as_str().unwrap();
    assert_eq!(published.header("location"), format!("/api/v1/workflows/{workflow}"));
    let again = world.post(&publication).bearer(&ada.token).key("p").bare().await;
    assert_eq!((again.status.as_u16(), again.body["id"].as_str()), (202, Some(workflow)));
    let other = world.post(&publication).bearer(&ada.token).bare().await;
    assert_eq!(other.problem(), (409, "course-publishing"));
    let last = format!("{course}/lessons/{first}");
    let refused = world.delete(&last).bearer(&ada.token).bare().await;
    assert_eq!(refused.problem(), (409, "course-publishing"));
    let change = world.patch(&course).bearer(&ada.token).json(json!({"title": "T"})).await;
    assert_eq!(change.problem(), (409, "course-publishing"));
    world.delete(&course).bearer(&ada.token).bare().await.done();
    let gone = world.patch(&course).bearer(&ada.token).json(json!({"title": "T"})).await;
    assert_eq!(gone.problem(), (410, "course-archived"));
}

#[tokio::test]
async fn a_published_course_keeps_its_lesson() {
    let world = World::start().await;
    let ada = world.person_with("ada", &[Role::Instructor]).await;
    let course = create(&world, &ada, None).await;
    let lesson = add_lesson(&world, &ada, &course).await;
    publish(&world, &ada, &course).await;
    let again = world.post(&format!("{course}/publication")).bearer(&ada.token).bare().await;
    assert_eq!(again.problem(), (409, "course-published"));
    let lesson = format!("{course}/lessons/{lesson}");
    let refused = world.delete(&lesson).bearer(&ada.token).bare().await;
    assert_eq!(refused.problem(), (409, "course-without-lesson"));
}

#[tokio::test]
async fn only_its_instructor_changes_a_course() {
    let world = World::start().await;
    let ada = world.person_with("ada", &[Role::Instructor]).await;
    let bob = world.person_with("bob", &[Role::Instructor]).await;
    let carl = world.person("carl").await;
    let course = create(&world, &ada, None).await;
    let change = |token: &str| world.patch(&course).bearer(token).json(json!({"title": "T"}));
    assert_eq!(change(&bob.token).await.problem(), (403, "not-the-instructor"));
    assert_eq!(change(&carl.token).await.problem(), (403, "forbidden"));
    change(&ada.token).await.done();
    let unknown = format!("/courses/{}", Uuid::now_v7());
    let unknown = world.delete(&unknown).bearer(&ada.token).bare().await;
    assert_eq!(unknown.problem(), (404, "course-unknown"));
}

#[tokio::test]
async fn a_repeated_lesson_is_the_same_lesson() {
    let world = World::start().await;
    let ada = world.person_with("ada", &[Role::Instructor]).await;
    let course = create(&world, &ada, None).await;
    let path = format!("{course}/lessons");
    let add = async || {
        let body = json!({"title": "Ownership"});
        world
            .post(&path)
            .bearer(&ada.token)
            .key("lesson 1".replace(' ', "-").as_str())
            .json(body)
            .await
    };
    let (first, again) = (add().await.done(), add().await.done());
    assert_eq!(first.body, again.body);
    assert_eq!(first.header("location"), again.header("location"));
}

#[tokio::test]
async fn what_is_wrong_with_a_course_is_pointed_at() {
    let world = World::start().await;
    let ada = world.person_with("ada", &[Role::Instructor]).await;
    let cases: [(Value, &str); 5] = [
        (json!({}), "/title"),
        (json!({"title": "T", "seats": 0}), "/seats"),
        (json!({"title": "T", "level": "hard"}), "/level"),
        (json!({"title": "T", "skills": ["a", ""]}), "/skills/1"),
        (json!({"title": "T", "published": true}), "/published"),
    ];
    for (body, pointer) in cases {
        let answer = world.post("/courses").bearer(&ada.token).json(body).await;
        assert_eq!((answer.problem(), answer.pointer()), ((422, "invalid"), pointer));
    }
}
