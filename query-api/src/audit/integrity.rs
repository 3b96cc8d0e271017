//! Is the log what was written? Recomputed on request; proofs and signed checkpoints to take away.

use axum::extract::State;
use axum::response::Response;
use eventstore::checkpoint::{self, Checkpoint};
use eventstore::verify::{self, Proof, Range, Verification};
use serde::Deserialize;
use serde_json::Value;
use service_kit::page::{Page, Paging, decode_cursor};
use service_kit::{Json, Path, Problem, Query};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auditing::Auditing;
use crate::App;

/// The most positions of one call; `daybook verify` has no such limit.
const POSITIONS_MAX: i64 = 100_000;
/// The newest checkpoints that are compared.
const CHECKPOINTS_MAX: i64 = 10_000;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(verified))
        .routes(routes!(proof))
        .routes(routes!(checkpoints))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct VerifyParams {
    /// The first position
    #[serde(default = "first")]
    from: i64,
    /// The last position; at most 100,000 in one call
    to: Option<i64>,
}

const fn first() -> i64 {
    1
}

#[utoipa::path(
    get, path = "/audit/verify", tag = "audit", params(VerifyParams),
    security(("bearer" = ["auditor"])),
    responses((status = 200, body = Value,
               description = "`ok`, or in `break` where the log contradicts itself first"))
)]
async fn verified(
    State(app): State<App>,
    _auditing: Auditing,
    Query(params): Query<VerifyParams>,
) -> Result<Json<Verification>, Problem> {
    if params.from < 1 {
        return Err(Problem::invalid("/query/from", "positions begin with 1"));
    }
    let to = params.to.unwrap_or(params.from.saturating_add(POSITIONS_MAX - 1));
    if to < params.from || to - params.from >= POSITIONS_MAX {
        let detail = format!("at most {POSITIONS_MAX} positions in one call");
        return Err(Problem::invalid("/query/to", detail));
    }
    let reader = app.reader();
    let reaches_end = params.to.is_none() && to >= reader.head().await?;
    let range = Range { from: params.from, until: (!reaches_end).then_some(to) };
    let mut points = checkpoint::newest(&reader, i64::MAX, CHECKPOINTS_MAX).await?;
    points.retain(|point| point.is_signed_by(&point.public_key));
    points.reverse();
    Ok(Json(verify::verify(&reader, range, &points, |_| ()).await?))
}

#[utoipa::path(
    get, path = "/audit/proof/{position}", tag = "audit",
    params(("position" = i64, Path)),
    security(("bearer" = ["auditor"])),
    responses((status = 200, body = Value,
               description = "sha256(previous || leaves) = hash, and leaves[index] is the event's"))
)]
async fn proof(
    State(app): State<App>,
    _auditing: Auditing,
    Path(position): Path<i64>,
) -> Result<Json<Proof>, Problem> {
    match verify::proof(&app.reader(), position).await? {
        Some(proof) => Ok(Json(proof)),
        None => {
            let detail = format!("the log has no position {position}");
            Err(Problem::not_found("position-unknown", detail))
        }
    }
}

#[utoipa::path(
    get, path = "/audit/checkpoints", tag = "audit", params(Paging),
    security(("bearer" = ["auditor"])),
    responses((status = 200, body = Page<Value>,
               description = "Signed hashes of the chain, newest first"))
)]
async fn checkpoints(
    State(app): State<App>,
    auditing: Auditing,
    Query(params): Query<Paging>,
) -> Result<Response, Problem> {
    let before: Option<i64> = decode_cursor("checkpoints", params.cursor.as_deref())?;
    let before = before.unwrap_or(i64::MAX);
    let rows: Vec<Checkpoint> =
        checkpoint::newest(&app.reader(), before, params.limit.rows()).await?;
    let page = Page::of("checkpoints", rows, params.limit, |point| point.position);
    Ok(page.respond(&auditing.uri))
}
