use cqrs_es::{
    Aggregate, DomainEvent,
    test::{AggregateTestExecutor, TestFramework},
};
use proptest::{collection::vec, prelude::*};

use super::samples::{
    add_lesson, archive, archived, created, details, events, fail_publication, finish_publication,
    lesson_added, lesson_details, lesson_moved, lesson_removed, move_lesson, publication,
    publication_failed, publish, published, remove_lesson, requested, submit,
};
use super::{Command, Course, Event, LessonRevision, Refusal, Revision, Status};
use crate::{
    Claim, Patch, Recorded,
    samples::{ada, at, bob, lesson, rust_course, text},
};

const BODY: Option<&str> = Some("Who frees what.");
const DESCRIPTION: Option<&str> = Some("Read before you write.");

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<Course> {
    TestFramework::with(()).given(history.into())
}

fn draft() -> Event {
    created(DESCRIPTION, None)
}

fn revise(revision: Revision) -> Command {
    let revision = Box::new(revision);
    Command::Revise { course: rust_course(), by: ada(), revision, at: at(1) }
}

fn revise_lesson(revision: LessonRevision) -> Command {
    let (course, by, lesson, revision) = (rust_course(), ada(), lesson(1), Box::new(revision));
    Command::ReviseLesson { course, by, lesson, revision, at: at(2) }
}

fn without_text() -> Command {
    revise_lesson(LessonRevision { text: Patch::Clear, ..LessonRevision::default() })
}

#[test]
fn a_course_is_created_once() {
    let create = || Command::Create {
        course: rust_course(),
        by: ada(),
        details: Box::new(details(DESCRIPTION, None)),
        at: at(0),
    };
    given([]).when(create()).then_expect_events(vec![draft()]);
    given([draft()]).when(create()).then_expect_error(Refusal::AlreadyCreated);
    given([]).when(publish()).then_expect_error(Refusal::Unknown);
}

#[test]
fn only_its_instructor_changes_a_course() {
    given([draft()])
        .when(add_lesson(bob(), lesson(1), None))
        .then_expect_error(Refusal::NotTheInstructor);
}

#[test]
fn a_revision_changes_the_fields_it_names() {
    let revision = Revision { description: Patch::Clear, ..Revision::default() };
    let revised = Event::CourseRevised {
        course: rust_course(),
        details: Box::new(details(None, None)),
        at: at(1),
    };
    given([draft()]).when(revise(revision)).then_expect_events(vec![revised]);
    given([draft()]).when(revise(Revision::default())).then_expect_events(vec![]);
}

#[test]
fn lessons_stand_one_after_the_other() {
    let history = || given([draft(), lesson_added(lesson(1), 1, BODY)]);
    history().when(add_lesson(ada(), lesson(2), None)).then_expect_events(vec![lesson_added(
        lesson(2),
        2,
        BODY,
    )]);
    history().when(add_lesson(ada(), lesson(2), Some(1))).then_expect_events(vec![lesson_added(
        lesson(2),
        1,
        BODY,
    )]);
    for position in [0, 3] {
        history()
            .when(add_lesson(ada(), lesson(2), Some(position)))
            .then_expect_error(Refusal::NoSuchPosition { last: 2 });
    }
    history().when(add_lesson(ada(), lesson(1), None)).then_expect_error(Refusal::LessonExists);
}

#[test]
fn a_lesson_moves_within_the_course() {
    let two = [draft(), lesson_added(lesson(1), 1, BODY), lesson_added(lesson(2), 2, BODY)];
    given(two.clone()).when(move_lesson(lesson(1), 2)).then_expect_events(vec![lesson_moved(
        lesson(1),
        1,
        2,
    )]);
    given(two.clone()).when(move_lesson(lesson(1), 1)).then_expect_events(vec![]);
    given(two.clone())
        .when(move_lesson(lesson(1), 3))
        .then_expect_error(Refusal::NoSuchPosition { last: 2 });
    given(two).when(move_lesson(lesson(9), 1)).then_expect_error(Refusal::UnknownLesson);
}

