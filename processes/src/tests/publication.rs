//! Courses on their way to being published: killed, tried again, given up, submitted once more.

use std::sync::Arc;

use domain::course::samples::{add_lesson, archive, details, publication, publish, submit};
use domain::course::{self, Course};
use domain::publication::{Event, Outcome, Publication};
use domain::samples::{ada, at, lesson, rust_course, text};
use domain::{Patch, PublicationId};
use retrieval::TextModel;

use super::gate::Gate;
use super::victim::Victim;
use super::{Running, Shop, program, run};
use crate::cause::Cause;
use crate::process::Process;
use crate::publication::CoursePublication;
use crate::reading::Reading;

impl Shop {
    /// A course of Ada's whose one lesson has this text.
    pub(super) async fn draft(&self, markdown: &str) {
        let (course, by, at) = (rust_course(), ada(), at(0));
        let details = Box::new(details(Some("Read before you write."), None));
        self.execute::<Course>(course, course::Command::Create { course, by, details, at }).await;
        self.execute::<Course>(course, add_lesson(by, lesson(1), None)).await;
        self.rewrite(markdown).await;
    }

    async fn rewrite(&self, markdown: &str) {
        let text = Patch::Set(text(markdown));
        let revision = course::LessonRevision { text, ..course::LessonRevision::default() };
        let (course, by, lesson, at) = (rust_course(), ada(), lesson(1), at(2));
        let revision = Box::new(revision);
        let revise = course::Command::ReviseLesson { course, by, lesson, revision, at };
        self.execute::<Course>(course, revise).await;
    }

    /// The read model that searches go to, kept up to date.
    pub(super) async fn read_model(&self) -> Running {
        self.read_models(&["courses"]).await
    }

    pub(super) async fn steps(&self, publication: PublicationId) -> Vec<String> {
        let events = self.history::<Publication>(publication).await.1;
        events.iter().map(told).collect()
    }

    pub(super) async fn course_status(&self) -> Option<course::Status> {
        self.history::<Course>(rust_course()).await.0.status()
    }

    pub(super) async fn until_course_is(&self, status: course::Status) {
        self.until(&format!("the course is {status:?}"), async || {
            self.course_status().await == Some(status)
        })
        .await;
    }

    /// How often the course was published, and how often that failed.
    pub(super) async fn ends(&self) -> (usize, usize) {
        let events = self.history::<Course>(rust_course()).await.1;
        let count = |is: fn(&course::Event) -> bool| events.iter().filter(|it| is(it)).count();
        (
            count(|event| matches!(event, course::Event::CoursePublished { .. })),
            count(|event| matches!(event, course::Event::PublicationFailed { .. })),
        )
    }
}

/// An event of a publication in few words.
fn told(event: &Event) -> String {
    match event {
        Event::PublicationStarted { .. } => "started".to_owned(),
        Event::PublicationStepCompleted { step, attempt, .. } => {
            format!("{step} done at {attempt}")
        }
        Event::PublicationStepAdvanced { step, done, total, .. } => {
            format!("{step} at {done} of {total}")
        }
        Event::PublicationStepFailed { step, attempt, .. } => format!("{step} failed at {attempt}"),
        Event::PublicationGivenUp { step, attempt, reason, .. } => {
            format!("{step} given up at {attempt}: {}", reason.as_str())
        }
        Event::PublicationFinished { .. } => "finished".to_owned(),
    }
}

const ALL_AT_ONCE: [&str; 8] = [
    "started",
    "validate done at 1",
    "extract done at 1",
    "split done at 1",
    "embed done at 1",
    "index done at 1",
    "publish done at 1",
    "finished",
];

/// With no model and no files.
fn process() -> CoursePublication {
    CoursePublication::by(Arc::new(Reading::with(TextModel::off("not in this test"), None)))
}

