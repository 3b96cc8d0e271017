//! Takes over the `events` table of a stock postgres-es program.
//!
//! Such a table has no global order. We use the best it has: a column that tells when or in which
//! order rows were written; else the order in which they lie on disk, which an append-only table
//! keeps; else stream after stream. An order that contradicts the sequences of a stream is not
//! used. Which one it was is reported. Payload and metadata are kept byte for byte.
//!
//! Every event is a command of its own with an id made of its place, so that a second run changes
//! nothing and an interrupted one goes on.

mod source;

use futures::future::join_all;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::append::{Append, AppendError, NewEvent, QUEUE_MAX, Verdict, Write};
use crate::event::StreamId;
use crate::executor::holding::check_storable;
use crate::executor::{ExecuteError, Log};
use crate::personal::PersonalError;

pub use source::Order;
use source::{Row, Source};

/// Rows appended at a time; leaves room in the queue for everybody else.
const CHUNK_ROWS: usize = QUEUE_MAX / 8;
/// Problems told one by one; all are counted.
const PROBLEMS_MAX: usize = 20;

#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    #[error("there is no table {0}")]
    NoTable(String),
    #[error("{table} is not a postgres-es events table: it lacks {missing}")]
    NotEvents { table: String, missing: String },
    #[error("{0} is our own log")]
    OwnLog(String),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Personal(#[from] PersonalError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// What was taken over.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Adoption {
    pub table: String,
    pub order: Order,
    pub rows: u64,
    /// Streams in the table.
    pub streams: u64,
    pub appended: u64,
    /// Rows of an earlier run.
    pub known: u64,
    /// Rows that could not be taken over.
    pub refused: u64,
    /// Why, for the first of them.
    pub problems: Vec<String>,
    pub dry_run: bool,
}

impl Adoption {
    fn refuse(&mut self, row: &str, why: impl std::fmt::Display) {
        self.refused += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(format!("{row}: {why}"));
        }
    }
}

/// Appends every event of a table, `schema.table` or `table`, to our log. `progress` hears how
/// many rows of how many are done.
pub async fn adopt(
    log: &Log,
    table: &str,
    dry_run: bool,
    mut progress: impl FnMut(u64, u64),
) -> Result<Adoption, AdoptError> {
    let mut source = Source::open(log.pool(), table).await?;
    let mut adoption = Adoption {
        table: source.table().to_owned(),
        order: source.order().clone(),
        rows: 0,
        streams: source.streams(),
        appended: 0,
        known: 0,
        refused: source.broken().len() as u64,
        problems: Vec::new(),
        dry_run,
    };
    adoption.problems.extend(source.broken().iter().take(PROBLEMS_MAX).cloned());
    // A stream with a gap cannot be continued, by us or by its owner: nothing is taken over.
    let dry_run = dry_run || adoption.refused > 0;
    loop {
        let rows = source.next(CHUNK_ROWS).await?;
        if rows.is_empty() {
            break;
        }
        adoption.rows += rows.len() as u64;
        if !dry_run {
            append(log, &mut adoption, rows).await?;
        }
        progress(adoption.rows, source.rows());
    }
    Ok(adoption)
}

async fn append(log: &Log, adoption: &mut Adoption, rows: Vec<Row>) -> Result<(), AdoptError> {
    let mut appends = Vec::with_capacity(rows.len());
    for row in rows {
        if let Err(why) = storable(&row) {
            adoption.refuse(&row.name(), why);
            continue;
        }
        appends.push(row_as_command(log, row).await?);
    }
    let names: Vec<String> = appends.iter().map(|append| append.key.clone()).collect();
    // Pushed in order, so appended in order.
    let verdicts = join_all(appends.into_iter().map(|append| log.append(append))).await;
    for (verdict, name) in verdicts.into_iter().zip(names) {
        let problem = match verdict? {
            Verdict::Appended(_) | Verdict::Recovered(_) => {
                adoption.appended += 1;
                continue;
            }
            Verdict::Duplicate(_) => {
                adoption.known += 1;
                continue;
            }
            Verdict::Mismatch => "differs from what was taken over earlier".to_owned(),
            Verdict::Conflict { current } => format!("our stream is already at {current}"),
            Verdict::Erased => "speaks of a person who was erased".to_owned(),
            Verdict::Invalid(why) => why,
            Verdict::GuardFailed { .. } | Verdict::Taken { .. } | Verdict::Full { .. } => {
                unreachable!("adopted rows have no guards and no claims")
            }
        };
        adoption.refuse(&name, problem);
    }
    Ok(())
}

fn storable(row: &Row) -> Result<(), ExecuteError<std::convert::Infallible>> {
    check_storable(&row.payload)?;
    check_storable(&row.metadata)
}

async fn row_as_command(log: &Log, row: Row) -> Result<Append, AdoptError> {
    let fingerprint = Sha256::new()
        .chain_update(&row.event_type)
        .chain_update([0])
        .chain_update(&row.event_version)
        .chain_update([0])
        .chain_update(&row.payload)
        .chain_update([0])
        .chain_update(&row.metadata)
        .finalize();
    let name = row.name();
    // Nothing to seal in a foreign table, unless it once was ours.
    let sealed = log.personal().seal_text(row.payload).await?;
    let event = NewEvent {
        event_type: row.event_type,
        event_version: row.event_version,
        payload: sealed.json,
        metadata: row.metadata,
    };
    Ok(Append {
        caller: "adopt".to_owned(),
        key: name,
        fingerprint: fingerprint.to_vec(),
        refusal: None,
        writes: vec![Write {
            stream: StreamId::new(row.aggregate_type, row.aggregate_id),
            expected: row.sequence - 1,
            events: vec![event],
        }],
        guards: Vec::new(),
        claims: Vec::new(),
        subjects: sealed.subjects,
        erased: Vec::new(),
    })
}
