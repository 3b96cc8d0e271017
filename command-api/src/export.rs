//! Everything the log holds of me: asked for here, collected by a process.

use axum::extract::State;
use axum::http::StatusCode;
use domain::account::Account;
use domain::export::{Command, PersonalExport, Refusal};
use domain::{AccountId, ExportId};
use eventstore::{Context, Decision, Log, Receipt};
use serde::Deserialize;
use service_kit::{Accepted, BASE, Member, Only, OrRefuse, Problem, ReceiptBody, Undecided, clock};
use sqlx::PgPool;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{App, account};

/// Removed by one statement at most.
const SWEEP_MAX: i64 = 100;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(request))
}

pub async fn request_export(
    log: &Log,
    context: &Context,
    account: AccountId,
) -> Result<(Receipt, ExportId), Problem> {
    let export = ExportId::new(Uuid::now_v7());
    let receipt = log
        .decide::<PersonalExport, _, _, _>(context, |facts| async move {
            let state = facts.load::<Account>(account).await?.state;
            account::must_be_active(&state)?;
            let command = Command::Request { account, export, at: context.now };
            Ok::<_, Undecided<_>>(Decision::new(account, command))
        })
        .await
        .or_refuse(refused)?;
    let export = match receipt.replayed {
        true => requested_by(log, &receipt).await?,
        false => export,
    };
    Ok((receipt, export))
}

/// The export that a command asked for when it was first sent.
async fn requested_by(log: &Log, receipt: &Receipt) -> Result<ExportId, Problem> {
    #[derive(Deserialize)]
    struct Requested {
        export: ExportId,
    }
    let position = receipt.position;
    let event = log.reader().range(position - 1, position, 1).await?.pop();
    let event = event.ok_or_else(|| Problem::internal("the log has lost its end"))?;
    let requested: Requested = event.decode().map_err(Problem::internal)?;
    Ok(requested.export)
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Running => Problem::conflict("export-running", refusal),
        Refusal::TooSoon { again_at } => {
            let seconds = (again_at - clock::now()).num_seconds().max(1).unsigned_abs();
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "export-too-soon", refusal)
                .retry_after(seconds)
        }
    }
}

/// Removes exports that are 7 days old.
pub(crate) async fn sweep(pool: &PgPool) -> Result<(), sqlx::Error> {
    loop {
        let removed = sqlx::query(
            "with old as (
                 delete from processes.exports where export in (
                     select export from processes.exports
                     where made_at < clock_timestamp() - interval '7 days' limit $1)
                 returning export)
             delete from processes.export_pages p using old where p.export = old.export",
        )
        .bind(SWEEP_MAX)
        .execute(pool)
        .await?;
        if removed.rows_affected() == 0 {
            return Ok(());
        }
    }
}

/// Ask for everything the log holds of me: every event that names my account, as JSON Lines. One at a
/// time, and at most one an hour; a notification tells when it is ready.
#[utoipa::path(
    post, path = "/accounts/me/export", tag = "accounts",
    responses((status = 202, description = "Being collected", body = ReceiptBody))
)]
async fn request(State(app): State<App>, caller: Only<Member>) -> Result<Accepted, Problem> {
    let (receipt, export) = request_export(&app.log, caller.context(), caller.account).await?;
    Ok(Accepted::accepted(receipt, format!("{BASE}/exports/{export}")).id(export))
}