async fn cause(shop: &Shop) -> Cause {
    let events = shop.log.reader().page(0, 100).await.expect("the log can be read");
    let requested = events.iter().rfind(|event| process().reacts_to(event));
    let requested = requested.expect("the course was submitted");
    Cause::of(process().name(), requested).expect("events decode")
}

/// Every commit of the publication is a place to be killed at. At each of them one program is killed
/// whose commit then comes to nothing, and the next one after it was sent and before it was done.
/// How many commits there were.
pub(super) async fn killed_at_every_commit(shop: &Shop, victim: impl Fn() -> Victim) -> usize {
    let mut gate = Gate::close(&shop.url, "process:publication").await;
    let mut commits = 0;
    while shop.course_status().await != Some(course::Status::Published) {
        for goes_through in [false, true] {
            let victim = victim();
            let waiting = gate.somebody_waits().await;
            drop(victim);
            let before = shop.head().await;
            match goes_through {
                false => gate.turn_back(waiting).await,
                true => gate.let_through(waiting).await,
            }
            let after = shop.head().await;
            assert!(goes_through || after == before, "a rolled back commit left something");
        }
        commits += 1;
        assert!(commits < 100, "it goes in circles");
    }
    gate.open().await;
    commits
}

#[tokio::test]
async fn whatever_is_killed_at_any_step_the_course_is_published_once() {
    let shop = Shop::open().await;
    let _read_model = shop.read_model().await;
    shop.draft("# Moves\n\nWho frees *what*.\n\n# Borrows\n\nWho looks.").await;
    shop.execute::<Course>(rust_course(), submit()).await;

    let commits = killed_at_every_commit(&shop, || Victim::start(&shop.url)).await;
    assert_eq!(commits, 7, "the start and six steps");
    let _running = run(&shop.log);
    shop.until("everything is finished", async || {
        let head = shop.head().await;
        shop.checkpoint("publication").await == head
    })
    .await;
    assert_eq!(shop.steps(publication()).await, ALL_AT_ONCE);
    assert_eq!(shop.ends().await, (1, 0));
}

/// Without taking turns, as after a lost connection that nobody has noticed.
#[tokio::test]
async fn two_programs_at_once_publish_once_and_doing_it_again_appends_nothing() {
    let shop = Shop::open().await;
    let other = program(&shop.url).await;
    let _read_model = shop.read_model().await;
    shop.draft("# Moves\n\nWho frees *what*.\n\n# Borrows\n\nWho looks.").await;
    shop.execute::<Course>(rust_course(), submit()).await;
    let cause = cause(&shop).await;

    let process = process();
    let (one, two) = tokio::join!(process.react(&shop.log, &cause), process.react(&other, &cause));
    assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
    let head = shop.head().await;
    let third = program(&shop.url).await;
    process.react(&third, &cause).await.expect("it works again");
    assert_eq!(shop.head().await, head);
    assert_eq!(shop.ends().await, (1, 0));

    let events = shop.history::<Publication>(publication()).await.1;
    let outcomes: Vec<&Outcome> = events.iter().filter_map(outcome_of).collect();
    let [
        Outcome::Extracted { lessons: 1, characters: 43, sha256: extracted, files: None },
        Outcome::Split { chunks: 2, .. },
        Outcome::Embedded { passages: 2, embedded: 0, model: None, reason: Some(_) },
        Outcome::Indexed { sequence: 4, sha256: indexed },
    ] = outcomes[..]
    else {
        panic!("{outcomes:?}")
    };
    assert_eq!(extracted, indexed, "what was found is what was read");
}

pub(super) fn outcome_of(event: &Event) -> Option<&Outcome> {
    match event {
        Event::PublicationStepCompleted { outcome, .. } => outcome.as_ref(),
        _ => None,
    }
}