#[test]
fn a_lesson_is_revised_and_moved_at_once() {
    let two = [draft(), lesson_added(lesson(1), 1, BODY), lesson_added(lesson(2), 2, BODY)];
    let revision =
        LessonRevision { text: Patch::Clear, position: Some(2), ..LessonRevision::default() };
    let revised = Event::LessonRevised {
        course: rust_course(),
        lesson: lesson(1),
        details: Box::new(lesson_details(None)),
        at: at(2),
    };
    given(two.clone())
        .when(revise_lesson(revision))
        .then_expect_events(vec![revised, lesson_moved(lesson(1), 1, 2)]);
    given(two).when(revise_lesson(LessonRevision::default())).then_expect_events(vec![]);
}

#[test]
fn a_lesson_is_removed_once() {
    let one = [draft(), lesson_added(lesson(1), 1, BODY)];
    given(one)
        .when(remove_lesson(lesson(1)))
        .then_expect_events(vec![lesson_removed(lesson(1), 1)]);
    given([draft()]).when(remove_lesson(lesson(1))).then_expect_error(Refusal::UnknownLesson);
}

#[test]
fn a_course_is_published_with_a_description_and_a_lesson_with_text() {
    given([draft(), lesson_added(lesson(1), 1, BODY)])
        .when(publish())
        .then_expect_events(vec![requested(), published(1)]);
    given([created(None, None), lesson_added(lesson(1), 1, BODY)])
        .when(publish())
        .then_expect_error(Refusal::NoDescription);
    given([draft()]).when(publish()).then_expect_error(Refusal::NoLesson);
    given([draft(), lesson_added(lesson(1), 1, None)])
        .when(publish())
        .then_expect_error(Refusal::NoLesson);
}

#[test]
fn a_course_is_submitted_with_what_a_published_one_has() {
    given([draft(), lesson_added(lesson(1), 1, BODY)])
        .when(submit())
        .then_expect_events(vec![requested()]);
    given([created(None, None), lesson_added(lesson(1), 1, BODY)])
        .when(submit())
        .then_expect_error(Refusal::NoDescription);
    given([draft()]).when(submit()).then_expect_error(Refusal::NoLesson);
    let open = [draft(), lesson_added(lesson(1), 1, BODY), requested(), published(1)];
    given(open).when(submit()).then_expect_error(Refusal::AlreadyPublished);
}

#[test]
fn what_is_published_is_what_was_submitted() {
    let submitted = || given([draft(), lesson_added(lesson(1), 1, BODY), requested()]);
    let silent = Revision { description: Patch::Clear, ..Revision::default() };
    for change in [
        revise(silent),
        add_lesson(ada(), lesson(2), None),
        without_text(),
        move_lesson(lesson(1), 1),
        remove_lesson(lesson(1)),
        submit(),
        publish(),
    ] {
        submitted().when(change).then_expect_error(Refusal::Publishing);
    }
    submitted().when(finish_publication()).then_expect_events(vec![published(1)]);
}

#[test]
fn a_course_whose_publication_failed_is_a_draft_again() {
    let history = [draft(), lesson_added(lesson(1), 1, BODY), requested()];
    given(history.clone()).when(fail_publication()).then_expect_events(vec![publication_failed()]);
    let [first, second, third] = history;
    let failed = || given([first.clone(), second.clone(), third.clone(), publication_failed()]);
    failed().when(without_text()).inspect_result().expect("it can be changed");
    failed().when(submit()).then_expect_events(vec![requested()]);
    failed().when(fail_publication()).then_expect_events(vec![]);
    failed().when(finish_publication()).then_expect_error(Refusal::NotUnderWay);
}

