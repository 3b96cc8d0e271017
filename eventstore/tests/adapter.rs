//! A stock `CqrsFramework` on our log.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use chrono::DateTime;
use cqrs_es::{AggregateError, CqrsFramework, EventStore};
use domain::rating::{Command, Rating, RatingId, Refusal, Score};
use domain::{AccountId, ItemId, ItemKind};
use eventstore::{Context, CqrsStore};
use uuid::Uuid;

fn rating() -> RatingId {
    RatingId {
        reader: AccountId::from(Uuid::from_u128(1)),
        item: ItemId { kind: ItemKind::Book, id: Uuid::from_u128(2) },
    }
}

fn rate(points: u8) -> Command {
    let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    Command::Rate { rating: rating(), score: Score::try_from(points).unwrap(), at }
}

#[tokio::test]
async fn a_stock_framework_runs_on_the_log() {
    let log = support::log().await;
    let id = rating().to_string();
    let framework = CqrsFramework::new(CqrsStore::<Rating>::new(log.clone()), vec![], ());
    framework.execute(&id, rate(8)).await.unwrap();
    framework.execute(&id, rate(3)).await.unwrap();
    let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    framework.execute(&id, Command::Withdraw { rating: rating(), at }).await.unwrap();
    let refused =
        framework.execute(&id, Command::Withdraw { rating: rating(), at }).await.unwrap_err();
    assert!(
        matches!(refused, AggregateError::UserError(Refusal::NothingToWithdraw)),
        "{refused:?}"
    );

    let ours = log
        .execute::<Rating>(rating(), rate(5), &Context::system("test", "a".to_owned(), at))
        .await
        .unwrap();
    assert_eq!(ours.sequence, 4, "our executor goes on where the framework stopped");
    let events = CqrsStore::<Rating>::new(log).load_events(&id).await.unwrap();
    let sequences: Vec<usize> = events.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_framework_that_was_overtaken_is_told() {
    let log = support::log().await;
    let id = rating().to_string();
    let store = CqrsStore::<Rating>::new(log.clone());
    let early = store.load_aggregate(&id).await.unwrap();
    let framework = CqrsFramework::new(CqrsStore::<Rating>::new(log.clone()), vec![], ());
    framework.execute(&id, rate(8)).await.unwrap();
    let event = store.load_events(&id).await.unwrap().remove(0).payload;
    let late = store.commit(vec![event], early, Default::default()).await;
    assert!(matches!(late, Err(AggregateError::AggregateConflict)));
    assert_eq!(log.reader().head().await.unwrap(), 1);
}
