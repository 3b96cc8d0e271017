//! The contract with every event already stored: names, versions, shapes, claims of versions past.

use std::collections::BTreeSet;

use cqrs_es::{Aggregate, DomainEvent};
use serde_json::Value;

use crate::{
    account::Account, book::Book, cart::Cart, comment::Comment, conversation::Conversation,
    course::Course, dismissal::Dismissal, enrollment::Enrollment, export::PersonalExport,
    file::Files, follow::Follow, fulfilment::Fulfilment, like::Like, loan::CopySet, model::Model,
    notification::Notification, operators::Operators, order::Order, process::Process,
    product::Product, projection::Projection, publication::Publication, rating::Rating,
    shelf::Shelf, stock::Stock, upcasters, weekly::Weekly,
};

/// One line per event: stream type, wire name, version.
fn wire<A: Aggregate>(events: &[A::Event]) -> Vec<String> {
    let mut lines = BTreeSet::new();
    for event in events {
        let stored = serde_json::to_value(event).expect("events serialize");
        assert_eq!(stored["type"], event.event_type(), "the tag is the wire name");
        let read: A::Event = serde_json::from_value(stored).expect("what is written can be read");
        assert_eq!(&read, event);
        lines.insert(format!("{} {} {}", A::TYPE, event.event_type(), event.event_version()));
    }
    lines.into_iter().collect()
}

#[test]
fn wire_names_and_versions_are_listed_here() {
    let table = [
        wire::<Account>(&crate::account::samples::events()),
        wire::<Operators>(&crate::operators::samples::events()),
        wire::<Follow>(&crate::follow::samples::events()),
        wire::<Book>(&crate::book::samples::events()),
        wire::<Rating>(&crate::rating::samples::events()),
        wire::<Shelf>(&crate::shelf::samples::events()),
        wire::<Dismissal>(&crate::dismissal::samples::events()),
        wire::<Comment>(&crate::comment::samples::events()),
        wire::<Conversation>(&crate::conversation::samples::events()),
        wire::<CopySet>(&crate::loan::samples::events()),
        wire::<Like>(&crate::like::samples::events()),
        wire::<Course>(&crate::course::samples::events()),
        wire::<Enrollment>(&crate::enrollment::samples::events()),
        wire::<Process>(&crate::process::samples::events()),
        wire::<Product>(&crate::product::samples::events()),
        wire::<Projection>(&crate::projection::samples::events()),
        wire::<Stock>(&crate::stock::samples::events()),
        wire::<Cart>(&crate::cart::samples::events()),
        wire::<Order>(&crate::order::samples::events()),
        wire::<Fulfilment>(&crate::fulfilment::samples::events()),
        wire::<Notification>(&crate::notification::samples::events()),
        wire::<Model>(&crate::model::samples::events()),
        wire::<Files>(&crate::file::samples::events()),
        wire::<PersonalExport>(&crate::export::samples::events()),
        wire::<Publication>(&crate::publication::samples::events()),
        wire::<Weekly>(&crate::weekly::samples::events()),
    ];
    insta::assert_snapshot!(table.concat().join("\n"));
}

#[test]
fn every_upcaster_leads_to_a_version_in_use() {
    let today = [
        wire::<Book>(&crate::book::samples::events()),
        wire::<Notification>(&crate::notification::samples::events()),
        wire::<Order>(&crate::order::samples::events()),
        wire::<Fulfilment>(&crate::fulfilment::samples::events()),
        wire::<Publication>(&crate::publication::samples::events()),
        wire::<Model>(&crate::model::samples::events()),
    ]
    .concat();
    for upcaster in upcasters() {
        let end = format!(" {} {}", upcaster.event_type, upcaster.to_version);
        let leads_on = |next: &crate::Upcaster| {
            (next.event_type, next.from_version) == (upcaster.event_type, upcaster.to_version)
        };
        let is_used = today.iter().any(|line| line.ends_with(&end));
        assert!(is_used || upcasters().iter().any(leads_on), "{end}");
    }
}

#[test]
fn a_notification_of_an_old_version_reads_as_it_stands() {
    for fixture in [
        include_str!("../fixtures/NotificationRequested-1.0.0.json"),
        include_str!("../fixtures/NotificationRequested-1.1.0.json"),
    ] {
        let old: Value = serde_json::from_str(fixture).expect("fixtures are JSON");
        let upcaster = upcasters().iter().find(|upcaster| old["type"] == upcaster.event_type);
        let new = (upcaster.expect("there is one").upcast)(old.clone());
        let event: crate::notification::Event =
            serde_json::from_value(new.clone()).expect("it reads as of today");
        assert_eq!((serde_json::to_value(event).ok(), new), (Some(old.clone()), old));
    }
}

/// Fixtures are events as version 1.0.0 of the program stored them; they are never edited.
#[test]
fn events_of_old_versions_read_as_of_today() {
    let fixtures = [
        include_str!("../fixtures/BookAdded-1.0.0.json"),
        include_str!("../fixtures/BookAdded-1.0.0-kids.json"),
        include_str!("../fixtures/BookRevised-1.0.0.json"),
    ];
    for fixture in fixtures {
        let old: Value = serde_json::from_str(fixture).expect("fixtures are JSON");
        let upcaster = upcasters()
            .iter()
            .find(|upcaster| old["type"] == upcaster.event_type)
            .expect("there is an upcaster for each fixture");
        assert!(serde_json::from_value::<crate::book::Event>(old.clone()).is_err());

        let new = (upcaster.upcast)(old);
        serde_json::from_value::<crate::book::Event>(new.clone()).expect("it reads as of today");
        insta::assert_json_snapshot!(new);
    }
}

#[test]
fn a_fit_of_an_old_version_is_of_the_first_recipe() {
    for fixture in [
        include_str!("../fixtures/ModelTrained-1.0.0.json"),
        include_str!("../fixtures/ModelRejected-1.0.0.json"),
    ] {
        let old: Value = serde_json::from_str(fixture).expect("fixtures are JSON");
        let upcaster = upcasters().iter().find(|upcaster| old["type"] == upcaster.event_type);
        let mut expected = old.clone();
        expected["fit"]["recipe"] = serde_json::json!(1);
        let new = (upcaster.expect("there is one for each").upcast)(old);
        assert_eq!(read::<Model>(new), expected);
    }
}

/// A reason or an outcome more changes nothing for what was before.
#[test]
fn what_was_rejected_without_payments_or_published_without_vectors_reads_the_same() {
    for (fixture, today) in [
        (include_str!("../fixtures/OrderRejected-1.0.0.json"), read::<Order> as fn(Value) -> Value),
        (include_str!("../fixtures/FulfilmentRejecting-1.0.0.json"), read::<Fulfilment>),
        (include_str!("../fixtures/PublicationStepCompleted-1.0.0.json"), read::<Publication>),
    ] {
        let old: Value = serde_json::from_str(fixture).expect("fixtures are JSON");
        let upcaster = upcasters().iter().find(|upcaster| old["type"] == upcaster.event_type);
        let new = (upcaster.expect("there is one for each").upcast)(old.clone());
        assert_eq!(today(new), old);
    }
}

/// Read and written again.
fn read<A: Aggregate>(payload: Value) -> Value {
    let event: A::Event = serde_json::from_value(payload).expect("it reads as of today");
    serde_json::to_value(event).expect("events serialize")
}
