use cqrs_es::{
    Aggregate, DomainEvent,
    test::{AggregateTestExecutor, TestFramework},
};
use proptest::{collection::vec, prelude::*};

use super::samples::{
    certificate, complete, complete_course, completed, course, course_completed, enroll, enrolled,
    enrollment, events, reopen, reopened, withdraw, withdrawn,
};
use super::{Command, CourseFacts, Enrollment, Event, Mark, Refusal};
use crate::{
    Claim, Recorded,
    samples::{at, lesson, rust_course},
};

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<Enrollment> {
    TestFramework::with(()).given(history.into())
}

#[test]
fn a_student_enrolls_once_in_an_open_course() {
    given([]).when(enroll(course(2))).then_expect_events(vec![enrolled(0, 2)]);
    given([enrolled(0, 2)]).when(enroll(course(2))).then_expect_events(vec![]);
    let closed = CourseFacts { open: false, ..course(2) };
    given([]).when(enroll(closed)).then_expect_error(Refusal::CourseNotOpen);
}

#[test]
fn a_student_withdraws_once() {
    given([enrolled(0, 2)]).when(withdraw()).then_expect_events(vec![withdrawn()]);
    given([]).when(withdraw()).then_expect_error(Refusal::NotEnrolled);
    given([enrolled(0, 2), withdrawn()]).when(withdraw()).then_expect_error(Refusal::NotEnrolled);
}

#[test]
fn a_student_who_returns_finds_the_lessons_completed_before() {
    given([enrolled(0, 2), completed(lesson(1), 1, 2), withdrawn()])
        .when(enroll(course(2)))
        .then_expect_events(vec![enrolled(1, 2)]);
}

#[test]
fn a_lesson_is_completed_once() {
    given([enrolled(0, 2)])
        .when(complete(lesson(1), course(2)))
        .then_expect_events(vec![completed(lesson(1), 1, 2)]);
    given([enrolled(0, 2), completed(lesson(1), 1, 2)])
        .when(complete(lesson(1), course(2)))
        .then_expect_events(vec![]);
}

#[test]
fn only_the_enrolled_complete_lessons_and_only_the_courses_own() {
    given([]).when(complete(lesson(1), course(2))).then_expect_error(Refusal::NotEnrolled);
    given([]).when(reopen(lesson(1), course(2))).then_expect_error(Refusal::NotEnrolled);
    given([enrolled(0, 2)])
        .when(complete(lesson(3), course(2)))
        .then_expect_error(Refusal::UnknownLesson);
    given([enrolled(0, 2)])
        .when(reopen(lesson(3), course(2)))
        .then_expect_error(Refusal::UnknownLesson);
}

#[test]
fn completing_the_last_lesson_completes_the_course() {
    given([enrolled(0, 2), completed(lesson(1), 1, 2)])
        .when(complete(lesson(2), course(2)))
        .then_expect_events(vec![completed(lesson(2), 2, 2), course_completed()]);
}

#[test]
fn a_lesson_dropped_from_the_course_does_not_count() {
    given([enrolled(0, 3), completed(lesson(3), 1, 3), completed(lesson(1), 2, 3)])
        .when(complete(lesson(2), course(2)))
        .then_expect_events(vec![completed(lesson(2), 2, 2), course_completed()]);
}

#[test]
fn whoever_has_all_the_lessons_that_are_left_completes_the_course() {
    let all_but_the_third =
        || [enrolled(0, 3), completed(lesson(1), 1, 3), completed(lesson(2), 2, 3)];
    given(all_but_the_third())
        .when(complete_course(course(2)))
        .then_expect_events(vec![course_completed()]);
    given(all_but_the_third())
        .when(complete(lesson(2), course(2)))
        .then_expect_events(vec![course_completed()]);
    let [a, b, c] = all_but_the_third();
    given([a, b, c, withdrawn()]).when(enroll(course(2))).then_expect_events(vec![
        enrolled(2, 2),
        Event::CourseCompleted { enrollment: enrollment(), certificate: certificate(), at: at(0) },
    ]);
}

