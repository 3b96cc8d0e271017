//! `GET /audit/events`: the log, filtered.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use service_kit::page::{Page, decode_cursor};
use service_kit::{Problem, Query, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auditing::Auditing;
use super::search::Filters;
use super::shown::{ShownEvent, shown};
use crate::App;
use crate::view::{Reads, View};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(events))
}

pub(super) const INDEX: Reads = &["audit_index"];

#[utoipa::path(
    get, path = "/audit/events", tag = "audit", params(Filters),
    security(("bearer" = ["auditor"])),
    responses((status = 200, description = "Events of the log", body = Page<ShownEvent>))
)]
async fn events(
    State(app): State<App>,
    auditing: Auditing,
    Query(filters): Query<Filters>,
) -> Result<Response, Problem> {
    filters.check()?;
    let list = if filters.newest_first() { "audit-newest" } else { "audit-oldest" };
    let beyond: Option<i64> = decode_cursor(list, filters.cursor.as_deref())?;
    let reader = app.reader();
    let (found, passed) = if filters.needs_index() {
        app.progress().reached(INDEX, auditing.freshness).await?;
        let span = filters.span(&reader, beyond).await?;
        let mut view = View::open(app.pool(), INDEX).await?;
        (filters.find(view.db(), span).await?, view.positions.lowest())
    } else {
        // The log itself is never behind.
        let head = reader.head().await?;
        let span = filters.span(&reader, beyond).await?;
        (filters.find(&mut *app.pool().acquire().await?, span).await?, head)
    };
    let page = Page::of(list, found, filters.limit, |event| event.position);
    let items = shown(&app, &auditing, &page.items, filters.reveal.as_ref()).await?;
    let mut response = Page { items, next: page.next }.respond(&auditing.uri).into_response();
    response.headers_mut().insert(header::PROJECTION_POSITION, passed.into());
    Ok(response)
}
