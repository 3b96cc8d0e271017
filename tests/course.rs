use serde_json::json;
use uuid::Uuid;

use crate::system::{Client, School, System, drafted, lesson, publish};

async fn published(ines: &Client, seats: u32) -> Uuid {
    let body = json!({
        "title": "Reading slowly", "description": "One page a day.", "skills": ["reading"],
        "seats": seats,
    });
    let course = ines.post("courses", body).await.accepted().id();
    let lesson = json!({ "title": "One page a day", "text": "Begin with one page.", "minutes": 5 });
    ines.post(format!("courses/{course}/lessons"), lesson).await.accepted();
    publish(ines, course).await;
    course
}

#[tokio::test]
async fn a_published_course_can_be_taken_and_its_progress_seen() {
    let system = System::start().await;
    let (ines, ada) = (system.instructor().await, system.ada().await);
    let course = published(&ines, 10).await;

    let enrolled = ada.put(format!("courses/{course}/enrollment"), json!({})).await.accepted();

    let mine = ada.get("accounts/me/enrollments").after(&enrolled).await;
    assert_eq!(mine["items"][0]["course"], course.to_string(), "{mine}");
    let page = ada.get(format!("courses/{course}")).after(&enrolled).await;
    let lesson = page["lessons"][0]["id"].as_str().unwrap();
    let completion = format!("courses/{course}/lessons/{lesson}/completion");
    let completed = ada.put(completion, json!({})).await.accepted();
    let progress = ada.get(format!("courses/{course}/progress")).after(completed).await;
    assert_eq!(progress["percent"], 100, "{progress}");
}

#[tokio::test]
async fn the_last_seat_is_given_once() {
    let system = System::start().await;
    let ines = system.instructor().await;
    let course = published(&ines, 1).await;
    let path = format!("courses/{course}/enrollment");
    system.ada().await.put(&path, json!({})).await.accepted();

    system.bob().await.put(&path, json!({})).await.refused(409, "course-full");
}

#[tokio::test]
async fn a_course_not_published_takes_nobody() {
    let system = System::start().await;
    let ines = system.instructor().await;
    let course = ines.post("courses", json!({ "title": "A draft" })).await.accepted().id();

    let answer = system.ada().await.put(format!("courses/{course}/enrollment"), json!({})).await;

    assert!([404, 409].contains(&answer.status.as_u16()), "{answer}");
}

#[tokio::test]
async fn lessons_are_added_moved_and_removed_and_keep_their_order() {
    let system = System::start().await;
    let ines = system.instructor().await;
    let (course, lessons) = drafted(&ines, 2, None).await;
    let path = format!("courses/{course}/lessons");
    let mut first = lesson("First");
    first["position"] = json!(1);
    let added = ines.post(&path, first).await;
    assert_eq!(added.status.as_u16(), 201, "{added}");
    assert!(added.header("location").starts_with(&format!("/api/v1/{path}/")), "{added}");
    let added = added.accepted();
    let titles = |page: &crate::system::Answer| -> Vec<String> {
        let lessons = page["lessons"].as_array().unwrap();
        lessons.iter().map(|lesson| lesson["title"].as_str().unwrap().to_owned()).collect()
    };
    let page = ines.get(format!("courses/{course}")).after(&added).await;
    assert_eq!(titles(&page), ["First", "Lesson 1", "Lesson 2"]);

    let last = json!({ "position": 3, "title": "Last" });
    let moved = ines.patch(format!("{path}/{}", lessons[0]), last).await.accepted();
    let page = ines.get(format!("courses/{course}")).after(&moved).await;
    assert_eq!(titles(&page), ["First", "Lesson 2", "Last"]);
    let removed = ines.delete(format!("{path}/{}", lessons[1])).await.accepted();
    let page = ines.get(format!("courses/{course}")).after(&removed).await;
    assert_eq!(titles(&page), ["First", "Last"]);
    assert_eq!(page["lessons"][1]["position"], 2, "{page}");
    let beyond = ines.patch(format!("{path}/{}", lessons[0]), json!({ "position": 9 })).await;
    assert_eq!(beyond.refused(422, "invalid")["errors"][0]["pointer"], "/position");
}

#[tokio::test]
async fn a_course_without_lessons_or_description_is_not_published() {
    let system = System::start().await;
    let ines = system.instructor().await;
    let (empty, _) = drafted(&ines, 0, None).await;
    let publication = format!("courses/{empty}/publication");
    ines.post(&publication, json!({})).await.refused(409, "course-without-lesson");
    let untold = json!({ "title": "Nothing to read yet" });
    ines.post(format!("courses/{empty}/lessons"), untold).await.accepted();
    ines.post(&publication, json!({})).await.refused(409, "course-without-lesson");

    let bare = ines.post("courses", json!({ "title": "Bare" })).await.accepted().id();
    ines.post(format!("courses/{bare}/lessons"), lesson("One")).await.accepted();
    let publication = format!("courses/{bare}/publication");
    ines.post(&publication, json!({})).await.refused(409, "course-without-description");
}

#[tokio::test]
async fn a_draft_that_is_archived_is_seen_by_nobody_else() {
    let system = System::start().await;
    let (ines, ada) = (system.instructor().await, system.ada().await);
    let (course, _) = drafted(&ines, 1, None).await;

    let archived = ines.delete(format!("courses/{course}")).await.accepted();

    let path = format!("courses/{course}");
    assert_eq!(ines.get(&path).after(&archived).await["state"], "archived");
    ada.get(&path).after(&archived).await.refused(404, "item-unknown");
    system.get(format!("{path}/comments")).after(archived).await.refused(404, "item-unknown");
}

#[tokio::test]
async fn only_its_instructor_changes_a_course_or_sees_its_draft() {
    let system = System::start().await;
    let (ines, other, ada) =
        (system.instructor().await, system.instructor().await, system.ada().await);
    let (course, lessons) = drafted(&ines, 1, None).await;
    let path = format!("courses/{course}");
    let title = json!({ "title": "Mine now" });

    other.patch(&path, title.clone()).await.refused(403, "not-the-instructor");
    other.post(format!("{path}/lessons"), lesson("X")).await.refused(403, "not-the-instructor");
    other.delete(format!("{path}/lessons/{}", lessons[0])).await.refused(403, "not-the-instructor");
    let publication = format!("{path}/publication");
    other.post(&publication, json!({})).await.refused(403, "not-the-instructor");
    ada.patch(&path, title).await.refused(403, "forbidden");
    ada.post("courses", json!({ "title": "T" })).await.refused(403, "forbidden");
    let last = ines.patch(&path, json!({ "level": "beginner" })).await.accepted();
    other.get(&path).after(&last).await.refused(404, "item-unknown");
    let page = ines.get(&path).after(last).await;
    assert_eq!((&page["state"], &page["level"]), (&json!("draft"), &json!("beginner")), "{page}");
}

#[tokio::test]
async fn an_archived_course_takes_nobody_and_changes_no_more() {
    let school = School::teaching(1, None).await;
    let ada = school.system.ada().await;
    let path = format!("courses/{}", school.course);
    let archived = school.ines.delete(&path).await.accepted();
    assert!(archived.position > school.published.position);

    ada.put(school.enrollment(), json!({})).await.refused(409, "course-not-open");
    let change = school.ines.patch(&path, json!({ "title": "Again" })).await;
    change.refused(410, "course-archived");
    let page = school.system.get(&path).after(archived).await;
    assert_eq!(page["state"], "archived", "{page}");
}