#[test]
fn a_course_is_not_completed_for_those_who_left_nor_twice_nor_for_nothing() {
    given([enrolled(0, 2), completed(lesson(1), 1, 2)])
        .when(complete_course(course(2)))
        .then_expect_events(vec![]);
    given([enrolled(0, 1)]).when(complete_course(course(0))).then_expect_events(vec![]);
    let done = || [enrolled(0, 1), completed(lesson(1), 1, 1), course_completed()];
    given(done()).when(complete_course(course(1))).then_expect_events(vec![]);
    let [a, b, c] = done();
    given([a, b, c, withdrawn()]).when(enroll(course(1))).then_expect_events(vec![enrolled(1, 1)]);
    given([enrolled(0, 1), withdrawn()])
        .when(complete_course(course(1)))
        .then_expect_error(Refusal::NotEnrolled);
}

#[test]
fn a_certificate_is_issued_once() {
    let history = [enrolled(0, 1), completed(lesson(1), 1, 1), course_completed()];
    given(history.clone()).when(reopen(lesson(1), course(1))).then_expect_events(vec![reopened(
        lesson(1),
        0,
        1,
    )]);
    let [a, b, c] = history;
    given([a, b, c, reopened(lesson(1), 0, 1)])
        .when(complete(lesson(1), course(1)))
        .then_expect_events(vec![completed(lesson(1), 1, 1)]);
}

#[test]
fn reopening_what_is_open_changes_nothing() {
    given([enrolled(0, 2)]).when(reopen(lesson(1), course(2))).then_expect_events(vec![]);
}

#[test]
fn a_seat_is_held_by_the_enrollment() {
    let holder = enrollment().to_string();
    let place =
        Claim::Place { kind: "seat", key: rust_course().to_string(), holder: holder.clone() };
    assert_eq!(Enrollment::claims(&enrolled(0, 2)), [place]);
    assert_eq!(Enrollment::claims(&withdrawn()), [Claim::Release { kind: "seat", holder }]);
    assert_eq!(Enrollment::claims(&course_completed()), []);
}

#[test]
fn a_mark_goes_to_a_hundred() {
    assert!(Mark::try_from(100).is_ok());
    assert!(Mark::try_from(101).is_err());
}

fn any_command() -> impl Strategy<Value = Command> {
    let id = || (1..=4_u128).prop_map(lesson);
    let facts = || (1..=3_u128).prop_map(course);
    prop_oneof![
        1 => facts().prop_map(enroll),
        1 => Just(withdraw()),
        5 => (id(), facts()).prop_map(|(id, facts)| complete(id, facts)),
        2 => (id(), facts()).prop_map(|(id, facts)| reopen(id, facts)),
        1 => facts().prop_map(complete_course),
    ]
}

proptest! {
    #[test]
    fn progress_is_never_beyond_the_course_and_a_certificate_comes_once(
        commands in vec(any_command(), 0..60),
    ) {
        let mut student = Enrollment::default();
        let mut certificates = 0;
        for command in commands {
            for event in student.decide(command).unwrap_or_default() {
                match &event {
                    Event::LessonCompleted { completed, lessons, .. }
                    | Event::LessonReopened { completed, lessons, .. }
                    | Event::StudentEnrolled { completed, lessons, .. } => {
                        prop_assert!(completed <= lessons);
                    }
                    Event::CourseCompleted { .. } => certificates += 1,
                    Event::EnrollmentWithdrawn { .. } => {}
                }
                student.apply(event);
            }
        }
        prop_assert!(certificates <= 1);
        prop_assert_eq!(student.certificate().is_some(), certificates == 1);
        prop_assert!(student.certificate().is_none_or(|given| given == certificate()));
    }
}

/// These snapshots are the contract with every event already stored.
#[test]
fn events_keep_their_shape() {
    for event in events() {
        insta::assert_json_snapshot!(event.event_type(), event);
    }
}
