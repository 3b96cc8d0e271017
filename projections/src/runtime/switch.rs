//! Blue/green: a build that has caught up takes the place of the live one in one transaction.
//!
//! Taking over and going live ask for a second connection inside their transaction, so they need a
//! permit: as many builds as the pool has connections would wait for each other.

use std::sync::Arc;

use sqlx::{Executor, FromRow, PgConnection};

use super::build::{self, BuildState, quoted};
use super::checkpoint::Mark;
use super::drive::{Drive, FAR_BEHIND};
use crate::ProjectionError;

/// Whoever still reads the old views is waited for this long before the switch is tried again.
const SWITCH_LOCK_WAIT: &str = "2s";

/// A fenced holder may take this long to finish its transaction.
const FROZEN_WAIT: std::time::Duration = std::time::Duration::from_secs(1);

/// What an attempt to go live led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Live,
    /// The live build is ahead by something that does not go in at once.
    NotYet,
    /// A newer version went live since this build was begun.
    Superseded,
    Fenced,
}

#[derive(Debug, FromRow)]
struct LiveBuild {
    version: i32,
    build: i32,
    position: i64,
    diverged: bool,
    relations: Vec<String>,
    /// It went live after ours was begun.
    later: bool,
}

/// Makes the build ours and its tables exist. The first build of an empty system serves at once.
/// False if somebody with a higher token has it.
pub(super) async fn take_over(drive: &mut Drive) -> Result<bool, sqlx::Error> {
    let shared = Arc::clone(&drive.shared);
    let _permit = shared.transactions.acquire().await;
    let head = shared.reader.head().await?;
    let mut tx = shared.pool.begin().await?;
    let Some(mut build) = claim(drive, &mut tx).await? else {
        return Ok(false);
    };
    let much_to_read = head - build.position > FAR_BEHIND;
    build::prepare(&mut tx, &mut build, &*drive.projection, much_to_read).await?;
    if head == 0 && build.state == BuildState::Building && live(&mut tx, &build).await?.is_none() {
        show(&mut tx, &build, None).await?;
        build.state = BuildState::Live;
    }
    tx.commit().await?;
    drive.scanned = build.position;
    drive.commit_at(build.position);
    drive.build = build;
    Ok(true)
}

/// Writes our token into the build's row. The holder before us may be frozen in a transaction that
/// locks it; after a moment that transaction is ended from outside. It was fenced in any case.
async fn claim(drive: &Drive, tx: &mut PgConnection) -> Result<Option<build::Build>, sqlx::Error> {
    let waiting: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut *tx).await?;
    let key = &drive.build.key;
    let statement = format!(
        "update projections.builds set token = $4
         where name = $1 and version = $2 and build = $3 and token <= $4 and state <> 'retired'
         returning {}",
        build::COLUMNS
    );
    let claimed = sqlx::query_as(&statement)
        .bind(&key.name)
        .bind(key.version)
        .bind(key.build)
        .bind(drive.token)
        .fetch_optional(tx);
    tokio::pin!(claimed);
    loop {
        tokio::select! {
            build = &mut claimed => return build,
            () = tokio::time::sleep(FROZEN_WAIT) => {
                sqlx::query("select pg_terminate_backend(pid) from unnest(pg_blocking_pids($1)) pid")
                    .bind(waiting)
                    .execute(&drive.shared.pool)
                    .await?;
            }
        }
    }
}

/// Makes what the build does not need before readers come. Takes as long as its tables are large,
/// so the log is read on afterwards.
pub(super) async fn make_indexes(drive: &mut Drive) -> Result<bool, sqlx::Error> {
    let mut tx = drive.shared.pool.begin().await?;
    if !build::make_indexes(&mut tx, &drive.build, drive.token).await? {
        return Ok(false);
    }
    tx.commit().await?;
    drive.build.indexes.clear();
    Ok(true)
}

/// Points the read model at this build, once it is not behind the live one.
pub(super) async fn go_live(drive: &mut Drive) -> Result<Outcome, sqlx::Error> {
    drive.shared.idle.forget(&drive.build.key);
    let shared = Arc::clone(&drive.shared);
    let _permit = shared.transactions.acquire().await;
    let mut tx = shared.pool.begin().await?;
    sqlx::query("select set_config('lock_timeout', $1, true)")
        .bind(SWITCH_LOCK_WAIT)
        .execute(&mut *tx)
        .await?;
    // Locked until we commit: it cannot get ahead of us any more, and readers never see the read
    // model step back.
    let live = live(&mut tx, &drive.build).await?;
    if live.as_ref().is_some_and(|live| live.version > drive.build.key.version && live.later) {
        retire(&mut tx, drive, drive.build.key.version, drive.build.key.build).await?;
        tx.commit().await?;
        return Ok(Outcome::Superseded);
    }
    let ahead = live.as_ref().filter(|live| !live.diverged).map_or(0, |live| live.position);
    let until = match close_gap(drive, &mut tx, ahead).await {
        Ok(Some(until)) => until,
        Ok(None) => return Ok(Outcome::Fenced),
        Err(ProjectionError::Database(error)) => return Err(error),
        Err(_) => return Ok(Outcome::NotYet),
    };
    let build = &drive.build;
    show(&mut tx, build, live.as_ref()).await?;
    // What readers are shown must still be shown after a crash.
    sqlx::query("select set_config('synchronous_commit', 'on', true)").execute(&mut *tx).await?;
    tx.commit().await?;
    drive.remember(until);
    drive.commit_at(until.position);
    tracing::info!(
        projection.name = drive.build.key.name,
        projection.position = until.position,
        "{} is live at position {}",
        drive.build.key,
        until.position,
    );
    Ok(Outcome::Live)
}

