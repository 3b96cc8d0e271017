//! `daybook doctor`: everything that can be wrong, with its cause and what fixes it.

use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, Utc};
use eventstore::Reader;
use eventstore::bus::StreamStatus;
use local_services::disk_free;
use serde::Serialize;
use sqlx::PgPool;

use crate::backend::{Backend, Tenure};
use crate::settings::Settings;

const POSTGRES_MIN: i32 = 150_000;
/// Each role keeps its own pool and there may be several processes.
const CONNECTIONS_MIN: i32 = 50;
const SKEW_MAX_MS: i64 = 500;
/// How many of the last positions are looked at.
const SAMPLE: i64 = 10_000;
const DISK_FREE_MIN: u64 = 1 << 30;

#[derive(Debug, clap::Args)]
pub struct Doctor {
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Pass,
    Warn,
    Fail,
}

#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<&'static str>,
}

type Checked = Result<String, (Verdict, String, &'static str)>;

impl Doctor {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let findings = match Backend::open(&settings, Tenure::Guest).await {
            Ok(backend) => {
                let findings = examine(&backend).await;
                backend.close().await;
                findings
            }
            Err(error) => vec![Finding {
                check: "database",
                verdict: Verdict::Fail,
                detail: format!("{error:#}"),
                fix: Some("start it, or correct DATABASE_URL"),
            }],
        };
        if self.json {
            println!("{}", serde_json::to_string_pretty(&findings)?);
        } else {
            findings.iter().for_each(print);
        }
        let failed = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

fn print(Finding { check, verdict, detail, fix }: &Finding) {
    let verdict = format!("{verdict:?}").to_lowercase();
    println!("{verdict}  {check}: {detail}");
    if let Some(fix) = fix {
        println!("      fix: {fix}");
    }
}

async fn examine(backend: &Backend) -> Vec<Finding> {
    let pool = &backend.pool;
    let mut findings = Vec::new();
    let mut found = |check, checked: Result<Checked, sqlx::Error>| {
        let (verdict, detail, fix) = match checked {
            Ok(Ok(detail)) => (Verdict::Pass, detail, None),
            Ok(Err((verdict, detail, fix))) => (verdict, detail, Some(fix)),
            Err(error) => (Verdict::Fail, error.to_string(), Some("see the database's own log")),
        };
        findings.push(Finding { check, verdict, detail, fix });
    };
    found("database", version(pool).await);
    found("connections", connections(pool).await);
    found("durability", durability(pool).await);
    found("clock", clock(pool).await);
    found("log is dense", dense(pool).await);
    found("projections", projections(pool).await);
    found("bus", Ok(bus(backend).await));
    found("disk", Ok(disk(backend)));
    findings
}

async fn version(pool: &PgPool) -> Result<Checked, sqlx::Error> {
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

async fn connections(pool: &PgPool) -> Result<Checked, sqlx::Error> {
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

async fn durability(pool: &PgPool) -> Result<Checked, sqlx::Error> {
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

async fn clock(pool: &PgPool) -> Result<Checked, sqlx::Error> {
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

async fn dense(pool: &PgPool) -> Result<Checked, sqlx::Error> {
    let (head, seen): (i64, i64) = sqlx::query_as(
        "with head as (select coalesce(max(position), 0) as position from eventstore.events)
         select head.position,
                (select count(*) from eventstore.events where position > head.position - $1)
           from head",
    )
    .bind(SAMPLE)
    .fetch_one(pool)
    .await?;
    let expected = head.min(SAMPLE);
    let text = format!("{seen} of the last {expected} positions, up to {head}");
    Ok(if seen == expected {
        Ok(text)
    } else {
        Err((Verdict::Fail, text, "run `daybook verify`, and restore the backup if it fails too"))
    })
}

async fn projections(pool: &PgPool) -> Result<Checked, sqlx::Error> {
    let behind: Vec<(String, i64)> = sqlx::query_as(
        "select name, (select coalesce(max(position), 0) from eventstore.events) - position
           from projections.builds where state = 'live' order by 2 desc",
    )
    .fetch_all(pool)
    .await?;
    let Some((name, lag)) = behind.first() else {
        let text = "no read model has been built yet".to_owned();
        return Ok(Err((Verdict::Warn, text, "run `daybook up` or `serve --role projections`")));
    };
    let text = format!("{} live; furthest behind is {name} with {lag} events", behind.len());
    Ok(if *lag <= SAMPLE {
        Ok(text)
    } else {
        Err((Verdict::Warn, text, "run more `serve --role projections`, or look at its log"))
    })
}

async fn bus(backend: &Backend) -> Checked {
    let bus = match backend.bus().await {
        Ok(None) => return Ok("none is running; events are read from the log".to_owned()),
        Ok(Some(bus)) => bus,
        Err(error) => return Err((Verdict::Fail, error.to_string(), "correct NATS_URL")),
    };
    // The connection is made behind our back; give it a moment.
    for _ in 0..20 {
        if bus.is_connected() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
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

/// The data directory holds everything of `up`; elsewhere it is the database's disk that counts.
fn disk(backend: &Backend) -> Checked {
    match disk_free(&backend.data_dir) {
        Ok(bytes) if bytes < DISK_FREE_MIN => {
            let text = format!("{} MiB free at {}", bytes >> 20, backend.data_dir.display());
            Err((Verdict::Warn, text, "make room, or move the data directory"))
        }
        Ok(bytes) => Ok(format!("{} MiB free at {}", bytes >> 20, backend.data_dir.display())),
        Err(_) => Ok("there is no data directory".to_owned()),
    }
}
