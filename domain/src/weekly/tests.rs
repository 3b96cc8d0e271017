use cqrs_es::{
    DomainEvent,
    test::{AggregateTestExecutor, TestFramework},
};

use super::samples::{day, events, fix, fixed, list, of_books};
use super::{Event, GENRE_ITEMS_MAX, GENRES_MAX, ITEMS_MAX, List, Period, Ranked, Refusal, Weekly};
use crate::samples::{at, text, uuid};

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<Weekly> {
    TestFramework::with(()).given(history.into())
}

#[test]
fn the_lists_of_a_day_are_fixed_together() {
    let week = of_books(Period::Week, vec![list(None, &[1, 2])]);
    let all = of_books(Period::All, vec![list(None, &[3]), list(Some("classics"), &[3])]);
    given([])
        .when(fix(day(0), vec![week.clone(), all.clone()]))
        .then_expect_events(vec![fixed(day(0), week), fixed(day(0), all)]);
}

#[test]
fn whatever_is_offered_for_the_same_day_again_changes_nothing() {
    let (first, other) = (vec![list(None, &[1, 2])], vec![list(None, &[2])]);
    given([fixed(day(0), of_books(Period::Week, first))])
        .when(fix(day(0), vec![of_books(Period::Week, other)]))
        .then_expect_events(vec![]);
}

#[test]
fn a_list_has_an_end_and_there_are_not_too_many() {
    let long: Vec<u128> = (0..=ITEMS_MAX as u128).collect();
    let genre = |number| list(Some(&format!("genre {number}")), &[1]);
    for lists in [
        vec![list(None, &long)],
        vec![list(Some("classics"), &long[..=GENRE_ITEMS_MAX])],
        (0..=GENRES_MAX).map(genre).collect(),
        vec![list(None, &[1]), list(None, &[2])],
    ] {
        given([])
            .when(fix(day(0), vec![of_books(Period::All, lists)]))
            .then_expect_error(Refusal::TooLong);
    }
}

#[test]
fn no_event_of_the_longest_lists_exceeds_what_the_log_accepts() {
    let items = |count: usize| {
        let ranked = |item| Ranked { id: uuid(item as u128), score: 9.1234, ratings: i64::MAX };
        (0..count).map(ranked).collect()
    };
    let genre = |number| List {
        genre: Some(text(&format!("{number:03}{}", "\"".repeat(97)))),
        items: items(GENRE_ITEMS_MAX),
    };
    let mut lists: Vec<List> = (0..GENRES_MAX).map(genre).collect();
    lists.push(List { genre: None, items: items(ITEMS_MAX) });
    let longest = of_books(Period::Month, lists);
    let decided = Weekly::default().decide(fix(day(0), vec![longest]));
    let [event] = &decided.expect("it is as long as it may be")[..] else { panic!("one event") };
    let bytes = serde_json::to_vec(event).map(|bytes| bytes.len()).unwrap_or(usize::MAX);
    assert!(bytes < 256 * 1024, "{bytes}");
}

#[test]
fn a_week_has_seven_days_and_a_month_thirty() {
    let last = day(0);
    let days = |period: Period| period.since(last).map(|since| (at(0) - since).num_days() + 1);
    assert_eq!(Period::EVERY.map(days), [Some(7), Some(30), None]);
}

/// These snapshots are the contract with every event already stored.
#[test]
fn events_keep_their_shape() {
    for event in events() {
        insta::assert_json_snapshot!(event.event_type(), event);
    }
}
