use domain::course::{Course, Details, Event, LessonDetails};
use domain::samples::{ada, at, lesson, rust_course, tags, text, uuid};
use serde_json::json;

use super::{History, rows};
use crate::course::Courses;

fn lesson_details(title: &str) -> Box<LessonDetails> {
    let text = Some(text(&format!("# {title}")));
    Box::new(LessonDetails { title: domain::samples::text(title), text, minutes: None })
}

fn added(number: u128, title: &str, position: u32) -> Event {
    let details = lesson_details(title);
    Event::LessonAdded {
        course: rust_course(),
        lesson: lesson(number),
        position,
        details,
        at: at(1),
    }
}

#[tokio::test]
async fn a_course_page_has_its_lessons_in_order() {
    let course = rust_course();
    let details = Details {
        title: text("Rust for archivists"),
        description: Some(text("Ownership of records.")),
        level: Some(domain::course::Level::Beginner),
        skills: tags(["rust"]),
        seats: 30.try_into().ok(),
    };
    let publication = uuid(0x9b).into();
    let history = History::default().with::<Course>(
        course,
        [
            Event::CourseCreated {
                course,
                instructor: ada(),
                details: Box::new(details),
                at: at(0),
            },
            added(1, "Values", 1),
            added(2, "Moves", 2),
            added(3, "Preface", 1),
            added(4, "Mistake", 4),
            Event::LessonRemoved { course, lesson: lesson(4), position: 4, at: at(2) },
            Event::LessonMoved { course, lesson: lesson(2), from: 3, to: 2, at: at(2) },
            Event::LessonRevised {
                course,
                lesson: lesson(1),
                details: lesson_details("Values and types"),
                at: at(3),
            },
            Event::PublicationRequested { course, publication, at: at(4) },
            Event::CoursePublished {
                course,
                publication,
                instructor: ada(),
                lessons: 3,
                at: at(4),
            },
        ],
    );
    let tables = rows(&Courses, &history).await;
    assert_eq!(tables["courses"][0]["state"], json!("published"));
    assert_eq!(tables["courses"][0]["seats"], json!(30));
    let mut lessons = tables["lessons"].clone();
    lessons.sort_by_key(|row| row["place"].as_i64());
    let shown: Vec<_> = lessons.iter().map(|row| (&row["title"], &row["body"])).collect();
    assert_eq!(
        shown,
        [
            (&json!("Preface"), &json!("# Preface")),
            (&json!("Moves"), &json!("# Moves")),
            (&json!("Values and types"), &json!("# Values and types")),
        ]
    );
    let workflow = &tables["workflows"][0];
    assert_eq!(
        (&workflow["state"], &workflow["workflow"]),
        (&json!("COMPLETED"), &json!(publication))
    );
}
