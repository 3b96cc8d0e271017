//! A small projection: adds numbers up, so that an event applied twice or not at all shows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use eventstore::RecordedEvent;
use projections::{Projection, ProjectionError};
use serde::Deserialize;
use sqlx::PgConnection;
use tokio::sync::Semaphore;

/// The number that the table of a broken tally refuses.
pub const UNLUCKY: i64 = 13;

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum Event {
    Counted { n: i64 },
    Moved { n: i64 },
}

#[derive(Clone)]
pub struct Tally {
    pub name: &'static str,
    pub version: u32,
    pub source: &'static [&'static str],
    /// Without it the unlucky number violates a constraint.
    pub repaired: Arc<AtomicBool>,
    /// Whether it has learnt of `Moved`.
    pub knows_moved: bool,
    /// Permits to finish a batch, for tests that stop one in the middle.
    pub gate: Option<Arc<Semaphore>>,
    /// What an older release, or one with a defect, would do instead of adding `n`.
    pub offset: i64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            name: "tally",
            version: 1,
            source: &["tally"],
            repaired: Arc::default(),
            knows_moved: false,
            gate: None,
            offset: 0,
        }
    }
}

impl Tally {
    pub fn boxed(self) -> Vec<Arc<dyn Projection>> {
        vec![Arc::new(self)]
    }

    fn number(&self, event: &RecordedEvent) -> Result<i64, ProjectionError> {
        if event.event_type == "Moved" && !self.knows_moved {
            return Err(ProjectionError::Unknown {
                position: event.position,
                event_type: event.event_type.clone(),
                event_version: event.event_version.clone(),
            });
        }
        let tagged =
            event.payload.replacen('{', &format!(r#"{{"type":"{}","#, event.event_type), 1);
        match serde_json::from_str(&tagged) {
            Ok(Event::Counted { n } | Event::Moved { n }) => Ok(n + self.offset),
            Err(error) => Err(ProjectionError::event(event, error.to_string())),
        }
    }
}

#[async_trait]
impl Projection for Tally {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn sources(&self) -> &'static [&'static str] {
        self.source
    }

    fn schema(&self) -> &'static str {
        match (self.name, self.version) {
            ("tally", 1) => {
                "create table tallies (id text primary key, total bigint not null);
                 create table seen (number bigint not null, times bigint not null,
                                    primary key (number), check (number <> 13));
                 create index seen_often on seen (times);"
            }
            // Another type and another order of columns: `create or replace view` refuses both.
            ("tally", _) => {
                "create table tallies (total numeric not null, id text primary key);
                 create table seen (number bigint primary key, times bigint not null);
                 create table sums (one boolean primary key);"
            }
            _ => "create table idlers (id text primary key, total bigint not null);",
        }
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let mut totals = BTreeMap::<&str, i64>::new();
        let mut seen = BTreeMap::<i64, i64>::new();
        for event in batch {
            let n = self.number(event)?;
            *totals.entry(&event.stream.aggregate_id).or_default() += n;
            if n != UNLUCKY || !self.repaired.load(Ordering::SeqCst) {
                *seen.entry(n).or_default() += 1;
            }
        }
        sqlx::query(
            "insert into tallies (id, total) select * from unnest($1::text[], $2::bigint[])
             on conflict (id) do update set total = tallies.total + excluded.total",
        )
        .bind(totals.keys().copied().collect::<Vec<_>>())
        .bind(totals.values().copied().collect::<Vec<_>>())
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "insert into seen (number, times) select * from unnest($1::bigint[], $2::bigint[])
             on conflict (number) do update set times = seen.times + excluded.times",
        )
        .bind(seen.keys().copied().collect::<Vec<_>>())
        .bind(seen.values().copied().collect::<Vec<_>>())
        .execute(&mut *tx)
        .await?;
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        Ok(())
    }
}

/// A projection that wants events nobody writes.
pub struct Idler;

#[async_trait]
impl Projection for Idler {
    fn name(&self) -> &'static str {
        "idler"
    }

    fn version(&self) -> u32 {
        1
    }

    fn sources(&self) -> &'static [&'static str] {
        &["nothing"]
    }

    fn schema(&self) -> &'static str {
        "create table idlers (id text primary key);"
    }

    async fn apply(
        &self,
        _: &[&RecordedEvent],
        _: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        panic!("no event is for the idler");
    }
}
