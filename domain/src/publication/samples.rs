//! Publications for tests.

use super::{Command, Event, Fingerprint, Outcome};
use crate::course::samples::publication;
use crate::samples::{ada, at, rust_course, text};
use crate::{ErrorText, Tag};

pub fn steps() -> Vec<Tag> {
    ["validate", "extract", "publish"].map(text).into()
}

pub fn unreachable() -> ErrorText {
    ErrorText::from("the index cannot be reached".to_owned())
}

pub fn fingerprint() -> Fingerprint {
    Fingerprint::from([10; 32])
}

pub fn extracted() -> Outcome {
    Outcome::Extracted { lessons: 2, characters: 1_200, sha256: fingerprint(), files: None }
}

pub fn start() -> Command {
    let (publication, course, instructor) = (publication(), rust_course(), ada());
    Command::Start { publication, course, instructor, steps: steps(), at: at(5) }
}

pub fn complete(step: &str, outcome: Option<Outcome>) -> Command {
    let (publication, step) = (publication(), text(step));
    Command::CompleteStep { publication, step, duration_ms: 7, outcome, at: at(6) }
}

pub fn advance(step: &str, done: u32) -> Command {
    let (publication, step) = (publication(), text(step));
    Command::AdvanceStep { publication, step, done, total: 40, at: at(6) }
}

pub fn fail(step: &str) -> Command {
    Command::FailStep {
        publication: publication(),
        step: text(step),
        duration_ms: 9,
        error: unreachable(),
        retry_at: at(8),
        at: at(7),
    }
}

pub fn give_up(step: &str) -> Command {
    let (publication, step, reason) = (publication(), text(step), unreachable());
    Command::GiveUp { publication, step, duration_ms: 9, reason, at: at(9) }
}

pub fn started() -> Event {
    let (publication, course, instructor) = (publication(), rust_course(), ada());
    Event::PublicationStarted { publication, course, instructor, steps: steps(), at: at(5) }
}

pub fn completed(step: &str, attempt: u32, outcome: Option<Outcome>) -> Event {
    Event::PublicationStepCompleted {
        publication: publication(),
        instructor: ada(),
        step: text(step),
        attempt,
        duration_ms: 7,
        outcome,
        at: at(6),
    }
}

pub fn advanced(step: &str, attempt: u32, done: u32) -> Event {
    Event::PublicationStepAdvanced {
        publication: publication(),
        instructor: ada(),
        step: text(step),
        attempt,
        done,
        total: 40,
        at: at(6),
    }
}

pub fn failed(step: &str, attempt: u32) -> Event {
    Event::PublicationStepFailed {
        publication: publication(),
        instructor: ada(),
        step: text(step),
        attempt,
        duration_ms: 9,
        error: unreachable(),
        retry_at: at(8),
        at: at(7),
    }
}

pub fn given_up(step: &str, attempt: u32) -> Event {
    Event::PublicationGivenUp {
        publication: publication(),
        instructor: ada(),
        step: text(step),
        attempt,
        duration_ms: 9,
        reason: unreachable(),
        at: at(9),
    }
}

pub fn finished() -> Event {
    Event::PublicationFinished { publication: publication(), instructor: ada(), at: at(6) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    vec![
        started(),
        advanced("extract", 1, 10),
        completed("extract", 1, Some(extracted())),
        failed("publish", 1),
        given_up("publish", 5),
        finished(),
    ]
}
