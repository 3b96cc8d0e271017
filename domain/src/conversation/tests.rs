use cqrs_es::{
    Aggregate, DomainEvent,
    test::{AggregateTestExecutor, TestFramework},
};

use super::samples::{
    about_course, answer, ask, asked, asked_about, events, given as answered, rate, rated, tell,
};
use super::{About, Conversation, Event, FallbackReason, QUESTIONS_MAX, Question, Refusal, Reply};
use crate::{
    TextError,
    samples::{ada, bob},
};

fn given(history: impl Into<Vec<Event>>) -> AggregateTestExecutor<Conversation> {
    TestFramework::with(()).given(history.into())
}

#[test]
fn who_takes_part_in_a_course_asks_about_it_and_goes_on_asking() {
    given([]).when(ask(1, ada(), about_course(), true)).then_expect_events(vec![asked(1)]);
    given([asked(1), answered(1)])
        .when(ask(2, ada(), about_course(), true))
        .then_expect_events(vec![asked(2)]);
    given([asked(1)]).when(ask(2, ada(), about_course(), true)).then_expect_events(vec![asked(2)]);
}

#[test]
fn nobody_else_does() {
    given([]).when(ask(1, bob(), about_course(), false)).then_expect_error(Refusal::NotAdmitted);
    given([asked(1)])
        .when(ask(2, ada(), about_course(), false))
        .then_expect_error(Refusal::NotAdmitted);
}

#[test]
fn a_conversation_is_its_askers_alone_and_nobody_else_learns_that_it_is_there() {
    let unknown = Refusal::UnknownConversation;
    given([asked(1)]).when(ask(2, bob(), about_course(), true)).then_expect_error(unknown);
    given([]).when(ask(2, ada(), about_course(), true)).then_expect_error(unknown);
    given([asked(1), answered(1)])
        .when(rate(1, bob(), true))
        .then_expect_error(Refusal::UnknownAnswer);
}

#[test]
fn it_stays_with_what_it_is_about() {
    given([asked(1)]).when(ask(2, ada(), About::Shop, true)).then_expect_error(Refusal::AboutOther);
    let shop = asked_about(1, About::Shop);
    given([shop.clone()])
        .when(ask(2, ada(), about_course(), true))
        .then_expect_error(Refusal::AboutOther);
    given([shop])
        .when(ask(2, ada(), About::Shop, true))
        .then_expect_events(vec![asked_about(2, About::Shop)]);
}

#[test]
fn the_same_question_sent_twice_is_asked_once() {
    given([asked(1)]).when(ask(1, ada(), about_course(), true)).then_expect_events(vec![]);
}

#[test]
fn a_conversation_comes_to_an_end() {
    let history: Vec<Event> = (1..=QUESTIONS_MAX as u128).map(asked).collect();
    given(history).when(ask(900, ada(), about_course(), true)).then_expect_error(Refusal::Full);
}

#[test]
fn a_question_is_answered_once() {
    given([asked(1)]).when(tell(1)).then_expect_events(vec![answered(1)]);
    given([asked(1), answered(1)]).when(tell(1)).then_expect_events(vec![]);
    given([asked(1), answered(1), rated(1, true)]).when(tell(1)).then_expect_events(vec![]);
    given([asked(1)]).when(tell(2)).then_expect_error(Refusal::UnknownAnswer);
    given([]).when(tell(1)).then_expect_error(Refusal::UnknownAnswer);
}

#[test]
fn an_answer_that_was_given_is_rated_and_the_rating_changed() {
    given([asked(1)]).when(rate(1, ada(), true)).then_expect_error(Refusal::NotAnswered);
    let history = [asked(1), answered(1)];
    given(history.clone()).when(rate(1, ada(), true)).then_expect_events(vec![rated(1, true)]);
    given(history.clone()).when(rate(2, ada(), true)).then_expect_error(Refusal::UnknownAnswer);
    let history: Vec<Event> = history.into_iter().chain([rated(1, true)]).collect();
    given(history.clone()).when(rate(1, ada(), true)).then_expect_events(vec![]);
    given(history).when(rate(1, ada(), false)).then_expect_events(vec![rated(1, false)]);
}

/// The log's memory of a conversation is not erased with its asker, so it holds no words.
#[test]
fn what_was_asked_and_said_is_not_kept_beside_the_events() {
    let mut conversation = Conversation::default();
    events().into_iter().for_each(|event| conversation.apply(event));
    assert!(!conversation.awaits(answer(1)));
    let stored = serde_json::to_string(&conversation).expect("states serialize");
    for word in ["memory", "owner", "Ownership"] {
        assert!(!stored.contains(word) && !format!("{conversation:?}").contains(word));
    }
}

#[test]
fn a_question_has_1_to_2000_characters_and_a_reply_1_to_5000() {
    for letter in ["x", "é", "書", "📖"] {
        assert!(letter.repeat(2_000).parse::<Question>().is_ok(), "{letter}");
        assert!(letter.repeat(2_001).parse::<Question>().is_err(), "{letter}");
        assert!(letter.repeat(5_000).parse::<Reply>().is_ok(), "{letter}");
        assert!(letter.repeat(5_001).parse::<Reply>().is_err(), "{letter}");
    }
    assert_eq!(" \n ".parse::<Question>(), Err(TextError::Empty.into()));
    assert_eq!("a\u{0}b".parse::<Question>(), Err(TextError::Control.into()));
}

#[test]
fn a_reason_is_called_the_same_everywhere() {
    use FallbackReason::{BrokeOff, Failed, NotCalled, TimedOut, Unreachable, Unusable};
    for reason in [BrokeOff, Failed, NotCalled, TimedOut, Unreachable, Unusable] {
        assert_eq!(serde_json::to_value(reason).ok(), Some(reason.code().into()));
    }
}

/// These snapshots are the contract with every event already stored.
#[test]
fn events_keep_their_shape() {
    for event in events() {
        insta::assert_json_snapshot!(event.event_type(), event);
    }
}
