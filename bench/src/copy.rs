//! The bound: the same rows put into the same table by `COPY`, one session, with no order among
//! writers, no command ids, no verdicts and no hash chain.

use std::time::{Duration, Instant};

use cqrs_es::DomainEvent;
use sqlx::{Executor, PgConnection};

use crate::database::{Database, Server};
use crate::rating::Rated;

/// How many rows a `COPY` has, each with its own commit.
const ROWS_TRIED: [usize; 3] = [1_000, 10_000, 100_000];
/// Each is tried so often, and its best trial counts: this machine may have other things to do.
const TRIALS: usize = 2;
/// A trial is this part of a turn.
const TRIAL: u32 = 6;
/// So much is sent at once.
const SEND_BYTES: usize = 64 * 1024;
/// Microseconds from 1970 to 2000, where Postgres starts counting.
const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;

const COLUMNS: &str = "aggregate_type, aggregate_id, sequence, event_type, event_version, payload,
                       metadata, position, recorded_at";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Binary,
}

/// One session.
pub struct Copy {
    database: Database,
    connection: PgConnection,
    table: &'static str,
    events_per_stream: usize,
    format: Format,
    rows: usize,
    position: i64,
    /// What was tried, for people.
    pub trials: String,
}

impl Copy {
    /// Copies into a table with the columns, constraints and indexes of the log's.
    pub async fn start(server: &Server, events_per_stream: usize) -> anyhow::Result<Self> {
        let database = server.migrated("copy").await?;
        let mut connection = database.connect().await?;
        connection
            .execute("create table public.copied (like eventstore.events including all)")
            .await?;
        Ok(Self::into(database, connection, "public.copied", events_per_stream))
    }

    /// Fills the log's own table, without its chain.
    pub async fn into_log(database: &Database, events_per_stream: usize) -> anyhow::Result<Self> {
        let connection = database.connect().await?;
        Ok(Self::into(database.clone(), connection, "eventstore.events", events_per_stream))
    }

    const fn into(
        database: Database,
        connection: PgConnection,
        table: &'static str,
        events_per_stream: usize,
    ) -> Self {
        Self {
            database,
            connection,
            table,
            events_per_stream,
            format: Format::Binary,
            rows: 10_000,
            position: 0,
            trials: String::new(),
        }
    }

    /// Finds the format and the number of rows it does most with, and stays with them.
    pub async fn with_best_settings(mut self, turn: Duration) -> anyhow::Result<Self> {
        let mut trials = Vec::new();
        for format in [Format::Text, Format::Binary] {
            for rows in ROWS_TRIED {
                (self.format, self.rows) = (format, rows);
                let mut best = 0.0_f64;
                for _ in 0..TRIALS {
                    best = best.max(self.work(turn / TRIAL).await?);
                }
                trials.push((format, rows, best));
            }
        }
        self.tidy().await?;
        if let Some(best) = trials.iter().max_by(|one, other| one.2.total_cmp(&other.2)) {
            (self.format, self.rows) = (best.0, best.1);
        }
        let rates: Vec<String> = trials
            .iter()
            .map(|(format, rows, rate)| format!("{format:?} by {rows}: {rate:.0}"))
            .collect();
        self.trials = format!(
            "copy runs in {:?} format with {} rows a commit at most, its best of a trial (events/s: {})",
            self.format,
            self.rows,
            rates.join(", ")
        );
        Ok(self)
    }

    /// Copies until the time is over; answers rows a second.
    pub async fn work(&mut self, time: Duration) -> anyhow::Result<f64> {
        let started = Instant::now();
        let mut copied = 0;
        while started.elapsed() < time {
            copied += self.copy(self.rows, || started.elapsed() < time).await?;
        }
        Ok(copied as f64 / started.elapsed().as_secs_f64())
    }

    /// See [`Database::tidy`].
    pub async fn tidy(&self) -> anyhow::Result<()> {
        self.database.tidy(self.table).await
    }