#[test]
fn a_course_can_be_archived_while_it_is_being_published() {
    let history = || [draft(), lesson_added(lesson(1), 1, BODY), requested()];
    given(history()).when(archive()).then_expect_events(vec![archived()]);
    let [first, second, third] = history();
    let given = || given([first.clone(), second.clone(), third.clone(), archived()]);
    given().when(finish_publication()).then_expect_error(Refusal::Archived);
    given().when(fail_publication()).then_expect_events(vec![publication_failed()]);
    let mut course = Course::default();
    for event in [first.clone(), second.clone(), third.clone(), archived(), publication_failed()] {
        course.apply(event);
    }
    assert_eq!(course.status(), Some(Status::Archived));
    assert_eq!(course.may_be_published(publication()), Err(Refusal::Archived));
}

#[test]
fn a_published_course_keeps_what_made_it_publishable() {
    let open = || given([draft(), lesson_added(lesson(1), 1, BODY), requested(), published(1)]);
    open().when(publish()).then_expect_error(Refusal::AlreadyPublished);
    open().when(remove_lesson(lesson(1))).then_expect_error(Refusal::NoLesson);
    open().when(without_text()).then_expect_error(Refusal::NoLesson);
    let silent = Revision { description: Patch::Clear, ..Revision::default() };
    open().when(revise(silent)).then_expect_error(Refusal::NoDescription);
    let renamed = LessonRevision { title: Some(text("Moves")), ..LessonRevision::default() };
    open().when(revise_lesson(renamed)).inspect_result().expect("other changes are fine");
}

#[test]
fn an_archived_course_takes_no_changes() {
    given([draft()]).when(archive()).then_expect_events(vec![archived()]);
    given([draft(), archived()]).when(archive()).then_expect_events(vec![]);
    given([draft(), archived()]).when(publish()).then_expect_error(Refusal::Archived);
}

#[test]
fn the_seats_of_a_course_limit_its_enrollments() {
    let seats =
        |places| vec![Claim::Capacity { kind: "seat", key: rust_course().to_string(), places }];
    assert_eq!(Course::claims(&created(None, Some(30))), seats(Some(30)));
    assert_eq!(Course::claims(&created(None, None)), seats(None));
    assert_eq!(Course::claims(&archived()), []);
}

fn any_command() -> impl Strategy<Value = Command> {
    let id = || (0..6_u128).prop_map(lesson);
    let patch = || prop_oneof![Just(Patch::Keep), Just(Patch::Clear)];
    prop_oneof![
        4 => (id(), proptest::option::of(0..6_u32))
            .prop_map(|(id, position)| add_lesson(ada(), id, position)),
        2 => (id(), 0..6_u32).prop_map(|(id, position)| move_lesson(id, position)),
        2 => id().prop_map(remove_lesson),
        1 => Just(without_text()),
        1 => patch().prop_map(|description| {
            revise(Revision { description, ..Revision::default() })
        }),
        1 => Just(publish()),
        2 => prop_oneof![Just(submit()), Just(finish_publication()), Just(fail_publication())],
    ]
}

proptest! {
    /// What a published course must have it keeps, whatever is asked of it.
    #[test]
    fn a_published_course_could_always_be_published(commands in vec(any_command(), 0..60)) {
        let mut course = Course::default();
        course.apply(draft());
        for command in commands {
            for event in course.decide(command).unwrap_or_default() {
                course.apply(event);
            }
            if course.status() == Some(Status::Published) {
                let mut again = course.clone();
                if let Some(created) = &mut again.created {
                    created.status = Status::Draft;
                }
                prop_assert!(again.decide(publish()).is_ok());
            }
            let lessons = course.lessons();
            let different: std::collections::BTreeSet<_> = lessons.iter().collect();
            prop_assert_eq!(different.len(), lessons.len());
        }
    }
}

/// These snapshots are the contract with every event already stored.
#[test]
fn events_keep_their_shape() {
    for event in events() {
        insta::assert_json_snapshot!(event.event_type(), event);
    }
}
