//! The read models at one moment, and how far they had got.

use service_kit::{Freshness, Problem};
use sqlx::{FromRow, PgConnection, PgPool, Postgres, Transaction};

/// The projections an answer is made of, by name.
pub type Reads = &'static [&'static str];

/// One repeatable-read transaction: what is read in it fits together and fits `positions`.
pub struct View {
    tx: Transaction<'static, Postgres>,
    pub positions: Positions,
}

/// What the live build of a projection shows. Rows that differ have marks that differ.
#[derive(Debug, Clone, PartialEq, Eq, Hash, FromRow)]
pub struct Mark {
    pub name: String,
    version: i32,
    build: i32,
    position: i64,
    /// Of the event at the position: after a restore it is another one.
    leaf: Option<Vec<u8>>,
    /// Events set aside: the rows may lack what these would change.
    parked: i64,
}

/// How far each of some projections had got, in the order they were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Positions(pub Vec<Mark>);

impl Positions {
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
    let live: Vec<Mark> = sqlx::query_as(
        "select live.name, version, build, position, leaf, parked
           from unnest($1::text[]) with ordinality as asked (name, place)
           join projections.live using (name)
          order by place",
    )
    .bind(reads)
    .fetch_all(db)
    .await?;
    Ok((live.len() == reads.len()).then_some(Positions(live)))
}
