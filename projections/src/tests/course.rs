use domain::course::samples::{created, lesson_added, publication, publication_failed, requested};
use domain::course::{Course, Details, Event, LessonDetails};
use domain::publication::{Publication, samples};
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
    assert_eq!(tables["courses"][0]["lesson_words"], json!("'move' 'prefac' 'type' 'valu'"));
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

#[tokio::test]
async fn a_workflow_has_every_step_with_its_attempts_and_how_it_ended() {
    let (course, extracted) = (rust_course(), samples::extracted());
    let history = History::default()
        .with::<Course>(
            course,
            [created(Some("About."), None), lesson_added(lesson(1), 1, Some("Text")), requested()],
        )
        .with::<Publication>(
            publication(),
            [
                samples::started(),
                samples::completed("validate", 1, None),
                samples::advanced("extract", 1, 10),
                samples::failed("extract", 1),
                samples::completed("extract", 2, Some(extracted.clone())),
                samples::advanced("publish", 1, 20),
                samples::failed("publish", 1),
                samples::given_up("publish", 2),
            ],
        )
        .with::<Course>(course, [publication_failed()]);
    let tables = rows(&Courses, &history).await;
    assert_eq!(tables["courses"][0]["state"], json!("draft"));
    assert_eq!(tables["courses"][0]["lesson_words"], json!(""), "a draft is found by nobody");
    let workflow = &tables["workflows"][0];
    assert_eq!(
        (&workflow["state"], &workflow["current_step"], &workflow["steps_done"]),
        (&json!("FAILED"), &json!("publish"), &json!(2))
    );
    assert_eq!(workflow["reason"], json!("there is not a word in the lessons"));
    let step = |number: usize, field: &str| workflow["by_step"][number][field].clone();
    let states = [0, 1, 2].map(|number| step(number, "state"));
    assert_eq!(states, [json!("COMPLETED"), json!("COMPLETED"), json!("FAILED")]);
    assert_eq!([step(1, "attempts"), step(1, "duration_ms")], [json!(2), json!(9 + 7)]);
    assert_eq!([step(1, "error"), step(1, "next_retry_at")], [json!(null), json!(null)]);
    let progress = [1, 2].map(|number| step(number, "progress"));
    assert_eq!(progress, [json!(null), json!({ "done": 20, "total": 40 })]);
    assert_eq!(step(1, "outcome"), serde_json::to_value(extracted).unwrap());
    assert_eq!([step(1, "started_at"), step(1, "finished_at")], [json!(at(6)), json!(at(6))]);
    assert_eq!(step(2, "error"), json!("the index cannot be reached"));
}
