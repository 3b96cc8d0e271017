//! The checks: each says what it found, or what is wrong and what fixes it.

use anyhow::Context;
use chrono::{DateTime, Utc};
use eventstore::Reader;
use eventstore::bus::StreamStatus;
use eventstore::verify::{Range, verify};
use futures::{TryStreamExt, stream};
use local_services::disk_free;
use processes::Address;
use projections::runtime::{BuildState, ProjectionStatus, status};
use sqlx::PgPool;

use super::{Checked, NO_MAIL, Verdict};
use crate::backend::Backend;
use crate::settings::{Settings, VectorIndex};
use crate::{providers, text_model};

const POSTGRES_MIN: i32 = 150_000;
/// Each role keeps its own pool and there may be several processes.
const CONNECTIONS_MIN: i32 = 50;
const SKEW_MAX_MS: i64 = 500;
/// How many of the last positions are looked at.
const SAMPLE: i64 = 10_000;
const DISK_FREE_MIN: u64 = 1 << 30;

pub async fn version(pool: &PgPool) -> Result<Checked, sqlx::Error> {
    let number: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int")
        .fetch_one(pool)
        .await?;
    let text = format!("PostgreSQL {}.{}, up to date", number / 10_000, number % 10_000);
    Ok(if number >= POSTGRES_MIN {
        Ok(text)
    } else {
        Err((Verdict::Fail, text, "use PostgreSQL 15 or newer"))
    })
}

pub async fn connections(pool: &PgPool) -> Result<Checked, sqlx::Error> {
    let most: i32 = sqlx::query_scalar("select current_setting('max_connections')::int")
        .fetch_one(pool)
        .await?;
    let used: i64 = sqlx::query_scalar("select count(*) from pg_stat_activity where datid <> 0")
        .fetch_one(pool)
        .await?;
    let text = format!("{used} of {most} in use");
    Ok(if most < CONNECTIONS_MIN {
        Err((Verdict::Warn, text, "raise max_connections of the server"))
    } else if used * 10 > i64::from(most) * 9 {
        Err((Verdict::Warn, text, "lower DAYBOOK_CONNECTIONS_MAX or run fewer processes"))
    } else {
        Ok(text)
    })
}

pub async fn durability(pool: &PgPool) -> Result<Checked, sqlx::Error> {
    let safe: bool = sqlx::query_scalar(
        "select current_setting('fsync')::bool and current_setting('full_page_writes')::bool
            and current_setting('synchronous_commit') <> 'off'",
    )
    .fetch_one(pool)
    .await?;
    let text = "what is answered is on disk".to_owned();
    Ok(if safe {
        Ok(text)
    } else {
        let text = "the database does not wait for the disk".to_owned();
        Err((Verdict::Warn, text, "switch fsync, full_page_writes and synchronous_commit on"))
    })
}

pub async fn clock(pool: &PgPool) -> Result<Checked, sqlx::Error> {
    let before = service_kit::clock::now();
    let theirs: DateTime<Utc> =
        sqlx::query_scalar("select clock_timestamp()").fetch_one(pool).await?;
    let after = service_kit::clock::now();
    let ours = before + (after - before) / 2;
    let skew = (theirs - ours).num_milliseconds().abs();
    let text = format!("{skew} ms between this machine and the database");
    Ok(if skew <= SKEW_MAX_MS {
        Ok(text)
    } else {
        Err((Verdict::Warn, text, "let both machines keep their time by NTP"))
    })
}

/// The chain over the last events: dense, contiguous, and hashed as when they were written.
pub async fn chain(pool: &PgPool) -> Result<Checked, sqlx::Error> {
    let reader = Reader::new(pool.clone());
    let from = (reader.head().await? - SAMPLE).max(1);
    let verified = verify(&reader, Range { from, until: None }, &[], |_| {}).await?;
    Ok(match verified.broken {
        None => Ok(format!("{} events verified, up to {}", verified.events, verified.until)),
        Some(broken) => Err((
            Verdict::Fail,
            format!("{broken:?}"),
            "run `daybook verify`, keep the database as it is, and compare with a backup",
        )),
    })
}

