use cqrs_es::{DomainEvent, test::TestFramework};

use super::Process;
use super::samples::{events, retried, retry};

#[test]
fn every_retry_is_recorded() {
    let given = || TestFramework::<Process>::with(());
    given().given(vec![]).when(retry()).then_expect_events(vec![retried()]);
    given().given(vec![retried()]).when(retry()).then_expect_events(vec![retried()]);
}

/// These snapshots are the contract with every event already stored.
#[test]
fn events_keep_their_shape() {
    for event in events() {
        insta::assert_json_snapshot!(event.event_type(), event);
    }
}
