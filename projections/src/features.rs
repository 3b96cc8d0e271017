//! What recommendations are made of: who has shown a liking for which item.
//!
//! A pair of reader and item is in the set while at least one positive signal stands: a rating of 7
//! or more, a like, a favourite, a borrowed book, an enrollment, a completed course, a confirmed
//! order. The inverse takes the signal back; a book that was given back was read all the same.
//! Counts are integers, so that neither the size of batches nor the order across readers matters.

mod fold;
mod write;

use async_trait::async_trait;
use cqrs_es::Aggregate;
use domain::account::Account;
use domain::enrollment::Enrollment;
use domain::like::Like;
use domain::loan::CopySet;
use domain::order::Order;
use domain::rating::Rating;
use domain::shelf::Shelf;
use eventstore::RecordedEvent;
use sqlx::PgConnection;

use crate::{Projection, ProjectionError};

pub struct Features;

#[async_trait]
impl Projection for Features {
    fn name(&self) -> &'static str {
        "features"
    }

    fn version(&self) -> u32 {
        2
    }

    fn sources(&self) -> &'static [&'static str] {
        &[
            Account::TYPE,
            Rating::TYPE,
            Like::TYPE,
            Shelf::TYPE,
            CopySet::TYPE,
            Enrollment::TYPE,
            Order::TYPE,
        ]
    }

    fn schema(&self) -> &'static str {
        include_str!("features.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let signals = fold::signals(batch)?;
        let mut changes = write::fetch_state(tx, &signals).await?;
        for (position, signal) in signals {
            changes.take(position, signal);
        }
        write::write(tx, changes).await
    }
}
