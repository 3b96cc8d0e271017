//! A course that can be taken.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Client, Receipt, System};

/// A published course, its lessons in order, and who teaches it.
pub struct School {
    pub system: System,
    pub ines: Client,
    pub course: Uuid,
    pub lessons: Vec<Uuid>,
    /// That it was published.
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
        let publication = format!("courses/{course}/publication");
        let published = ines.post(publication, json!({})).await.accepted();
        Self { system, ines, course, lessons, published }
    }

    pub fn enrollment(&self) -> String {
        format!("courses/{}/enrollment", self.course)
    }

    pub fn completion(&self, lesson: usize) -> String {
        format!("courses/{}/lessons/{}/completion", self.course, self.lessons[lesson])
    }
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
