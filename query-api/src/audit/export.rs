//! `GET /audit/export`: the log as JSON Lines, streamed, with a manifest as its last line.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::Response;
use eventstore::export::export as lines;
use futures::StreamExt;
use serde::Deserialize;
use service_kit::{Problem, Query};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auditing::Auditing;
use crate::App;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(export))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Params {
    /// The last position you have: an export that was cut off goes on after it
    #[serde(default)]
    after: i64,
    /// Ends with the commit of this position; without it, with the end of the log
    until: Option<i64>,
}

#[utoipa::path(
    get, path = "/audit/export", tag = "audit", params(Params),
    security(("bearer" = ["auditor"])),
    responses((status = 200, content_type = "application/jsonl",
               description = "JSON Lines; docs/HASHCHAIN.md describes them", body = String))
)]
async fn export(
    State(app): State<App>,
    _auditing: Auditing,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    if params.after < 0 {
        return Err(Problem::invalid("/query/after", "a position is not negative"));
    }
    let shutdown = app.kit().shutdown().clone().cancelled_owned();
    // Without its manifest a file shows that it is not complete.
    let lines = lines(app.reader(), params.after, params.until).take_until(shutdown);
    let mut response = Response::new(Body::from_stream(lines));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/jsonl"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let name = HeaderValue::from_static("attachment; filename=\"daybook-log.jsonl\"");
    headers.insert(CONTENT_DISPOSITION, name);
    Ok(response)
}
