use cqrs_es::{
    DomainEvent,
    test::{AggregateTestExecutor, TestFramework},
};

use super::samples::{events, follow, followed, pair, unfollow, unfollowed};
use super::{Event, Follow, Refusal};
use crate::samples::{ada, bob};

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<Follow> {
    TestFramework::with(()).given(history.into())
}

#[test]
fn a_reader_follows_another_once() {
    let pair = pair(ada(), bob());
    given([]).when(follow(pair)).then_expect_events(vec![followed(pair)]);
    given([followed(pair)]).when(follow(pair)).then_expect_events(vec![]);
}

#[test]
fn nobody_follows_oneself() {
    given([]).when(follow(pair(ada(), ada()))).then_expect_error(Refusal::Oneself);
}

#[test]
fn a_reader_unfollows_once_and_may_follow_again() {
    let pair = pair(ada(), bob());
    given([]).when(unfollow(pair)).then_expect_events(vec![]);
    given([followed(pair)]).when(unfollow(pair)).then_expect_events(vec![unfollowed(pair)]);
    given([followed(pair), unfollowed(pair)]).when(unfollow(pair)).then_expect_events(vec![]);
    given([followed(pair), unfollowed(pair)])
        .when(follow(pair))
        .then_expect_events(vec![followed(pair)]);
}

#[test]
fn the_stream_is_named_after_both() {
    let pair = pair(ada(), bob());
    assert_eq!(pair.to_string(), format!("{}:{}", ada(), bob()));
}

/// These snapshots are the contract with every event already stored.
#[test]
fn events_keep_their_shape() {
    for event in events() {
        insta::assert_json_snapshot!(event.event_type(), event);
    }
}
