//! The read models at one moment, and how far they had got.

use serde::Deserialize;
use service_kit::{Freshness, Problem};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::QueryAs;
use sqlx::{FromRow, PgConnection, PgPool, Postgres, Row, Transaction};

/// The projections an answer is made of, by name.
pub type Reads = &'static [&'static str];

/// One repeatable-read transaction: what is read in it fits together and fits `positions`.
pub struct View {
    tx: Transaction<'static, Postgres>,
    pub positions: Positions,
}

/// What the live build of a projection shows. Rows that differ have marks that differ.
#[derive(Debug, Clone, PartialEq, Eq, Hash, FromRow, Deserialize)]
pub struct Mark {
    pub name: String,
    version: i32,
    build: i32,
    position: i64,
    /// Of the event at the position: after a restore it is another one.
    leaf: Option<String>,
    /// Events set aside: the rows may lack what these would change.
    parked: i64,
}

/// Columns of [`Mark`] over `projections.live`.
pub const MARK: &str = "name, version, build, position, encode(leaf, 'hex') as leaf, parked";

/// How far each of some projections had got, in the order they were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Positions(Vec<Mark>);

impl Positions {
    /// None while one of them has never been built.
    pub fn of(reads: Reads, live: &[Mark]) -> Option<Self> {
        let find = |name: &&str| live.iter().find(|mark| mark.name == **name).cloned();
        reads.iter().map(find).collect::<Option<_>>().map(Self)
    }

    /// The position every one of them has passed.
    pub fn lowest(&self) -> i64 {
        self.0.iter().map(|mark| mark.position).min().unwrap_or(0)
    }

    pub fn is_degraded(&self) -> bool {
        self.0.iter().any(|mark| mark.parked > 0)
    }

    pub fn must_have_passed(&self, asked: Freshness) -> Result<(), Problem> {
        let lag = asked.position.unwrap_or(0) - self.lowest();
        if lag > 0 { Err(behind(lag)) } else { Ok(()) }
    }
}

impl View {
    pub async fn open(pool: &PgPool, reads: Reads) -> Result<Self, Problem> {
        let mut tx = pool.begin_with("begin isolation level repeatable read, read only").await?;
        let positions = positions(&mut tx, reads).await?.ok_or_else(unbuilt)?;
        Ok(Self { tx, positions })
    }

    pub fn db(&mut self) -> &mut PgConnection {
        &mut self.tx
    }
}

pub fn behind(lag_events: i64) -> Problem {
    let detail = format!("the read model has {lag_events} events to go to this position");
    Problem::busy("projection-behind", detail).with("lag_events", lag_events)
}

pub fn unbuilt() -> Problem {
    Problem::busy("projection-behind", "this read model is still being built")
}

/// None while one of them has never been built.
pub async fn positions(db: &mut PgConnection, reads: Reads) -> Result<Option<Positions>, Problem> {
    let select = format!("select {MARK} from projections.live where name = any ($1)");
    let live: Vec<Mark> = sqlx::query_as(&select).bind(reads).fetch_all(db).await?;
    Ok(Positions::of(reads, &live))
}

/// A statement, and what its places stand for.
pub type RowsQuery<'q, T> = QueryAs<'q, Postgres, Marked<T>, PgArguments>;

/// A row, if there is one, beside the marks of the moment it was read.
pub struct Marked<T> {
    /// JSON: the same in every row, and read once.
    live: String,
    row: Option<T>,
}

impl<'r, T: FromRow<'r, PgRow>> FromRow<'r, PgRow> for Marked<T> {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        let live = row.try_get("live_marks")?;
        let is_found: Option<bool> = row.try_get("is_found")?;
        Ok(Self { live, row: is_found.map(|_| T::from_row(row)).transpose()? })
    }
}

/// What a statement finds, and in which order.
pub struct Select<'a> {
    pub rows: &'a str,
    /// Columns of the rows.
    pub order: &'a str,
}

/// What is found and the positions that fits, in one statement: a transaction around two takes four
/// turns to the database and back.
pub async fn rows<T>(
    pool: &PgPool,
    reads: Reads,
    select: Select<'_>,
    bind: impl for<'q> FnOnce(RowsQuery<'q, T>) -> RowsQuery<'q, T>,
) -> Result<(Positions, Vec<T>), Problem>
where
    T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    let (names, Select { rows, order }) = (reads.join("', '"), select);
    let statement = format!(
        "select marks.*, shown.*
           from (select coalesce(json_agg(live), '[]')::text as live_marks
                   from (select {MARK} from projections.live where name in ('{names}')) live) marks
           left join (select true as is_found, found.* from ({rows}) found) shown on true
          order by {order}"
    );
    let found = bind(sqlx::query_as(&statement)).fetch_all(pool).await?;
    let live = found.first().map(|first| serde_json::from_str::<Vec<Mark>>(&first.live));
    let live = live.transpose().map_err(Problem::internal)?.unwrap_or_default();
    let positions = Positions::of(reads, &live).ok_or_else(unbuilt)?;
    Ok((positions, found.into_iter().filter_map(|marked| marked.row).collect()))
}
