//! Who was refused what, who read the audit side, who had personal values shown and why.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use service_kit::page::{Limit, Page, decode_cursor};
use service_kit::{Problem, Query};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::auditing::Auditing;
use super::moment::Moment;
use crate::App;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(access))
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Denied,
    Read,
    Reveal,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Read => "read",
            Self::Reveal => "reveal",
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Params {
    /// `denied`, `read` or `reveal`
    #[param(inline)]
    kind: Option<Kind>,
    account: Option<Uuid>,
    #[param(value_type = Option<DateTime<Utc>>)]
    from: Option<Moment>,
    #[param(value_type = Option<DateTime<Utc>>)]
    to: Option<Moment>,
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
    cursor: Option<String>,
}

/// One access, or the same one several times within a moment.
#[derive(Debug, Serialize, ToSchema, sqlx::FromRow)]
struct Access {
    id: i64,
    at: DateTime<Utc>,
    /// `denied`, `read` or `reveal`
    kind: String,
    account: Option<Uuid>,
    method: String,
    path: String,
    status: i32,
    code: String,
    trace_id: String,
    /// Why personal values were shown.
    reason: Option<String>,
    times: i64,
}

#[utoipa::path(
    get, path = "/audit/access", tag = "audit", params(Params),
    security(("bearer" = ["auditor"])),
    responses((status = 200, description = "Accesses, newest first", body = Page<Access>))
)]
async fn access(
    State(app): State<App>,
    auditing: Auditing,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let before: Option<(Moment, i64)> = decode_cursor("access", params.cursor.as_deref())?;
    let rows: Vec<Access> = sqlx::query_as(
        "select id, at, kind, account, method, path, status, code, trace_id, reason, times
         from eventstore.access_log
         where ($1::text is null or kind = $1) and ($2::uuid is null or account = $2)
           and ($3::timestamptz is null or at >= $3) and ($4::timestamptz is null or at < $4)
           and ($5::timestamptz is null or (at, id) < ($5, $6))
         order by at desc, id desc limit $7",
    )
    .bind(params.kind.map(Kind::name))
    .bind(params.account)
    .bind(params.from.map(|from| from.0))
    .bind(params.to.map(|to| to.0))
    .bind(before.map(|(at, _)| at.0))
    .bind(before.map(|(_, id)| id))
    .bind(params.limit.rows())
    .fetch_all(app.pool())
    .await?;
    let page = Page::of("access", rows, params.limit, |row| (row.at, row.id));
    Ok(page.respond(&auditing.uri))
}
