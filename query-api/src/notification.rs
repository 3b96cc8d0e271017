//! What I was told; and, for operators, what did not go out.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service_kit::page::{Limit, Page, decode_cursor};
use service_kit::{Problem, Query};
use sqlx::{FromRow, PgExecutor};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{Answer, App, Asked, Reads};

const READS: Reads = &["notifications"];

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(mine)).routes(routes!(all))
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    Waiting,
    Sent,
    /// It will be tried again.
    Failed,
    GivenUp,
    Cancelled,
}

impl Status {
    const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Sent => "SENT",
            Self::Failed => "FAILED",
            Self::GivenUp => "GIVEN_UP",
            Self::Cancelled => "CANCELLED",
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Params {
    #[param(inline)]
    status: Option<Status>,
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
    cursor: Option<String>,
}

/// One message to one person.
#[derive(Debug, Serialize, FromRow, ToSchema)]
pub struct Notification {
    #[sqlx(rename = "notification")]
    pub id: String,
    pub recipient: Uuid,
    /// `email` or `sms`
    pub channel: String,
    /// What it is about, with the ids of the things in question.
    #[schema(value_type = Object)]
    pub message: Value,
    #[schema(value_type = Status)]
    pub status: String,
    pub attempts: i32,
    /// What the last attempt met, unless it went out.
    pub error: Option<String>,
    pub retry_at: Option<DateTime<Utc>>,
    pub requested_at: DateTime<Utc>,
    pub changed_at: DateTime<Utc>,
    /// Of its request.
    #[serde(skip)]
    pub position: i64,
}

/// What somebody, or anybody, was told: the newest first, of those requested before a position.
pub async fn told(
    db: impl PgExecutor<'_>,
    recipient: Option<Uuid>,
    status: Option<Status>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Notification>, sqlx::Error> {
    sqlx::query_as(
        "select notification, recipient, channel, message, status, attempts, error, retry_at,
                requested_at, changed_at, position
           from readmodel.notifications
          where ($1::uuid is null or recipient = $1) and ($2::text is null or status = $2)
            and ($3::bigint is null or position < $3)
          order by position desc, notification limit $4",
    )
    .bind(recipient)
    .bind(status.map(Status::name))
    .bind(before)
    .bind(limit)
    .fetch_all(db)
    .await
}

#[utoipa::path(
    get, path = "/accounts/me/notifications", tag = "notifications", params(Params),
    responses((status = 200, description = "What I was told, newest first",
        body = Page<Notification>))
)]
async fn mine(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let me = asked.member()?.uuid();
    list(&app, &asked, params, Some(me)).await
}

#[utoipa::path(
    get, path = "/operations/notifications", tag = "operations", params(Params),
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "What anybody was told, newest first",
        body = Page<Notification>))
)]
async fn all(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    list(&app, &asked, params, None).await
}

async fn list(
    app: &App,
    asked: &Asked,
    params: Params,
    recipient: Option<Uuid>,
) -> Result<Response, Problem> {
    let cursor = if recipient.is_some() { "my-notifications" } else { "notifications" };
    let before: Option<i64> = decode_cursor(cursor, params.cursor.as_deref())?;
    let uri = asked.uri.clone();
    app.read(asked, READS, move |mut view| async move {
        let Params { status, limit, .. } = params;
        let rows = told(view.db(), recipient, status, before, limit.rows()).await?;
        let page = Page::of(cursor, rows, limit, |row| row.position);
        Answer::page(&uri, &page)
    })
    .await
}
