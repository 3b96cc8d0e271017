use serde_json::json;
use uuid::Uuid;

use crate::system::{Client, System};

async fn published(ines: &Client, seats: u32) -> Uuid {
    let body = json!({
        "title": "Reading slowly", "description": "One page a day.", "skills": ["reading"],
        "seats": seats,
    });
    let course = ines.post("courses", body).await.accepted().id();
    let lesson = json!({ "title": "One page a day", "text": "Begin with one page.", "minutes": 5 });
    ines.post(format!("courses/{course}/lessons"), lesson).await.accepted();
    let publication = ines.post(format!("courses/{course}/publication"), json!({})).await;
    assert_eq!(publication.status.as_u16(), 202, "{publication}");
    assert!(publication.header("location").contains("/workflows/"), "{publication}");
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
