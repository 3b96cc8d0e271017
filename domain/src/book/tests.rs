use cqrs_es::{
    DomainEvent,
    test::{AggregateTestExecutor, TestFramework},
};

use super::samples::{
    add, added, details, events, full_details, revise, revised, withdraw, withdrawn,
};
use super::{Authors, Book, Details, Event, Refusal, Revision, SeriesNumber, Year};
use crate::{
    Claim, Patch, Recorded,
    samples::{middlemarch, text},
};

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<Book> {
    TestFramework::with(()).given(history.into())
}

fn plain() -> Details {
    details("Middlemarch", "George Eliot")
}

#[test]
fn a_book_is_added_once() {
    let book = middlemarch();
    given([]).when(add(book, plain())).then_expect_events(vec![added(book, plain())]);
    given([added(book, plain())]).when(add(book, plain())).then_expect_error(Refusal::AlreadyAdded);
    given([added(book, plain()), withdrawn(book)])
        .when(add(book, plain()))
        .then_expect_error(Refusal::AlreadyAdded);
}

#[test]
fn a_revision_changes_the_fields_it_names() {
    let book = middlemarch();
    let revision = Revision {
        title: Some(text("Middlemarch, a Study of Provincial Life")),
        isbn: Patch::Clear,
        publisher: Patch::Set(text("Blackwood")),
        ..Revision::default()
    };
    let expected = Details {
        title: text("Middlemarch, a Study of Provincial Life"),
        isbn: None,
        publisher: Some(text("Blackwood")),
        ..full_details()
    };
    given([added(book, full_details())])
        .when(revise(book, revision))
        .then_expect_events(vec![revised(book, expected)]);
}

#[test]
fn a_revision_to_the_same_changes_nothing() {
    let book = middlemarch();
    let same = Revision { title: Some(plain().title), ..Revision::default() };
    given([added(book, plain())]).when(revise(book, same)).then_expect_events(vec![]);
}

#[test]
fn a_book_is_withdrawn_for_good() {
    let book = middlemarch();
    given([added(book, plain())]).when(withdraw(book)).then_expect_events(vec![withdrawn(book)]);
    let history = || given([added(book, plain()), withdrawn(book)]);
    history().when(withdraw(book)).then_expect_events(vec![]);
    history().when(revise(book, Revision::default())).then_expect_error(Refusal::Withdrawn);
}

#[test]
fn an_unknown_book_can_be_neither_revised_nor_withdrawn() {
    let book = middlemarch();
    given([]).when(withdraw(book)).then_expect_error(Refusal::Unknown);
    given([]).when(revise(book, Revision::default())).then_expect_error(Refusal::Unknown);
}

#[test]
fn an_isbn_belongs_to_one_book_until_it_is_withdrawn() {
    let book = middlemarch();
    let take = || Claim::Unique {
        kind: "isbn",
        key: "9780141439549".into(),
        holder: book.to_string(),
        personal: false,
    };
    let release = || Claim::Release { kind: "isbn", holder: book.to_string() };
    assert_eq!(Book::claims(&added(book, plain())), []);
    assert_eq!(Book::claims(&added(book, full_details())), [take()]);
    assert_eq!(Book::claims(&revised(book, full_details())), [release(), take()]);
    assert_eq!(Book::claims(&revised(book, plain())), [release()]);
    assert_eq!(Book::claims(&withdrawn(book)), [release()]);
}

#[test]
fn a_book_has_an_author() {
    assert!(Authors::try_from(vec![]).is_err());
    assert!(Authors::try_from(vec![text("A"); 101]).is_err());
}

#[test]
fn a_year_may_be_before_our_era() {
    assert!(Year::try_from(-750).is_ok());
    assert!(Year::try_from(-3001).is_err());
    assert!(Year::try_from(2201).is_err());
}

#[test]
fn novellas_stand_between_novels() {
    assert_eq!(SeriesNumber::try_from(1.5).map(SeriesNumber::hundredths), Ok(150));
    assert_eq!(SeriesNumber::try_from(0.1).map(f64::from), Ok(0.1));
    for number in [-1.0, 1.234, 100_000.0, f64::NAN, f64::INFINITY] {
        assert!(SeriesNumber::try_from(number).is_err(), "{number}");
    }
}

/// These snapshots are the contract with every event already stored.
#[test]
fn events_keep_their_shape() {
    for event in events() {
        insta::assert_json_snapshot!(event.event_type(), event);
    }
}