    /// One `COPY` with its commit, of so many rows or as long as there is time; answers the rows.
    pub async fn copy(
        &mut self,
        rows: usize,
        has_time: impl Fn() -> bool,
    ) -> anyhow::Result<usize> {
        let statement = match self.format {
            Format::Text => format!("copy {} ({COLUMNS}) from stdin", self.table),
            Format::Binary => {
                format!("copy {} ({COLUMNS}) from stdin with (format binary)", self.table)
            }
        };
        let mut copy = self.connection.copy_in_raw(&statement).await?;
        let mut buffer = Vec::with_capacity(2 * SEND_BYTES);
        if self.format == Format::Binary {
            buffer.extend(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0");
        }
        let mut copied = 0;
        while copied < rows && has_time() {
            let rated = Rated::new(self.events_per_stream);
            copied += write(&rated, self.format, &mut self.position, &mut buffer)?;
            if buffer.len() >= SEND_BYTES {
                copy.send(buffer.as_slice()).await?;
                buffer.clear();
            }
        }
        if self.format == Format::Binary {
            buffer.extend((-1_i16).to_be_bytes());
        }
        copy.send(buffer).await?;
        anyhow::ensure!(copy.finish().await? == copied as u64, "COPY lost rows");
        Ok(copied)
    }
}

fn write(
    rated: &Rated,
    format: Format,
    position: &mut i64,
    buffer: &mut Vec<u8>,
) -> anyhow::Result<usize> {
    let metadata = serde_json::to_string(&rated.metadata())?;
    let (stream, at) = (rated.stream(), rated.at());
    let mut written = 0;
    for (sequence, event) in rated.events() {
        *position += 1;
        written += 1;
        let (kind, version) = (event.event_type(), event.event_version());
        let payload = serde_json::to_string(&event)?;
        match format {
            Format::Text => {
                let numbers = (sequence, *position, at.to_rfc3339());
                for text in [Rated::stream_type(), &stream] {
                    buffer.extend(text.as_bytes());
                    buffer.push(b'\t');
                }
                buffer.extend(numbers.0.to_string().as_bytes());
                for text in [&kind, &version, &payload, &metadata] {
                    buffer.push(b'\t');
                    escape(text, buffer);
                }
                buffer.extend(format!("\t{}\t{}\n", numbers.1, numbers.2).as_bytes());
            }
            Format::Binary => {
                let micros = at.timestamp_micros() - POSTGRES_EPOCH_MICROS;
                buffer.extend(9_i16.to_be_bytes());
                field(Rated::stream_type().as_bytes(), buffer);
                field(stream.as_bytes(), buffer);
                field(&sequence.to_be_bytes(), buffer);
                for text in [&kind, &version, &payload, &metadata] {
                    field(text.as_bytes(), buffer);
                }
                field(&position.to_be_bytes(), buffer);
                field(&micros.to_be_bytes(), buffer);
            }
        }
    }
    Ok(written)
}

/// JSON has no tabs or line ends of its own, only backslashes.
fn escape(text: &str, buffer: &mut Vec<u8>) {
    for byte in text.bytes() {
        if byte == b'\\' {
            buffer.push(b'\\');
        }
        buffer.push(byte);
    }
}

fn field(bytes: &[u8], buffer: &mut Vec<u8>) {
    buffer.extend((bytes.len() as i32).to_be_bytes());
    buffer.extend(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_formats_store_the_same_rows() -> anyhow::Result<()> {
        let server = Server::of(&local_services::testing::postgres()).await?;
        let mut copy = Copy::start(&server, 3).await?;
        for format in [Format::Text, Format::Binary] {
            copy.format = format;
            assert_eq!(copy.copy(6, || true).await?, 6);
        }
        let rows: Vec<(i64, i64, String)> = sqlx::query_as(
            "select position, sequence, metadata->>'actor' || ':' || (payload->'rating'->>'item')
             from copied where aggregate_id = metadata->>'actor' || ':' || (payload->'rating'->>'item')
               and recorded_at - now() < interval '1 minute' and aggregate_type = 'rating'
               and event_type = payload->>'type' and event_version = '1.0.0'
             order by position",
        )
        .fetch_all(&mut copy.connection)
        .await?;
        let places: Vec<(i64, i64)> = rows.iter().map(|row| (row.0, row.1)).collect();
        let expected: Vec<(i64, i64)> = (1..=12).zip([1, 2, 3].into_iter().cycle()).collect();
        assert_eq!(places, expected);
        Ok(())
    }
}
