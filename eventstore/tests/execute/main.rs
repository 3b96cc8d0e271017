//! Deciding over the log: stale caches, facts, keys and refusals, lost connections.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod both;
mod caches;
mod facts;
mod keys;
mod outages;
mod proxy;
#[path = "../support/mod.rs"]
mod support;

use chrono::{DateTime, Utc};
use domain::rating::{Command, Rating, RatingId, Refusal, Score};
use domain::{AccountId, ItemId, ItemKind};
use eventstore::{Context, ExecuteError, Log};
use uuid::Uuid;

fn rating() -> RatingId {
    RatingId {
        reader: AccountId::from(Uuid::from_u128(1)),
        item: ItemId { kind: ItemKind::Book, id: Uuid::from_u128(2) },
    }
}

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

fn rate(points: u8) -> Command {
    Command::Rate { rating: rating(), score: Score::try_from(points).unwrap(), at: at() }
}

fn withdraw() -> Command {
    Command::Withdraw { rating: rating(), at: at() }
}

fn context(key: &str) -> Context {
    Context::system("test", key.to_owned(), at())
}

async fn execute(
    log: &Log,
    key: &str,
    command: Command,
) -> Result<eventstore::Receipt, ExecuteError<Refusal>> {
    log.execute::<Rating>(rating(), command, &context(key)).await
}
