//! The foreign table: what it is, in which order it can be read, and its rows.

use std::fmt;

use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgPool, Postgres, Row as _, Transaction};

use super::AdoptError;

const COLUMNS: [&str; 7] = [
    "aggregate_type",
    "aggregate_id",
    "sequence",
    "event_type",
    "event_version",
    "payload",
    "metadata",
];
/// Streams with gaps told one by one.
const BROKEN_MAX: i64 = 20;

/// In which order a table's rows were taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// A column beyond those of postgres-es that tells when or in which order a row was written.
    Column(String),
    /// As the rows lie on disk.
    Physical,
    /// Stream after stream: the order between streams is lost.
    Streams,
}

impl Order {
    fn sql(&self) -> String {
        let streams = "aggregate_type, aggregate_id, sequence";
        match self {
            Self::Column(column) => format!("{column}, {streams}"),
            Self::Physical => "ctid".to_owned(),
            Self::Streams => streams.to_owned(),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(column) => write!(f, "by its column {column}"),
            Self::Physical => f.write_str("as the rows lie on disk"),
            Self::Streams => f.write_str("stream after stream"),
        }
    }
}

#[derive(Debug, FromRow)]
pub(super) struct Row {
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub sequence: i64,
    pub event_type: String,
    pub event_version: String,
    pub payload: String,
    pub metadata: String,
}

impl Row {
    /// Its place, which names it in reports and is its command id.
    pub(super) fn name(&self) -> String {
        format!("{}/{}/{}", self.aggregate_type, self.aggregate_id, self.sequence)
    }
}

/// A foreign table, read through one cursor, so as it was when it was opened.
pub(super) struct Source {
    tx: Transaction<'static, Postgres>,
    table: String,
    order: Order,
    rows: u64,
    streams: u64,
    broken: Vec<String>,
}

impl Source {
    pub(super) async fn open(pool: &PgPool, name: &str) -> Result<Self, AdoptError> {
        let mut tx = pool.begin().await?;
        sqlx::query("set transaction isolation level repeatable read, read only")
            .execute(&mut *tx)
            .await?;
        let table: Option<String> = sqlx::query_scalar(
            "select format('%I.%I', n.nspname, c.relname)
             from pg_class c join pg_namespace n on n.oid = c.relnamespace
             where c.oid = to_regclass($1)",
        )
        .bind(name)
        .fetch_optional(&mut *tx)
        .await?;
        let table = table.ok_or_else(|| AdoptError::NoTable(name.to_owned()))?;
        if table == "eventstore.events" {
            return Err(AdoptError::OwnLog(table));
        }
        check_columns(&mut tx, &table).await?;
        let (rows, streams) = count(&mut tx, &table).await?;
        let broken = broken_streams(&mut tx, &table).await?;
        let order = best_order(&mut tx, &table).await?;
        sqlx::query(&format!(
            "declare adopted no scroll cursor for
             select aggregate_type, aggregate_id, sequence::bigint as sequence, event_type,
                    event_version, payload::text as payload, metadata::text as metadata
             from {table} order by {}",
            order.sql()
        ))
        .execute(&mut *tx)
        .await?;
        Ok(Self { tx, table, order, rows, streams, broken })
    }

    pub(super) fn table(&self) -> &str {
        &self.table
    }

    pub(super) const fn order(&self) -> &Order {
        &self.order
    }

    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) const fn streams(&self) -> u64 {
        self.streams
    }

    /// Streams that do not count 1, 2, 3.
    pub(super) fn broken(&self) -> &[String] {
        &self.broken
    }

    pub(super) async fn next(&mut self, limit: usize) -> Result<Vec<Row>, sqlx::Error> {
        sqlx::query_as(&format!("fetch {limit} from adopted")).fetch_all(&mut *self.tx).await
    }
}

