//! What must hold after everything, whatever was killed.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use async_nats::jetstream;
use eventstore::Reader;
use eventstore::verify::{Range, verify};
use futures::TryStreamExt;
use projections::runtime::VerifyError;
use serde::Serialize;
use sqlx::{PgPool, Row};
use uuid::Uuid;

use super::client::Acknowledged;
use super::{LOOK_AGAIN, WAIT_MAX};

const SHOWN_MAX: usize = 3;
/// A comparison begins anew if the read model was rebuilt meanwhile.
const COMPARED_MAX: usize = 5;
const CATCH_UP_MAX: Duration = Duration::from_secs(300);

/// One sentence, whether it is true, and by which figures.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    pub claim: &'static str,
    pub holds: bool,
    pub detail: String,
}

impl Verdict {
    pub fn new(claim: &'static str, holds: bool, detail: impl Into<String>) -> Self {
        Self { claim, holds, detail: detail.into() }
    }
}

/// Waits until the system has come to rest, then judges.
pub async fn judge(
    pool: &PgPool,
    nats_url: &str,
    acknowledged: &Path,
    product: Uuid,
) -> anyhow::Result<Vec<Verdict>> {
    let decided = orders_decided(pool).await?;
    let reader = Reader::new(pool.clone());
    caught_up(pool, reader.head().await?).await?;
    Ok(vec![
        once_at_their_place(pool, acknowledged).await?,
        decided,
        never_oversold(pool, product).await?,
        chain(&reader).await?,
        read_models(pool, &reader).await?,
        stream(nats_url, &reader).await?,
    ])
}

