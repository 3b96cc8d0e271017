//! Collects everything the log holds of a person who asked for it.
//!
//! A page is stored as soon as it is full, with how far the log was looked through: after a crash the
//! collection goes on behind its last page. What is stored is sealed as in the log. At the end all
//! pages are opened once, to tell the person how long the whole is and what its hash is.

use async_trait::async_trait;
use cqrs_es::Aggregate;
use domain::account::Account;
use domain::export::{Command, PersonalExport};
use domain::fulfilment::Fulfilment;
use domain::order::Order;
use domain::stock::Stock;
use domain::{AccountId, ExportId};
use eventstore::export::personal;
use eventstore::{Log, RecordedEvent, Through};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use sqlx::PgPool;

use crate::cause::Cause;
use crate::failure::{Failure, answer, in_time};
use crate::process::Process;

/// Positions looked through by one statement, and events on a page.
const SPAN: i64 = 20_000;
const PAGE_EVENTS: i64 = 500;

/// What became of a person's orders, payments and refunds included, names the order alone.
const OF_ORDERS: Through<'_> = Through {
    aggregate_types: &[Fulfilment::TYPE, Stock::TYPE],
    field: "order",
    leads_to: Order::TYPE,
};

pub(crate) struct Exports;

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum Cue {
    ExportRequested { account: AccountId, export: ExportId },
    AccountErased { account: AccountId },
}

#[async_trait]
impl Process for Exports {
    fn name(&self) -> &'static str {
        "exports"
    }

    fn reacts_to(&self, event: &RecordedEvent) -> bool {
        let cue = (&*event.stream.aggregate_type, &*event.event_type);
        cue == (PersonalExport::TYPE, "ExportRequested") || cue == (Account::TYPE, "AccountErased")
    }

    async fn react(&self, log: &Log, cause: &Cause) -> Result<(), Failure> {
        match cause.event.decode()? {
            Cue::AccountErased { account } => forget(log.pool(), account).await,
            Cue::ExportRequested { account, export } => {
                let one = Collection { log, account, export, until: cause.event.position };
                let events = one.collect().await?;
                one.finish(events).await?;
                let context = cause.context("complete");
                let command = Command::Complete { account, export, events, at: context.now };
                let result = log.execute::<PersonalExport>(account, command, &context).await;
                answer(result)?.map_err(Failure::lasting)?;
                // Who was erased meanwhile has nothing left to be collected.
                if !log.load::<Account>(account).await?.state.is_active() {
                    forget(log.pool(), account).await?;
                }
                Ok(())
            }
        }
    }
}

struct Collection<'a> {
    log: &'a Log,
    account: AccountId,
    export: ExportId,
    until: i64,
}

impl Collection<'_> {
    /// How many events there are on all pages.
    async fn collect(&self) -> Result<u64, Failure> {
        let (mut after, mut events) = self.reached().await?;
        while after < self.until {
            let end = self.until.min(after + SPAN);
            let name = self.account.to_string();
            let page = self.log.reader().naming(&name, OF_ORDERS, after, end, PAGE_EVENTS);
            let page = page.await?;
            let full = i64::try_from(page.len()).unwrap_or(i64::MAX) == PAGE_EVENTS;
            let until = page.last().filter(|_| full).map_or(end, |event| event.position);
            let lines = page.iter().map(personal::line).collect::<Result<Vec<_>, _>>();
            let lines = lines.map_err(Failure::lasting)?;
            in_time(
                sqlx::query(
                    "insert into processes.export_pages
                         (export, until_position, account, events, lines)
                     values ($1, $2, $3, $4, $5) on conflict do nothing",
                )
                .bind(self.export.uuid())
                .bind(until)
                .bind(self.account.uuid())
                .bind(i32::try_from(lines.len()).unwrap_or(i32::MAX))
                .bind(lines.join("\n"))
                .execute(self.log.pool()),
            )
            .await?;
            events += lines.len() as u64;
            after = until;
        }
        Ok(events)
    }

    /// How far an earlier attempt came, and how many events it found.
    async fn reached(&self) -> Result<(i64, u64), Failure> {
        let reached = sqlx::query_as(
            "select coalesce(max(until_position), 0), coalesce(sum(events), 0)
             from processes.export_pages where export = $1",
        )
        .bind(self.export.uuid());
        let (after, events): (i64, i64) = in_time(reached.fetch_one(self.log.pool())).await?;
        Ok((after, events.unsigned_abs()))
    }

    /// Reads what the person will read, once.
    async fn finish(&self, events: u64) -> Result<(), Failure> {
        let mut hash = Sha256::new();
        let (mut bytes, mut after) = (0, 0);
        loop {
            let next = sqlx::query_as(
                "select until_position, lines from processes.export_pages
                 where export = $1 and until_position > $2 order by until_position limit 1",
            )
            .bind(self.export.uuid())
            .bind(after);
            let next: Option<(i64, String)> = in_time(next.fetch_optional(self.log.pool())).await?;
            let Some((until, lines)) = next else { break };
            let keys = self.log.personal();
            let opened = personal::open(keys, self.account.uuid(), &lines).await;
            let opened = opened.map_err(eventstore::StoreError::from)?;
            hash.update(&opened);
            bytes += opened.len();
            after = until;
        }
        let lines_hash = hex::encode(hash.clone().finalize());
        let manifest =
            personal::manifest(self.account, self.export, self.until, events, &lines_hash);
        hash.update(&manifest);
        in_time(
            sqlx::query(
                "insert into processes.exports (export, account, manifest, bytes, sha256)
                 values ($1, $2, $3, $4, $5) on conflict do nothing",
            )
            .bind(self.export.uuid())
            .bind(self.account.uuid())
            .bind(&manifest)
            .bind(i64::try_from(bytes + manifest.len()).unwrap_or(i64::MAX))
            .bind(hex::encode(hash.finalize()))
            .execute(self.log.pool()),
        )
        .await?;
        Ok(())
    }
}

async fn forget(pool: &PgPool, account: AccountId) -> Result<(), Failure> {
    for table in ["export_pages", "exports"] {
        let delete = format!("delete from processes.{table} where account = $1");
        in_time(sqlx::query(&delete).bind(account.uuid()).execute(pool)).await?;
    }
    Ok(())
}