pub async fn read_models(pool: &PgPool) -> Result<Checked, sqlx::Error> {
    let all = status(pool).await?;
    let live: Vec<_> = all.iter().filter(|build| build.state == BuildState::Live).collect();
    let named = |has: fn(&&&ProjectionStatus) -> bool| -> Vec<&str> {
        live.iter().filter(has).map(|build| build.name.as_str()).collect()
    };
    let (stalled, degraded, stale) =
        (named(|build| build.stalled), named(|build| build.degraded), named(|build| build.stale));
    Ok(if live.is_empty() {
        let text = "none has been built yet".to_owned();
        Err((Verdict::Warn, text, "run `daybook up` or `serve --role projections`"))
    } else if !stalled.is_empty() {
        let text = format!("stalled: {}", stalled.join(", "));
        Err((Verdict::Fail, text, "`daybook projections list` shows the error"))
    } else if !degraded.is_empty() {
        let text = format!("some events are parked: {}", degraded.join(", "));
        Err((
            Verdict::Warn,
            text,
            "`daybook parked groups` shows why; `daybook parked retry` or `discard`",
        ))
    } else if !stale.is_empty() {
        let text = format!("fed by no running program: {}", stale.join(", "));
        Err((Verdict::Warn, text, "run `daybook up` or `serve --role projections`"))
    } else {
        let lag = live.iter().map(|build| build.lag_events).max().unwrap_or(0);
        Ok(format!("{} live, at most {lag} events behind", live.len()))
    })
}

/// Orders that wait for somebody to mend what stops their fulfilment.
pub async fn processes(pool: &PgPool) -> Result<Checked, sqlx::Error> {
    let parked = processes::parked(pool).await?;
    let Some(first) = parked.first() else {
        return Ok(Ok("nothing is parked".to_owned()));
    };
    let text = format!(
        "{} parked; the first: {} {} at event {} since {}, after {} attempts: {}",
        parked.len(),
        first.process,
        first.instance,
        first.position,
        first.parked_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        first.attempts,
        first.error,
    );
    Ok(Err((
        Verdict::Warn,
        text,
        "mend the cause, then `daybook processes retry`; they are tried again by and by as well",
    )))
}

/// What is on hand covers what is reserved, and what is reserved covers the confirmed orders.
pub async fn stock(pool: &PgPool) -> Result<Checked, sqlx::Error> {
    let built: bool = sqlx::query_scalar(
        "select to_regclass('readmodel.stock_levels') is not null
            and to_regclass('readmodel.order_lines') is not null",
    )
    .fetch_one(pool)
    .await?;
    if !built {
        return Ok(Ok("no read model to look at yet".to_owned()));
    }
    let mut tx = pool.begin().await?;
    sqlx::query("set transaction isolation level repeatable read, read only")
        .execute(&mut *tx)
        .await?;
    let together: bool = sqlx::query_scalar(
        "select count(distinct position) = 1 from projections.builds
          where state = 'live' and name in ('stock', 'orders')",
    )
    .fetch_one(&mut *tx)
    .await?;
    let (products, wrong): (i64, i64) = sqlx::query_as(
        "with confirmed as (
             select product, sum(quantity) as quantity
               from readmodel.order_lines join readmodel.orders using (order_id)
              where status = 'CONFIRMED' group by product)
         select count(*), count(*) filter (where reserved < 0 or on_hand < reserved
                                             or ($1 and reserved < coalesce(quantity, 0)))
           from readmodel.stock_levels left join confirmed using (product)",
    )
    .bind(together)
    .fetch_one(&mut *tx)
    .await?;
    let text = format!("{wrong} of {products} products disagree with their orders");
    Ok(if wrong == 0 {
        Ok(format!("{products} products agree with their orders"))
    } else {
        Err((Verdict::Fail, text, "run `daybook projections verify stock orders`"))
    })
}

pub async fn bus(backend: &Backend) -> Checked {
    let bus = match backend.bus().await {
        Ok(None) => return Ok("none is running; events are read from the log".to_owned()),
        Ok(Some(bus)) => bus,
        Err(error) => return Err((Verdict::Fail, error.to_string(), "correct NATS_URL")),
    };
    match bus.status(&Reader::new(backend.pool.clone())).await {
        Ok(Some(StreamStatus { first, last, bytes, fault: None, .. })) => {
            Ok(format!("the stream has positions {first} to {last} in {bytes} bytes"))
        }
        Ok(Some(StreamStatus { fault: Some(fault), .. })) => {
            Err((Verdict::Warn, fault, "run `serve --role relay`: it makes the stream anew"))
        }
        Ok(None) => {
            let text = "NATS has no stream yet".to_owned();
            Err((Verdict::Warn, text, "run `daybook up` or `serve --role relay`"))
        }
        Err(error) => Err((Verdict::Warn, error.to_string(), "start NATS or correct NATS_URL")),
    }
}

