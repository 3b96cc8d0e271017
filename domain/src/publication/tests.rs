use chrono::{DateTime, Utc};
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use cqrs_es::{Aggregate, DomainEvent};

use super::samples::{
    advance, advanced, complete, completed, events, extracted, fail, failed, fingerprint, finished,
    give_up, given_up, start, started, unreachable,
};
use super::{Event, Fingerprint, Next, Outcome, Publication, Refusal, Status};
use crate::samples::{at, text};

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<Publication> {
    TestFramework::with(()).given(history.into())
}

fn after<const N: usize>(history: [Event; N]) -> Publication {
    let mut publication = Publication::default();
    history.into_iter().for_each(|event| publication.apply(event));
    publication
}

fn next(step: &str, attempt: u32, not_before: Option<DateTime<Utc>>) -> Option<Next> {
    Some(Next { step: text(step), attempt, not_before })
}

#[test]
fn a_publication_starts_once() {
    given([]).when(start()).then_expect_events(vec![started()]);
    given([started()]).when(start()).then_expect_events(vec![]);
    given([]).when(complete("validate", None)).then_expect_error(Refusal::NotStarted);
}

#[test]
fn steps_are_done_in_their_order_and_the_last_one_finishes() {
    let outcome = || Some(extracted());
    given([started()])
        .when(complete("validate", None))
        .then_expect_events(vec![completed("validate", 1, None)]);
    given([started()]).when(complete("extract", outcome())).then_expect_error(Refusal::NotItsTurn);
    given([started()]).when(complete("embroider", None)).then_expect_error(Refusal::NotItsTurn);
    given([started(), completed("validate", 1, None)])
        .when(complete("extract", outcome()))
        .then_expect_events(vec![completed("extract", 1, outcome())]);
    given([started(), completed("validate", 1, None), completed("extract", 1, outcome())])
        .when(complete("publish", None))
        .then_expect_events(vec![completed("publish", 1, None), finished()]);
}

#[test]
fn a_step_that_is_done_is_not_done_again() {
    let history = || given([started(), completed("validate", 1, None)]);
    for command in [complete("validate", None), fail("validate"), give_up("validate")] {
        history().when(command).then_expect_events(vec![]);
    }
}

#[test]
fn attempts_of_a_step_are_counted_and_begin_anew_with_the_next() {
    given([started()]).when(fail("validate")).then_expect_events(vec![failed("validate", 1)]);
    let tried = || given([started(), failed("validate", 1)]);
    tried().when(fail("validate")).then_expect_events(vec![failed("validate", 2)]);
    tried().when(give_up("validate")).then_expect_events(vec![given_up("validate", 2)]);
    tried()
        .when(complete("validate", None))
        .then_expect_events(vec![completed("validate", 2, None)]);
    given([started(), failed("validate", 1), completed("validate", 2, None)])
        .when(fail("extract"))
        .then_expect_events(vec![failed("extract", 1)]);
}

#[test]
fn a_step_advances_and_never_goes_back() {
    given([started()])
        .when(advance("validate", 10))
        .then_expect_events(vec![advanced("validate", 1, 10)]);
    given([started()]).when(advance("extract", 10)).then_expect_error(Refusal::NotItsTurn);
    let tried_again = || given([started(), advanced("validate", 1, 10), failed("validate", 1)]);
    for done in [9, 10] {
        tried_again().when(advance("validate", done)).then_expect_events(vec![]);
    }
    tried_again()
        .when(advance("validate", 11))
        .then_expect_events(vec![advanced("validate", 2, 11)]);
    given([started(), advanced("validate", 1, 10), completed("validate", 1, None)])
        .when(advance("extract", 1))
        .then_expect_events(vec![advanced("extract", 1, 1)]);
}

#[test]
fn what_is_to_be_done_next_is_known_after_any_event() {
    assert_eq!(after([]).next(), None);
    assert_eq!(after([started()]).next(), next("validate", 1, None));
    let failed_once = after([started(), failed("validate", 1)]);
    assert_eq!(failed_once.next(), next("validate", 2, Some(at(8))));
    let done = after([started(), failed("validate", 1), completed("validate", 2, None)]);
    assert_eq!(done.next(), next("extract", 1, None));
    assert_eq!(after([started(), given_up("validate", 1)]).next(), None);
}

#[test]
fn what_is_over_stays_as_it_is() {
    let given_up = [started(), given_up("validate", 1)];
    assert_eq!(after(given_up.clone()).status(), Status::GivenUp);
    for command in [start(), complete("validate", None), fail("extract"), give_up("validate")] {
        given(given_up.clone()).when(command).then_expect_events(vec![]);
    }
    let finished = [
        started(),
        completed("validate", 1, None),
        completed("extract", 1, None),
        completed("publish", 1, None),
        finished(),
    ];
    assert_eq!(after(finished.clone()).status(), Status::Finished);
    given(finished).when(give_up("publish")).then_expect_events(vec![]);
}

#[test]
fn a_fingerprint_is_a_sha_256() {
    for wrong in ["", "0a", &"0A".repeat(32), &"xy".repeat(32)] {
        assert!(Fingerprint::try_from(wrong.to_owned()).is_err(), "{wrong}");
    }
    assert_eq!(Fingerprint::try_from("0a".repeat(32)), Ok(fingerprint()));
}

/// These snapshots are the contract with every event already stored.
#[test]
fn events_keep_their_shape() {
    for event in events() {
        insta::assert_json_snapshot!(event.event_type(), event);
    }
    let sha256 = fingerprint;
    insta::assert_json_snapshot!([
        Outcome::Split { chunks: 3, sha256: sha256() },
        Outcome::Indexed { sequence: 4, sha256: sha256() },
    ]);
    insta::assert_json_snapshot!([
        Outcome::Extracted { lessons: 2, characters: 9, sha256: sha256(), files: Some(3) },
        Outcome::Embedded { passages: 4, embedded: 4, model: Some(sha256()), reason: None },
        Outcome::Embedded { passages: 4, embedded: 0, model: None, reason: Some(unreachable()) },
    ]);
}