#[tokio::test]
async fn a_step_that_fails_is_tried_again_and_then_given_up_and_the_course_can_be_submitted_again()
{
    let shop = Shop::open().await;
    shop.draft("Who frees what.").await;
    shop.execute::<Course>(rust_course(), submit()).await;
    let running = run(&shop.log);
    // There is no read model to be found in.
    shop.until_course_is(course::Status::Draft).await;
    let steps = shop.steps(publication()).await;
    let [.., second, third, fourth, last] = &steps[..] else { panic!("{steps:?}") };
    assert_eq!(
        [second, third, fourth],
        [2, 3, 4].map(|n| format!("index failed at {n}")).each_ref()
    );
    assert!(last.starts_with("index given up at 5: "), "{last}");
    assert!(last.contains("readmodel.courses"), "the reason is told: {last}");
    let events = shop.history::<Publication>(publication()).await.1;
    let pauses: Vec<i64> = events.iter().filter_map(pause_of).collect();
    assert_eq!(pauses, [1, 2, 4, 8]);
    drop(running);

    let _read_model = shop.read_model().await;
    let _running = run(&shop.log);
    let (course, by) = (rust_course(), ada());
    let again = PublicationId::from(domain::samples::uuid(0x9c));
    let submit =
        course::Command::SubmitForPublication { course, by, publication: again, at: at(9) };
    shop.execute::<Course>(course, submit).await;
    shop.until_course_is(course::Status::Published).await;
    assert_eq!(shop.steps(again).await.last().map(String::as_str), Some("finished"));
    assert_eq!(shop.ends().await, (1, 1));
}

/// The seconds until the next attempt.
fn pause_of(event: &Event) -> Option<i64> {
    match event {
        Event::PublicationStepFailed { at, retry_at, .. } => Some((*retry_at - *at).num_seconds()),
        _ => None,
    }
}

#[tokio::test]
async fn lessons_without_a_word_are_not_published_until_there_is_one() {
    let shop = Shop::open().await;
    let (_read_model, _running) = (shop.read_model().await, run(&shop.log));
    shop.draft("---\n\n<!-- to be written -->").await;
    shop.execute::<Course>(rust_course(), submit()).await;
    shop.until_course_is(course::Status::Draft).await;
    assert_eq!(
        shop.steps(publication()).await,
        [
            "started",
            "validate done at 1",
            "extract given up at 1: there is not a word in the lessons",
        ]
    );
    shop.rewrite("Who frees what.").await;
    let (course, by) = (rust_course(), ada());
    let again = PublicationId::from(domain::samples::uuid(0x9c));
    let submit =
        course::Command::SubmitForPublication { course, by, publication: again, at: at(9) };
    shop.execute::<Course>(course, submit).await;
    shop.until_course_is(course::Status::Published).await;
    assert_eq!(shop.steps(again).await, ALL_AT_ONCE);
}

#[tokio::test]
async fn a_course_archived_meanwhile_is_not_published() {
    let shop = Shop::open().await;
    shop.draft("Who frees what.").await;
    shop.execute::<Course>(rust_course(), submit()).await;
    let _running = run(&shop.log);
    shop.until("the index is missed", async || {
        shop.steps(publication()).await.iter().any(|step| step == "index failed at 1")
    })
    .await;
    shop.execute::<Course>(rust_course(), archive()).await;
    let _read_model = shop.read_model().await;
    let failed = async || shop.ends().await == (0, 1);
    shop.until("the publication has failed", failed).await;
    let steps = shop.steps(publication()).await;
    let last = steps.last().map(String::as_str);
    assert_eq!(last, Some("publish given up at 1: this course has been archived"), "{steps:?}");
    assert_eq!(shop.course_status().await, Some(course::Status::Archived));
}

#[tokio::test]
async fn what_was_published_at_once_is_left_alone() {
    let shop = Shop::open().await;
    shop.draft("Who frees what.").await;
    shop.execute::<Course>(rust_course(), publish()).await;
    let head = shop.head().await;
    process().react(&shop.log, &cause(&shop).await).await.expect("nothing is to be done");
    assert_eq!(shop.head().await, head);
}
