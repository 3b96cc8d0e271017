use domain::enrollment::{Enrollment, EnrollmentId, Event};
use domain::samples::{ada, at, lesson, rust_course, uuid};
use serde_json::json;

use super::{History, rows};
use crate::enrollment::Enrollments;

#[tokio::test]
async fn progress_ends_with_a_certificate() {
    let enrollment = EnrollmentId { student: ada(), course: rust_course() };
    let certificate = uuid(0xce).into();
    let done = |number, completed| Event::LessonCompleted {
        enrollment,
        lesson: lesson(number),
        score: 90.try_into().ok(),
        completed,
        lessons: 2,
        at: at(number as i64),
    };
    let history = History::default().with::<Enrollment>(
        enrollment,
        [
            Event::StudentEnrolled { enrollment, completed: 0, lessons: 2, at: at(0) },
            done(1, 1),
            Event::LessonReopened {
                enrollment,
                lesson: lesson(1),
                completed: 0,
                lessons: 2,
                at: at(2),
            },
            Event::EnrollmentWithdrawn { enrollment, at: at(3) },
            Event::StudentEnrolled { enrollment, completed: 0, lessons: 2, at: at(4) },
            done(2, 1),
            done(1, 2),
            Event::CourseCompleted { enrollment, certificate, at: at(9) },
        ],
    );
    let tables = rows(&Enrollments, &history).await;
    let row = &tables["enrollments"][0];
    assert_eq!((&row["state"], &row["completed"]), (&json!("completed"), &json!(2)));
    assert_eq!((&row["certificate"], &row["withdrawn_at"]), (&json!(certificate), &json!(null)));
    assert_eq!(tables["lesson_completions"].len(), 2);
    assert_eq!(tables["certificates"][0]["student"], json!(ada()));
}

#[tokio::test]
async fn who_comes_back_to_a_completed_course_has_completed_it() {
    let enrollment = EnrollmentId { student: ada(), course: rust_course() };
    let certificate = uuid(0xce).into();
    let enrolled = |completed, at| Event::StudentEnrolled { enrollment, completed, lessons: 1, at };
    let history = History::default().with::<Enrollment>(
        enrollment,
        [
            enrolled(0, at(0)),
            Event::LessonCompleted {
                enrollment,
                lesson: lesson(1),
                score: None,
                completed: 1,
                lessons: 1,
                at: at(1),
            },
            Event::CourseCompleted { enrollment, certificate, at: at(1) },
            Event::EnrollmentWithdrawn { enrollment, at: at(2) },
            enrolled(1, at(3)),
        ],
    );
    let row = &rows(&Enrollments, &history).await["enrollments"][0];
    assert_eq!((&row["state"], &row["withdrawn_at"]), (&json!("completed"), &json!(null)));
    assert_eq!(row["certificate"], json!(certificate));
}
