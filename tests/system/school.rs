//! A course that can be taken.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Client, Receipt, System, eventually};

/// A published course, its lessons in order, and who teaches it.
pub struct School {
    pub system: System,
    pub ines: Client,
    pub course: Uuid,
    pub lessons: Vec<Uuid>,
    /// That it was submitted, as which publication.
    pub published: Receipt,
}

impl School {
    pub async fn teaching(lessons: usize, seats: Option<u32>) -> Self {
        Self::of(System::start().await, lessons, seats).await
    }

    pub async fn of(system: System, lessons: usize, seats: Option<u32>) -> Self {
        let ines = system.instructor().await;
        Self::taught_by(system, ines, lessons, seats).await
    }

    pub async fn taught_by(
        system: System,
        ines: Client,
        lessons: usize,
        seats: Option<u32>,
    ) -> Self {
        let (course, lessons) = drafted(&ines, lessons, seats).await;
        let published = publish(&ines, course).await;
        Self { system, ines, course, lessons, published }
    }

    pub fn enrollment(&self) -> String {
        format!("courses/{}/enrollment", self.course)
    }

    pub fn completion(&self, lesson: usize) -> String {
        format!("courses/{}/lessons/{}/completion", self.course, self.lessons[lesson])
    }
}

/// Submits a course and waits until it is published. The receipt is the submission's.
pub async fn publish(ines: &Client, course: Uuid) -> Receipt {
    let submitted = ines.post(format!("courses/{course}/publication"), json!({})).await.accepted();
    let workflow = format!("workflows/{}", submitted.id());
    let over = ["COMPLETED", "FAILED"].map(Value::from);
    let ended =
        eventually(|| ines.get(&workflow), |answer| over.contains(&answer.body["state"])).await;
    assert_eq!(ended["state"], "COMPLETED", "{ended}");
    submitted
}

/// A course that nobody but its instructor knows yet.
pub async fn drafted(ines: &Client, lessons: usize, seats: Option<u32>) -> (Uuid, Vec<Uuid>) {
    let course = json!({
        "title": format!("Reading slowly {}", Uuid::now_v7().simple()),
        "description": "How to stay with a page.", "skills": ["reading"], "seats": seats,
    });
    let course = ines.post("courses", course).await.accepted().id();
    let mut ids = Vec::new();
    for number in 1..=lessons {
        let lesson = lesson(&format!("Lesson {number}"));
        ids.push(ines.post(format!("courses/{course}/lessons"), lesson).await.accepted().id());
    }
    (course, ids)
}

pub fn lesson(title: &str) -> Value {
    json!({ "title": title, "text": "Begin with *one* page.", "minutes": 5 })
}
