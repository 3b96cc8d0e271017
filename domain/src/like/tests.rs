use cqrs_es::{
    DomainEvent,
    test::{AggregateTestExecutor, TestFramework},
};

use super::samples::{events, give, like, like_of_comment, liked, take_back, unliked};
use super::{Event, Like, Target, TargetError};
use crate::samples::{ada, comment, middlemarch};

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<Like> {
    TestFramework::with(()).given(history.into())
}

#[test]
fn a_target_is_liked_once() {
    for like in [like(), like_of_comment()] {
        given([]).when(give(like)).then_expect_events(vec![liked(like)]);
        given([liked(like)]).when(give(like)).then_expect_events(vec![]);
    }
}

#[test]
fn a_like_is_taken_back_once_and_may_be_given_again() {
    let like = like();
    given([]).when(take_back(like)).then_expect_events(vec![]);
    given([liked(like)]).when(take_back(like)).then_expect_events(vec![unliked(like)]);
    given([liked(like), unliked(like)]).when(take_back(like)).then_expect_events(vec![]);
    given([liked(like), unliked(like)]).when(give(like)).then_expect_events(vec![liked(like)]);
}

#[test]
fn the_stream_is_named_after_reader_and_target() {
    assert_eq!(like().to_string(), format!("{}:book:{}", ada(), middlemarch()));
    assert_eq!(like_of_comment().to_string(), format!("{}:comment:{}", ada(), comment(1)));
}

#[test]
fn a_target_is_an_item_or_a_comment() {
    for target in [like().target, like_of_comment().target] {
        assert_eq!(target.to_string().parse(), Ok(target));
    }
    for text in ["", "comment", "comment:", "comment:x", "film:x", &format!("like:{}", ada())] {
        assert_eq!(text.parse::<Target>(), Err(TargetError), "{text:?}");
    }
}

/// These snapshots are the contract with every event already stored.
#[test]
fn events_keep_their_shape() {
    for event in events() {
        insta::assert_json_snapshot!(event.event_type(), event);
    }
}
