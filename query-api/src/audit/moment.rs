//! Times of the record, and recorded-at as a position: times never go back as positions grow, so
//! halving finds it.

use chrono::{DateTime, Datelike, Utc};
use serde::Deserialize;
use service_kit::Problem;
use sqlx::PgPool;

use eventstore::Reader;

/// A time in the years 0 to 9999: Postgres cannot compare with all that chrono can read.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "DateTime<Utc>")]
pub(crate) struct Moment(pub DateTime<Utc>);

#[derive(Debug, thiserror::Error)]
#[error("the years 0 to 9999 are known")]
pub(crate) struct FarOff;

impl TryFrom<DateTime<Utc>> for Moment {
    type Error = FarOff;

    fn try_from(time: DateTime<Utc>) -> Result<Self, FarOff> {
        if (0..=9999).contains(&time.year()) { Ok(Self(time)) } else { Err(FarOff) }
    }
}

/// The last position recorded before a moment; 0 if there is none.
pub(super) async fn last_before(reader: &Reader, at: DateTime<Utc>) -> Result<i64, Problem> {
    let (mut low, mut high) = (0, reader.head().await?);
    while low < high {
        let middle = low + (high - low + 1) / 2;
        if recorded_at(reader.pool(), middle).await? < at {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Ok(low)
}

async fn recorded_at(pool: &PgPool, position: i64) -> Result<DateTime<Utc>, sqlx::Error> {
    sqlx::query_scalar("select recorded_at from eventstore.events where position = $1")
        .bind(position)
        .fetch_one(pool)
        .await
}