/// What is written there can be read there: the same few bytes each time.
pub async fn files(backend: &Backend, settings: &Settings) -> Checked {
    const PROBE: &[u8] = b"daybook doctor was here\n";
    let tried = async {
        let blobs = crate::blobs::open(settings, &backend.data_dir)?;
        let bytes = stream::iter([anyhow::Ok(PROBE.into())]);
        let received = blobs.receive(bytes).await?;
        let hash = received.sha256.clone();
        blobs.keep(received).await?;
        let content = blobs.open(&hash, 0..PROBE.len() as u64).await?;
        let content = content.context("what was just stored is not there")?;
        let content: Vec<_> = content.try_collect().await?;
        anyhow::ensure!(content.concat() == PROBE, "what was just stored reads differently");
        anyhow::Ok(())
    };
    match tried.await {
        Ok(()) => Ok(format!("can be stored and read in {}", settings.blobs)),
        Err(error) => {
            let text = format!("{}: {error:#}", settings.blobs);
            Err((Verdict::Fail, text, "correct DAYBOOK_BLOBS, or who may write there"))
        }
    }
}

/// The data directory holds everything of `up`; elsewhere it is the database's disk that counts.
pub fn disk(backend: &Backend) -> Checked {
    match disk_free(&backend.data_dir) {
        Ok(bytes) if bytes < DISK_FREE_MIN => {
            let text = format!("{} MiB free at {}", bytes >> 20, backend.data_dir.display());
            Err((Verdict::Warn, text, "make room, or move the data directory"))
        }
        Ok(bytes) => Ok(format!("{} MiB free at {}", bytes >> 20, backend.data_dir.display())),
        Err(_) => Ok("there is no data directory".to_owned()),
    }
}

pub async fn mail(settings: &Settings) -> Checked {
    let mailer = match providers::mailer(settings) {
        Ok(None) => return Ok(NO_MAIL.to_owned()),
        Ok(Some(mailer)) => mailer,
        Err(error) => return Err((Verdict::Fail, format!("{error:#}"), "correct the setting")),
    };
    match mailer.is_reachable().await {
        Ok(()) => Ok("the mail server takes letters".to_owned()),
        Err(error) => {
            let text = format!("no letter goes out: {error}");
            Err((Verdict::Warn, text, "correct DAYBOOK_SMTP_URL, or ask whoever runs the server"))
        }
    }
}

/// Nothing is fetched for it.
pub fn text_model(settings: &Settings) -> Checked {
    const FIX: &str = "set DAYBOOK_TEXT_MODEL to a folder that has it, to fetch or to off";
    match text_model::found(settings) {
        Ok(found) => Ok(found),
        Err(why) => Err((Verdict::Warn, format!("search knows words alone: {why}"), FIX)),
    }
}

/// Whether anybody is there who takes our calls; nothing is asked of them.
pub async fn provider(address: anyhow::Result<Option<Address>>, none: &str) -> Checked {
    let address = match address {
        Ok(None) => return Ok(none.to_owned()),
        Ok(Some(address)) => address,
        Err(error) => return Err((Verdict::Fail, format!("{error:#}"), "correct the setting")),
    };
    match address.is_reachable().await {
        Ok(()) => Ok("the provider can be reached".to_owned()),
        Err(error) => {
            let text = format!("the provider cannot be reached: {error}");
            Err((Verdict::Warn, text, "correct its address, or ask whoever runs it"))
        }
    }
}

/// The extension is there, or somebody at Qdrant's address.
pub async fn vectors(backend: &Backend, settings: &Settings) -> Checked {
    const IN_MEMORY: &str = "none is needed: each query process has its own";
    let opened = crate::vectors::open(settings, &backend.pool).await;
    match (opened, settings.vector_index) {
        (Err(error), _) => Err((
            Verdict::Fail,
            format!("{error:#}"),
            "mend that, or choose DAYBOOK_VECTOR_INDEX=memory",
        )),
        (Ok(_), VectorIndex::Postgres) => Ok("pgvector is there".to_owned()),
        (Ok(_), _) => provider(crate::vectors::qdrant_address(settings), IN_MEMORY).await,
    }
}