async fn check_columns(
    tx: &mut Transaction<'static, Postgres>,
    table: &str,
) -> Result<(), AdoptError> {
    let missing: Vec<String> = sqlx::query_scalar(
        "select wanted from unnest($2::text[]) as wanted
         where not exists (select from pg_attribute
                           where attrelid = to_regclass($1) and attname = wanted
                             and attnum > 0 and not attisdropped)",
    )
    .bind(table)
    .bind(COLUMNS.as_slice())
    .fetch_all(&mut **tx)
    .await?;
    if missing.is_empty() {
        return Ok(());
    }
    Err(AdoptError::NotEvents { table: table.to_owned(), missing: missing.join(", ") })
}

async fn count(
    tx: &mut Transaction<'static, Postgres>,
    table: &str,
) -> Result<(u64, u64), sqlx::Error> {
    let counts: PgRow = sqlx::query(&format!(
        "select count(*) as rows, count(distinct (aggregate_type, aggregate_id)) as streams
         from {table}"
    ))
    .fetch_one(&mut **tx)
    .await?;
    Ok((counts.try_get::<i64, _>("rows")? as u64, counts.try_get::<i64, _>("streams")? as u64))
}

async fn broken_streams(
    tx: &mut Transaction<'static, Postgres>,
    table: &str,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(&format!(
        "select format('%s/%s: %s events, but sequences from %s to %s', aggregate_type,
                       aggregate_id, count(*), min(sequence), max(sequence))
         from {table} group by aggregate_type, aggregate_id
         having min(sequence) <> 1 or max(sequence) <> count(*)
         order by aggregate_type, aggregate_id limit {BROKEN_MAX}"
    ))
    .fetch_all(&mut **tx)
    .await
}

/// The first order that agrees with the sequences of every stream.
async fn best_order(
    tx: &mut Transaction<'static, Postgres>,
    table: &str,
) -> Result<Order, sqlx::Error> {
    // A number that counts rows, or a time; numbers first, since times can be equal.
    let columns: Vec<(String, bool)> = sqlx::query_as(
        "select quote_ident(attname), atttypid in ('bigint'::regtype, 'integer'::regtype)
         from pg_attribute
         where attrelid = to_regclass($1) and attnum > 0 and not attisdropped
           and not (attname = any ($2))
           and atttypid in ('bigint'::regtype, 'integer'::regtype, 'timestamptz'::regtype,
                            'timestamp'::regtype)
         order by atttypid in ('timestamptz'::regtype, 'timestamp'::regtype), attnum",
    )
    .bind(table)
    .bind(COLUMNS.as_slice())
    .fetch_all(&mut **tx)
    .await?;
    let mut candidates = Vec::with_capacity(columns.len() + 1);
    for (column, is_number) in columns {
        // A number that repeats says something else than which row came first.
        if !is_number || is_unique(tx, table, &column).await? {
            candidates.push(Order::Column(column));
        }
    }
    candidates.push(Order::Physical);
    for order in candidates {
        if agrees(tx, table, &order).await? {
            return Ok(order);
        }
    }
    Ok(Order::Streams)
}

async fn is_unique(
    tx: &mut Transaction<'static, Postgres>,
    table: &str,
    column: &str,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(&format!("select count(*) = count(distinct {column}) from {table}"))
        .fetch_one(&mut **tx)
        .await
}

async fn agrees(
    tx: &mut Transaction<'static, Postgres>,
    table: &str,
    order: &Order,
) -> Result<bool, sqlx::Error> {
    let known = match order {
        Order::Column(column) => format!("{column} is not null"),
        Order::Physical | Order::Streams => "true".to_owned(),
    };
    sqlx::query_scalar(&format!(
        "select not exists (
             select from (
                 select sequence, {known} as known,
                        lag(sequence, 1, 0) over (partition by aggregate_type, aggregate_id
                                                  order by {}) as before
                 from {table}) as placed
             where not known or sequence <> before + 1)",
        order.sql()
    ))
    .fetch_one(&mut **tx)
    .await
}