/// Brings this build to where the live one stands. None if it is not ours to move.
async fn close_gap(
    drive: &Drive,
    tx: &mut PgConnection,
    ahead: i64,
) -> Result<Option<Mark>, ProjectionError> {
    let until = drive.scanned.max(ahead);
    let reader = &drive.shared.reader;
    let leaf = super::page::leaf_at(reader, until).await?;
    let until = Mark { position: until, leaf };
    if !drive.advance(tx, until).await? {
        return Ok(None);
    }
    if until.position > drive.scanned {
        let sources = drive.projection.sources();
        let events = reader.window(sources, drive.scanned, until.position).await?;
        let events: Vec<_> =
            events.iter().filter(|event| !drive.discarded.contains(&event.position)).collect();
        drive.write(tx, &events).await?;
    }
    Ok(Some(until))
}

async fn live(
    tx: &mut PgConnection,
    build: &build::Build,
) -> Result<Option<LiveBuild>, sqlx::Error> {
    sqlx::query_as(
        "select version, build, position, diverged, relations,
                coalesce(live_at > (select created_at from projections.builds
                                    where name = $1 and version = $2 and build = $3), false)
                as later
         from projections.builds
         where name = $1 and state = 'live'
         for update",
    )
    .bind(&build.key.name)
    .bind(build.key.version)
    .bind(build.key.build)
    .fetch_optional(tx)
    .await
}

/// Makes the stable views show a build and retires the one they showed.
async fn show(
    tx: &mut PgConnection,
    build: &build::Build,
    live: Option<&LiveBuild>,
) -> Result<(), sqlx::Error> {
    let key = &build.key;
    if let Some(live) = live {
        sqlx::query(
            "update projections.builds set state = 'retired', retired_at = clock_timestamp()
             where name = $1 and version = $2 and build = $3",
        )
        .bind(&key.name)
        .bind(live.version)
        .bind(live.build)
        .execute(&mut *tx)
        .await?;
    }
    let relations: Vec<String> = sqlx::query_scalar(
        "update projections.builds set state = 'live', live_at = clock_timestamp()
         where name = $1 and version = $2 and build = $3
         returning relations",
    )
    .bind(&key.name)
    .bind(key.version)
    .bind(key.build)
    .fetch_one(&mut *tx)
    .await?;
    let old = live.map_or(&[][..], |live| &live.relations);
    let mut statements = String::new();
    for relation in old {
        statements += &format!("drop view if exists readmodel.{};", quoted(relation));
    }
    for relation in &relations {
        let (schema, relation) = (quoted(&build.schema), quoted(relation));
        // Fails, on purpose, if another projection already shows a table of this name.
        statements +=
            &format!("create view readmodel.{relation} as select * from {schema}.{relation};");
    }
    tx.execute(statements.as_str()).await?;
    Ok(())
}

async fn retire(
    tx: &mut PgConnection,
    drive: &Drive,
    version: i32,
    build: i32,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update projections.builds set state = 'retired', retired_at = clock_timestamp()
         where name = $1 and version = $2 and build = $3",
    )
    .bind(&drive.build.key.name)
    .bind(version)
    .bind(build)
    .execute(tx)
    .await?;
    Ok(())
}

/// Says that nobody may trust this build. While it is shown, its position reads zero, so that no
/// consistency token is answered from it.
pub(super) async fn diverged(drive: &Drive) -> Result<(), sqlx::Error> {
    let key = &drive.build.key;
    sqlx::query(
        "update projections.builds
         set diverged = true, position = 0, leaf = null, token = $4 + 1,
             state = case state when 'building' then 'retired' else state end,
             retired_at = case state when 'building' then clock_timestamp() end
         where name = $1 and version = $2 and build = $3 and token = $4",
    )
    .bind(&key.name)
    .bind(key.version)
    .bind(key.build)
    .bind(drive.token)
    .execute(&drive.shared.pool)
    .await?;
    Ok(())
}
