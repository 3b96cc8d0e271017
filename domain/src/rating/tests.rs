use cqrs_es::{
    Aggregate, DomainEvent,
    test::{AggregateTestExecutor, TestFramework},
};
use proptest::{collection::vec, prelude::*};

use super::samples::{changed, events, rate, rated, rating, score, withdraw, withdrawn};
use super::{Command, Event, Rating, Refusal, Score};
use crate::samples::{ada, middlemarch};

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<Rating> {
    TestFramework::with(()).given(history.into())
}

#[test]
fn a_reader_rates_an_item() {
    given([]).when(rate(8)).then_expect_events(vec![rated(8)]);
}

#[test]
fn the_same_score_again_changes_nothing() {
    given([rated(8)]).when(rate(8)).then_expect_events(vec![]);
}

#[test]
fn a_new_opinion_replaces_the_old_one() {
    given([rated(8)]).when(rate(3)).then_expect_events(vec![changed(8, 3)]);
}

#[test]
fn a_rating_is_withdrawn_only_once() {
    given([rated(8)]).when(withdraw()).then_expect_events(vec![withdrawn(8)]);
    given([rated(8), withdrawn(8)]).when(withdraw()).then_expect_error(Refusal::NothingToWithdraw);
}

#[test]
fn a_withdrawn_rating_can_be_given_again() {
    given([rated(8), withdrawn(8)]).when(rate(8)).then_expect_events(vec![rated(8)]);
}

#[test]
fn a_score_is_whole_points_from_0_to_10() {
    assert_eq!(score(10).points(), 10);
    assert!(Score::try_from(11).is_err());
    assert!(serde_json::from_str::<Score>("7.5").is_err());
    assert!(serde_json::from_str::<Score>("-1").is_err());
}

#[test]
fn the_stream_is_named_after_reader_and_item() {
    assert_eq!(rating().to_string(), format!("{}:book:{}", ada(), middlemarch()));
}

fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![(0..=10_u8).prop_map(rate), Just(withdraw())]
}

/// What is left after these commands, and everything that happened on the way.
fn replay(history: Vec<Command>) -> (Rating, Vec<Event>) {
    let mut rating = Rating::default();
    let mut happened = vec![];
    for command in history {
        for event in rating.decide(command).unwrap_or_default() {
            rating.apply(event.clone());
            happened.push(event);
        }
    }
    (rating, happened)
}

proptest! {
    /// A client that never saw our reply will ask again; the log must not notice.
    #[test]
    fn asking_twice_records_once(history in vec(any_command(), 0..20), points in 0..=10_u8) {
        let (mut rating, _) = replay(history);
        for event in rating.decide(rate(points)).unwrap_or_default() {
            rating.apply(event);
        }
        prop_assert_eq!(rating.decide(rate(points)), Ok(vec![]));
    }

    /// Every event says what was before it, so that sums of differences are right.
    #[test]
    fn differences_add_up_to_one_rating_or_none(history in vec(any_command(), 0..20)) {
        let (_, happened) = replay(history);
        let (mut ratings, mut points) = (0_i64, 0_i64);
        for event in happened {
            let worth = |score: Score| i64::from(score.points());
            let (count, sum) = match event {
                Event::ItemRated { score, .. } => (1, worth(score)),
                Event::RatingChanged { from, to, .. } => (0, worth(to) - worth(from)),
                Event::RatingWithdrawn { score, .. } => (-1, -worth(score)),
            };
            ratings += count;
            points += sum;
        }
        prop_assert!(ratings == 1 && (0..=10).contains(&points) || (ratings, points) == (0, 0));
    }
}

/// These snapshots are the contract with every event already stored.
#[test]
fn events_keep_their_shape() {
    for event in events() {
        insta::assert_json_snapshot!(event.event_type(), event);
    }
}
