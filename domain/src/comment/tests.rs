use cqrs_es::{
    Aggregate, DomainEvent,
    test::{AggregateTestExecutor, TestFramework},
};

use super::samples::{delete, deleted, edit, edited, events, post, posted};
use super::{Comment, Event, Refusal, Remark, RemarkError};
use crate::{
    Personal, TextError,
    samples::{ada, bob},
};

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<Comment> {
    TestFramework::with(()).given(history.into())
}

#[test]
fn a_comment_is_posted_once() {
    given([]).when(post("Dorothea!")).then_expect_events(vec![posted("Dorothea!")]);
    given([posted("Dorothea!")]).when(post("Dorothea!")).then_expect_error(Refusal::AlreadyPosted);
    given([posted("Dorothea!"), deleted(ada())])
        .when(post("Dorothea!"))
        .then_expect_error(Refusal::AlreadyPosted);
}

#[test]
fn its_author_edits_it_and_the_same_text_again_changes_nothing() {
    given([posted("Dorothea!")])
        .when(edit(ada(), "Casaubon!"))
        .then_expect_events(vec![edited("Casaubon!")]);
    given([posted("Dorothea!")]).when(edit(ada(), "Dorothea!")).then_expect_events(vec![]);
    given([posted("Dorothea!"), edited("Casaubon!")])
        .when(edit(ada(), " Casaubon!\n"))
        .then_expect_events(vec![]);
    given([posted("Dorothea!"), edited("Casaubon!")])
        .when(edit(ada(), "Dorothea!"))
        .then_expect_events(vec![edited("Dorothea!")]);
}

#[test]
fn nobody_else_edits_it() {
    given([posted("Dorothea!")])
        .when(edit(bob(), "Casaubon!"))
        .then_expect_error(Refusal::NotTheAuthor);
    given([posted("Dorothea!")])
        .when(edit(bob(), "Dorothea!"))
        .then_expect_error(Refusal::NotTheAuthor);
    given([]).when(edit(ada(), "Casaubon!")).then_expect_error(Refusal::Unknown);
}

#[test]
fn its_author_or_an_operator_deletes_it() {
    given([posted("Dorothea!")])
        .when(delete(ada(), false))
        .then_expect_events(vec![deleted(ada())]);
    given([posted("Dorothea!")]).when(delete(bob(), true)).then_expect_events(vec![deleted(bob())]);
    given([posted("Dorothea!")])
        .when(delete(bob(), false))
        .then_expect_error(Refusal::NotTheAuthor);
    given([]).when(delete(bob(), true)).then_expect_error(Refusal::Unknown);
}

#[test]
fn what_was_deleted_stays_deleted() {
    let gone = [posted("Dorothea!"), deleted(bob())];
    given(gone.clone()).when(edit(ada(), "Casaubon!")).then_expect_error(Refusal::Deleted);
    given(gone.clone()).when(delete(ada(), false)).then_expect_events(vec![]);
    given(gone.clone()).when(delete(bob(), true)).then_expect_events(vec![]);
    given(gone).when(delete(bob(), false)).then_expect_error(Refusal::NotTheAuthor);
}

/// The log's memory of a comment is not erased with its author, so it holds no words.
#[test]
fn the_text_is_neither_kept_nor_stored_beside_the_events() {
    let mut comment = Comment::default();
    comment.apply(posted("Dorothea!"));
    assert!(comment.is_posted());
    assert!(!format!("{comment:?}").contains("Dorothea"));
    let stored = serde_json::to_value(&comment).expect("states serialize");
    assert_eq!(stored["says"], serde_json::Value::Null, "{stored}");
}

#[test]
fn a_text_that_nobody_can_read_any_more_is_like_no_other() {
    let mut comment = Comment::default();
    for event in [posted("Dorothea!"), edited("Casaubon!")] {
        comment.apply(match event {
            Event::CommentEdited { comment, item, author, at, .. } => {
                let text = Personal::Erased { subject: author };
                Event::CommentEdited { comment, item, author, text, at }
            }
            other => other,
        });
    }
    assert_eq!(comment.decide(edit(ada(), "Casaubon!")), Ok(vec![edited("Casaubon!")]));
}

#[test]
fn a_remark_has_1_to_5000_characters_of_any_kind() {
    let of = |text: &str| text.parse::<Remark>();
    assert_eq!(of(" first\nsecond ").map(String::from), Ok("first\nsecond".into()));
    for letter in ["x", "é", "書", "📖"] {
        assert!(of(&letter.repeat(5_000)).is_ok(), "{letter}");
        assert_eq!(of(&letter.repeat(5_001)), Err(RemarkError::TooLong), "{letter}");
    }
    assert_eq!(of(" \n "), Err(RemarkError::Text(TextError::Empty)));
    assert_eq!(of("a\u{0}b"), Err(RemarkError::Text(TextError::Control)));
}

/// These snapshots are the contract with every event already stored.
#[test]
fn events_keep_their_shape() {
    for event in events() {
        insta::assert_json_snapshot!(event.event_type(), event);
    }
}
