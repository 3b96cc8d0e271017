use cqrs_es::{
    DomainEvent,
    test::{AggregateTestExecutor, TestFramework},
};

use super::samples::{
    add, added, details, discontinue, discontinued, events, full_details, reprice, repriced,
    revise, revised,
};
use super::{Details, Event, Product, Refusal, Revision, Sku};
use crate::{
    Claim, Currency, Money, MoneyError, Patch, Recorded,
    samples::{lantern, pounds, text},
};

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<Product> {
    TestFramework::with(()).given(history.into())
}

fn on_sale() -> Event {
    added(lantern(), full_details(), pounds(339))
}

#[test]
fn a_product_is_added_once() {
    given([]).when(add(lantern(), full_details(), pounds(339))).then_expect_events(vec![on_sale()]);
    given([on_sale()])
        .when(add(lantern(), full_details(), pounds(339)))
        .then_expect_error(Refusal::AlreadyAdded);
}

#[test]
fn a_revision_changes_the_fields_it_names_and_the_price() {
    let revision = Revision {
        name: Some(text("Lantern, white")),
        description: Patch::Clear,
        price: Some(pounds(395)),
        ..Revision::default()
    };
    let expected = Details { name: text("Lantern, white"), description: None, ..full_details() };
    given([on_sale()]).when(revise(lantern(), revision)).then_expect_events(vec![
        revised(lantern(), expected),
        repriced(lantern(), pounds(339), pounds(395)),
    ]);
    let same = Revision { price: Some(pounds(339)), ..Revision::default() };
    given([on_sale()]).when(revise(lantern(), same)).then_expect_events(vec![]);
}

#[test]
fn a_price_changes_and_the_same_price_is_no_change() {
    given([on_sale()]).when(reprice(lantern(), pounds(0))).then_expect_events(vec![repriced(
        lantern(),
        pounds(339),
        pounds(0),
    )]);
    given([on_sale()]).when(reprice(lantern(), pounds(339))).then_expect_events(vec![]);
}

#[test]
fn a_price_is_neither_negative_nor_endless() {
    assert_eq!(Money::new(-1, Currency::GBP), Err(MoneyError::Negative));
    assert!(Money::new(Money::MINOR_MAX, Currency::GBP).is_ok());
    assert_eq!(Money::new(Money::MINOR_MAX + 1, Currency::GBP), Err(MoneyError::TooLarge));
    assert!(serde_json::from_str::<Money>(r#"{"minor":-1,"currency":"GBP"}"#).is_err());
    assert!(serde_json::from_str::<Money>(r#"{"minor":1,"currency":"gbp"}"#).is_err());
    assert!(serde_json::from_str::<Money>(r#"{"minor":1.5,"currency":"GBP"}"#).is_err());
}

#[test]
fn a_product_is_discontinued_for_good() {
    given([on_sale()])
        .when(discontinue(lantern()))
        .then_expect_events(vec![discontinued(lantern())]);
    let gone = || given([on_sale(), discontinued(lantern())]);
    gone().when(discontinue(lantern())).then_expect_events(vec![]);
    gone().when(reprice(lantern(), pounds(1))).then_expect_error(Refusal::Discontinued);
    gone().when(revise(lantern(), Revision::default())).then_expect_error(Refusal::Discontinued);
}

#[test]
fn an_unknown_product_cannot_be_changed() {
    given([]).when(reprice(lantern(), pounds(1))).then_expect_error(Refusal::Unknown);
    given([]).when(discontinue(lantern())).then_expect_error(Refusal::Unknown);
}

#[test]
fn a_sku_belongs_to_one_product_until_it_is_discontinued() {
    let take = || Claim::Unique {
        kind: "sku",
        key: "71053".into(),
        holder: lantern().to_string(),
        personal: false,
    };
    let release = || Claim::Release { kind: "sku", holder: lantern().to_string() };
    assert_eq!(Product::claims(&on_sale()), [take()]);
    assert_eq!(Product::claims(&revised(lantern(), details("71053", "L"))), [release(), take()]);
    assert_eq!(Product::claims(&discontinued(lantern())), [release()]);
    assert_eq!(Product::claims(&repriced(lantern(), pounds(1), pounds(2))), []);
}

#[test]
fn a_sku_is_short_and_printable() {
    assert_eq!(" 85123A ".parse::<Sku>().map(String::from), Ok("85123A".into()));
    for text in ["", "  ", "caf\u{e9}", "a\u{0}b", &"x".repeat(65)] {
        assert!(text.parse::<Sku>().is_err(), "{text:?}");
    }
}

/// These snapshots are the contract with every event already stored.
#[test]
fn events_keep_their_shape() {
    for event in events() {
        insta::assert_json_snapshot!(event.event_type(), event);
    }
}

#[test]
fn a_currency_may_have_been_one_but_only_some_are_money_today() {
    let is_active = |code: &str| text::<Currency>(code).is_active();
    assert!(["GBP", "EUR", "USD", "JPY", "XOF", "ZWG"].into_iter().all(is_active));
    assert!(!["ABC", "DEM", "HRK", "XAU", "XXX"].into_iter().any(is_active));
    let stored = serde_json::from_str::<Money>(r#"{"minor":1,"currency":"DEM"}"#);
    let stored = stored.map(|money| money.currency()).ok();
    assert_eq!(stored, Some(text("DEM")), "what is stored is read");
}
