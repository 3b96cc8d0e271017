//! A whole site: the API under `/api/v1` and what stands beside it.

use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT_RANGES, AUTHORIZATION, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, IF_MATCH, IF_NONE_MATCH, IF_RANGE, LINK, LOCATION, RANGE, RETRY_AFTER,
};
use axum::http::{HeaderValue, Method};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use tower_http::cors::CorsLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

use crate::described::Described;
use crate::{Health, Kit, Problem, codes, frame, header, openapi};

/// Where the API stands.
pub const BASE: &str = "/api/v1";

/// What a site has besides the routes of its API.
#[derive(Clone)]
pub struct Site {
    pub health: Health,
    /// `None` where the process has no recorder, as in tests.
    pub metrics: Option<PrometheusHandle>,
    /// Exact origins whose scripts may call us.
    pub cors_origins: Vec<HeaderValue>,
    /// What `/openapi.json` answers, where this process has only a part of the routes that a client
    /// meets. `None`: those it has.
    pub description: Option<OpenApi>,
}

impl Site {
    pub fn new(health: Health) -> Self {
        Self { health, metrics: None, cors_origins: Vec::new(), description: None }
    }

    /// The API's routes, given without the base path, as a site inside the frame.
    pub fn build(self, api: OpenApiRouter, kit: &Kit) -> Router {
        let (api, own) =
            OpenApiRouter::with_openapi(openapi::base()).nest(BASE, api).split_for_parts();
        let own = openapi::finish(own);
        let described = Described::by(&own);
        let description = self.description.unwrap_or(own);
        let routes = api
            .merge(SwaggerUi::new("/docs").url("/openapi.json", description))
            .merge(well_known(kit))
            .merge(beside(self.health, self.metrics));
        let routes = frame::framed_as(routes, kit, described);
        if self.cors_origins.is_empty() { routes } else { routes.layer(cors(self.cors_origins)) }
    }
}

/// The description alone: for `daybook openapi`, and for sites that serve a part of it.
pub fn description(api: OpenApiRouter) -> OpenApi {
    openapi::finish(OpenApiRouter::with_openapi(openapi::base()).nest(BASE, api).into_openapi())
}

fn well_known(kit: &Kit) -> Router {
    let jwks = kit.tokens().keys().jwks();
    let answer = move || {
        let jwks = jwks.clone();
        async move { ([(CACHE_CONTROL, "public, max-age=300")], Json(jwks)) }
    };
    Router::new().route("/.well-known/jwks.json", get(answer))
}

fn beside(health: Health, metrics: Option<PrometheusHandle>) -> Router {
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(|State(health): State<Health>| async move { health.ready().await }))
        .with_state(health)
        .route("/metrics", get(move || async move { rendered(metrics.as_ref()) }))
        .route("/asyncapi.json", get(async || Json(eventstore::bus::asyncapi())))
        .route("/problems", get(async || Html(all_pages())))
        .route("/problems/{code}", get(page))
}

fn rendered(metrics: Option<&PrometheusHandle>) -> Response {
    match metrics {
        Some(metrics) => {
            metrics.run_upkeep();
            ([(CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.render()).into_response()
        }
        None => Problem::not_found("not-found", "this process keeps no metrics").into_response(),
    }
}

async fn page(Path(code): Path<String>) -> Result<Html<String>, Problem> {
    match codes::find(&code) {
        Some(code) => Ok(Html(one_page(code))),
        None => Err(Problem::not_found("not-found", "there is no problem with this code")),
    }
}

fn one_page(code: &codes::Code) -> String {
    let codes::Code { code, title, about, retry } = code;
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <h1>{title}</h1><p><code>{code}</code></p><p>{about}</p><h2>Try again?</h2><p>{retry}</p>\
         <p><a href=\"/problems\">All problems</a></p></html>\n"
    )
}

fn all_pages() -> String {
    let items: String = codes::all()
        .into_iter()
        .map(|c| format!("<li><a href=\"/problems/{0}\"><code>{0}</code></a> {1}", c.code, c.title))
        .collect();
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Problems</title>\
         <h1>Problems</h1><ul>{items}</ul></html>\n"
    )
}

fn cors(mut origins: Vec<HeaderValue>) -> CorsLayer {
    // Origins are exact. tower-http panics on a `*` in a list, and everybody is not who was meant.
    if origins.iter().any(|origin| origin == "*") {
        tracing::warn!("`*` is no origin: name each one whose scripts may call");
        origins.retain(|origin| origin != "*");
    }
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers([
            AUTHORIZATION,
            CONTENT_TYPE,
            IF_MATCH,
            IF_NONE_MATCH,
            IF_RANGE,
            RANGE,
            header::CONSISTENCY_TOKEN,
            header::IDEMPOTENCY_KEY,
            header::LAST_EVENT_ID,
            header::PREFER,
            header::TRACEPARENT,
        ])
        .expose_headers([
            ACCEPT_RANGES,
            CONTENT_DISPOSITION,
            CONTENT_RANGE,
            ETAG,
            LINK,
            LOCATION,
            RETRY_AFTER,
            header::CONSISTENCY_TOKEN,
            header::IDEMPOTENCY_REPLAYED,
            header::PROJECTION_POSITION,
            header::RATE_LIMIT,
            header::RATE_LIMIT_POLICY,
        ])
        .max_age(std::time::Duration::from_secs(3600))
}
