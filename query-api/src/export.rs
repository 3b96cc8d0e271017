//! What was collected of me: how far it is, and the file. It is for its person alone.

use std::io;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use eventstore::export::personal;
use futures::{Stream, stream};
use serde::Serialize;
use service_kit::{Path, Problem};
use sqlx::FromRow;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{Answer, App, Asked, Reads};

const READS: Reads = &["exports"];
const KEPT_FOR: TimeDelta = TimeDelta::days(7);

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(export)).routes(routes!(file))
}

#[derive(Debug, Serialize, ToSchema)]
struct Export {
    id: Uuid,
    /// `RUNNING`, `DONE`, or `EXPIRED` after 7 days
    state: &'static str,
    /// Of the log, how much has been looked through.
    percent: i64,
    requested_at: DateTime<Utc>,
    completed_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    /// How many events were found: one line each, before the manifest.
    events: Option<i64>,
    /// Of the file, while it is there.
    bytes: Option<i64>,
    /// Of the file, in hex.
    sha256: Option<String>,
}

/// The row of the read model.
#[derive(Debug, FromRow)]
struct Row {
    account: Uuid,
    requested_at: DateTime<Utc>,
    position: i64,
    completed_at: Option<DateTime<Utc>>,
    events: Option<i64>,
}

/// What there is of the file. Its hash and its pages are no part of any read model.
#[derive(Debug, Clone, Default, FromRow)]
struct File {
    reached: i64,
    bytes: Option<i64>,
    sha256: Option<String>,
    manifest: Option<String>,
}

impl File {
    async fn find(app: &App, id: Uuid, account: Uuid) -> Result<Self, Problem> {
        let file = sqlx::query_as(
            "select (select coalesce(max(until_position), 0) from processes.export_pages
                      where export = $1 and account = $2) as reached,
                    e.bytes, e.sha256, e.manifest
               from (values (1)) as one (row)
               left join processes.exports e
                 on e.export = $1 and e.account = $2
                and e.made_at > clock_timestamp() - interval '7 days'",
        )
        .bind(id)
        .bind(account)
        .fetch_one(app.pool())
        .await?;
        Ok(file)
    }
}

#[utoipa::path(
    get, path = "/exports/{id}", tag = "accounts", params(("id" = Uuid, Path)),
    responses((status = 200, description = "How far it is, and what became of it", body = Export))
)]
async fn export(
    State(app): State<App>,
    asked: Asked,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let me = asked.member()?.uuid();
    let file = File::find(&app, id, me).await?;
    let asked = asked.beside((file.reached, &file.sha256));
    app.read(&asked, READS, move |mut view| async move {
        let row: Option<Row> = sqlx::query_as(
            "select account, requested_at, position, completed_at, events
               from readmodel.exports where export = $1",
        )
        .bind(id)
        .fetch_optional(view.db())
        .await?;
        let row = row.filter(|row| row.account == me).ok_or_else(unknown)?;
        let (state, percent) = match (row.completed_at, &file.sha256) {
            (None, _) => ("RUNNING", file.reached.min(row.position) * 100 / row.position.max(1)),
            (Some(_), Some(_)) => ("DONE", 100),
            (Some(_), None) => ("EXPIRED", 100),
        };
        let is_there = state == "DONE";
        Answer::json(&Export {
            id,
            state,
            percent,
            requested_at: row.requested_at,
            completed_at: row.completed_at,
            expires_at: row.completed_at.map(|completed| completed + KEPT_FOR),
            events: row.events,
            bytes: file.bytes.filter(|_| is_there),
            sha256: file.sha256.filter(|_| is_there),
        })
    })
    .await
}

#[utoipa::path(
    get, path = "/exports/{id}/file", tag = "accounts", params(("id" = Uuid, Path)),
    responses((status = 200, content_type = "application/jsonl",
               description = "JSON Lines: one event each, then a manifest", body = String))
)]
async fn file(
    State(app): State<App>,
    asked: Asked,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let me = asked.member()?.uuid();
    let File { bytes: Some(bytes), manifest: Some(manifest), .. } =
        File::find(&app, id, me).await?
    else {
        return Err(unknown());
    };
    let mut response = Response::new(Body::from_stream(opened(app, id, me, manifest)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/jsonl"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let name = HeaderValue::from_static("attachment; filename=\"daybook-about-me.jsonl\"");
    headers.insert(CONTENT_DISPOSITION, name);
    Ok(response)
}

/// Page by page, each opened when it is sent; one that cannot be breaks the answer off.
fn opened(
    app: App,
    export: Uuid,
    account: Uuid,
    manifest: String,
) -> impl Stream<Item = Result<String, io::Error>> {
    stream::try_unfold(Some(0), move |after: Option<i64>| {
        let (app, manifest) = (app.clone(), manifest.clone());
        async move {
            let Some(after) = after else { return Ok(None) };
            let page: Option<(i64, String)> = sqlx::query_as(
                "select until_position, lines from processes.export_pages
                  where export = $1 and account = $2 and until_position > $3
                  order by until_position limit 1",
            )
            .bind(export)
            .bind(account)
            .bind(after)
            .fetch_optional(app.pool())
            .await
            .map_err(io::Error::other)?;
            let Some((until, lines)) = page else { return Ok(Some((manifest, None))) };
            let opened = personal::open(app.keys(), account, &lines).await;
            Ok(Some((opened.map_err(io::Error::other)?, Some(until))))
        }
    })
}

fn unknown() -> Problem {
    Problem::not_found("export-unknown", "there is no such export of yours")
}