/// No order stays without a decision, and nobody is told two things.
async fn orders_decided(pool: &PgPool) -> anyhow::Result<Verdict> {
    let begun = Instant::now();
    loop {
        let row = sqlx::query(
            "with orders as (
                 select aggregate_id,
                        count(*) filter (where event_type = 'OrderConfirmed') as confirmed,
                        count(*) filter (where event_type = 'OrderRejected') as rejected
                 from eventstore.events where aggregate_type = 'order' group by aggregate_id)
             select count(*) as placed,
                    count(*) filter (where confirmed = 1 and rejected = 0) as confirmed,
                    count(*) filter (where confirmed = 0 and rejected = 1) as rejected
             from orders",
        )
        .fetch_one(pool)
        .await?;
        let count = |name: &str| row.get::<i64, _>(name);
        let (placed, confirmed, rejected) =
            (count("placed"), count("confirmed"), count("rejected"));
        let holds = placed == confirmed + rejected;
        if holds || begun.elapsed() > WAIT_MAX {
            let detail = format!("{placed} orders: {confirmed} confirmed, {rejected} rejected");
            return Ok(Verdict::new("every order was decided, once", holds, detail));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn caught_up(pool: &PgPool, head: i64) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let behind: Vec<String> = sqlx::query_scalar(
            "select name from projections.builds where state = 'live' and position < $1",
        )
        .bind(head)
        .fetch_all(pool)
        .await?;
        if behind.is_empty() {
            return Ok(());
        }
        anyhow::ensure!(begun.elapsed() < CATCH_UP_MAX, "{behind:?} do not catch up");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn once_at_their_place(pool: &PgPool, acknowledged: &Path) -> anyhow::Result<Verdict> {
    let mut wanted: HashMap<String, (i64, Vec<i64>)> = HashMap::new();
    for line in BufReader::new(File::open(acknowledged)?).lines() {
        let Acknowledged { key, position, .. } = serde_json::from_str(&line?)?;
        wanted.insert(key, (position, Vec::new()));
    }
    let mut events = sqlx::query(
        "select metadata->>'command_id' as key, position from eventstore.events
         where metadata->>'source' = 'http'",
    )
    .fetch(pool);
    while let Some(event) = events.try_next().await? {
        let key: Option<&str> = event.get("key");
        if let Some((_, found)) = key.and_then(|key| wanted.get_mut(key)) {
            found.push(event.get("position"));
        }
    }
    let wrong: Vec<String> = wanted
        .iter()
        .filter(|(_, (position, found))| found[..] != [*position])
        .map(|(key, (position, found))| format!("{key} at {position}, found at {found:?}"))
        .collect();
    let mut detail = format!("{} acknowledged, {} not so", wanted.len(), wrong.len());
    for wrong in wrong.iter().take(SHOWN_MAX) {
        detail = format!("{detail}; {wrong}");
    }
    let claim = "every acknowledged command is in the log once, at its position";
    Ok(Verdict::new(claim, wrong.is_empty() && !wanted.is_empty(), detail))
}

/// Added up from the events' quantities, whatever the events say of levels.
async fn never_oversold(pool: &PgPool, product: Uuid) -> anyhow::Result<Verdict> {
    let row = sqlx::query(
        "with moves as (
             select position, event_type, payload->>'order' as order_id,
                    (payload->>'quantity')::bigint as quantity
             from eventstore.events where aggregate_type = 'stock' and aggregate_id = $1),
         levels as (
             select sum(case event_type
                            when 'StockReceived' then quantity
                            when 'ReservationReleased' then quantity
                            when 'StockReserved' then -quantity else 0 end)
                    over (order by position) as level
             from moves)
         select (select min(level) from levels)::bigint as lowest,
                (select count(*) from moves where event_type = 'StockReserved') as reserved,
                (select count(distinct order_id) from moves
                  where event_type = 'StockReserved') as reserving,
                (select count(*) from eventstore.events
                  where aggregate_type = 'order' and event_type = 'OrderConfirmed') as confirmed",
    )
    .bind(product.to_string())
    .fetch_one(pool)
    .await?;
    let count = |name: &str| row.get::<i64, _>(name);
    let lowest: Option<i64> = row.get("lowest");
    let lowest = lowest.context("nothing was ever in stock")?;
    let (reserved, reserving) = (count("reserved"), count("reserving"));
    let confirmed = count("confirmed");
    let holds = lowest >= 0 && reserved == reserving && reserved == confirmed;
    let detail =
        format!("{confirmed} confirmed, {reserved} pieces reserved, lowest level {lowest}");
    Ok(Verdict::new("nothing was sold that was not there", holds, detail))
}

async fn chain(reader: &Reader) -> anyhow::Result<Verdict> {
    let found = verify(reader, Range::WHOLE, &[], |_| ()).await?;
    let detail = match &found.broken {
        Some(broken) => broken.to_string(),
        None => format!("{} events in {} commits", found.events, found.commits),
    };
    Ok(Verdict::new("the hash chain verifies", found.ok, detail))
}

async fn read_models(pool: &PgPool, reader: &Reader) -> anyhow::Result<Verdict> {
    let (mut equal, mut different) = (0, Vec::new());
    for projection in projections::all() {
        let mut compared = 0;
        let report = loop {
            compared += 1;
            match projections::runtime::verify(pool, reader, &*projection, &|_| ()).await {
                Err(VerifyError::Changed(_)) if compared < COMPARED_MAX => {}
                report => break report?,
            }
        };
        match report.equal && report.left_out == 0 {
            true => equal += 1,
            false => different.push(serde_json::to_string(&report)?),
        }
    }
    let detail = match different.is_empty() {
        true => format!("{equal} read models"),
        false => different.join("; "),
    };
    let claim = "every read model equals a fresh rebuild of itself";
    Ok(Verdict::new(claim, different.is_empty(), detail))
}

/// The stream's places are the log's positions, and it has the last one.
async fn stream(nats_url: &str, reader: &Reader) -> anyhow::Result<Verdict> {
    let (who, server) = nats_url.rsplit_once('@').context("a password")?;
    let (user, password) =
        who.trim_start_matches("nats://").split_once(':').context("a user and a password")?;
    let options =
        async_nats::ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned());
    let client = options.connect(server).await?;
    let begun = Instant::now();
    loop {
        // The processes may still be at work.
        let head = reader.head().await?;
        let state =
            jetstream::new(client.clone()).get_stream("DAYBOOK").await?.cached_info().state.clone();
        let whole = state.messages == state.last_sequence - state.first_sequence + 1;
        let holds = i64::try_from(state.last_sequence)? == head && whole;
        if holds || begun.elapsed() > WAIT_MAX {
            let detail = format!(
                "the log ends at {head}, the stream has {} to {}",
                state.first_sequence, state.last_sequence
            );
            return Ok(Verdict::new("the stream has all of the log, without gaps", holds, detail));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
