//! A lesson is taken out of a course: who has all the others has completed it, once.

use domain::course::samples::{add_lesson, publish, remove_lesson};
use domain::course::{Command as CourseCommand, Course, samples::details};
use domain::enrollment::{Command, CourseFacts, Enrollment, EnrollmentId, Event};
use domain::samples::{ada, at, lesson, rust_course, uuid};
use futures::future::join_all;

use super::{Shop, program};
use crate::cause::Cause;
use crate::completion::Completions;
use crate::process::Process;

/// More than are looked up at a time.
const STUDENTS: u128 = 510;

fn of(student: u128) -> EnrollmentId {
    EnrollmentId { student: uuid(7_000 + student).into(), course: rust_course() }
}

impl Shop {
    async fn learns(&self, student: u128, lessons: u128) {
        let enrollment = of(student);
        let course = CourseFacts { open: true, lessons: vec![lesson(1), lesson(2)] };
        let certificate = enrollment.certificate();
        let facts = course.clone();
        let enroll = Command::Enroll { enrollment, course: facts, certificate, at: at(0) };
        self.execute::<Enrollment>(enrollment, enroll).await;
        for number in 1..=lessons {
            let (lesson, course) = (lesson(number), course.clone());
            let (score, at) = (None, at(1));
            let done =
                Command::CompleteLesson { enrollment, lesson, score, course, certificate, at };
            self.execute::<Enrollment>(enrollment, done).await;
        }
    }

    /// How often the student completed the course.
    async fn completed(&self, student: u128) -> usize {
        let events = self.history::<Enrollment>(of(student)).await.1;
        events.iter().filter(|event| matches!(event, Event::CourseCompleted { .. })).count()
    }
}

#[tokio::test]
async fn a_lesson_that_goes_completes_the_course_once_for_those_who_have_all_the_others() {
    let shop = Shop::open().await;
    let (course, by, at) = (rust_course(), ada(), at(0));
    let details = Box::new(details(Some("Read before you write."), None));
    shop.execute::<Course>(course, CourseCommand::Create { course, by, details, at }).await;
    for number in 1..=2 {
        shop.execute::<Course>(course, add_lesson(by, lesson(number), None)).await;
    }
    shop.execute::<Course>(course, publish()).await;
    join_all((0..STUDENTS).map(|student| shop.learns(student, 1))).await;
    let (beginner, done, gone) = (STUDENTS, STUDENTS + 1, STUDENTS + 2);
    shop.learns(beginner, 0).await;
    shop.learns(done, 2).await;
    shop.learns(gone, 1).await;
    let leave = Command::Withdraw { enrollment: of(gone), at };
    shop.execute::<Enrollment>(of(gone), leave).await;

    // Another program, which knows the course as it was.
    let other = program(&shop.url).await;
    other.load::<Course>(course).await.expect("the course is there");
    shop.execute::<Course>(course, remove_lesson(lesson(2))).await;
    let events = shop.log.reader().page(shop.head().await - 1, 1).await.expect("the log is there");
    let cause = Cause::of(Completions.name(), &events[0]).expect("events decode");
    assert!(Completions.reacts_to(&cause.event));
    Completions.react(&other, &cause).await.expect("it works");
    let head = shop.head().await;
    Completions.react(&shop.log, &cause).await.expect("it works again");

    assert_eq!(shop.head().await, head, "there was nothing left to do");
    for student in (0..STUDENTS).chain([done]) {
        assert_eq!(shop.completed(student).await, 1, "{student}");
    }
    assert_eq!([shop.completed(beginner).await, shop.completed(gone).await], [0, 0]);
}
