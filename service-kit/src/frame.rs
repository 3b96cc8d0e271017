//! The frame around every request: trace, body limit, panics, problems, metrics, denials.
//!
//! It stands outside the routes, so the answers of the framework (404, 405, rejections) leave it as
//! problems like our own.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use sha2::{Digest, Sha256};
use tracing::Instrument;

use crate::access_log::Access;
use crate::clock;
use crate::described::Described;
use crate::request::Facts;
use crate::trace::Trace;
use crate::upload::{Arriving, expects};
use crate::{Kit, Problem};

/// The largest body of a command.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// A larger one is not even taken in to be dropped.
pub(crate) const DRAINED_MAX: usize = 8 * BODY_BYTES_MAX;

/// How long a body may take to arrive.
pub(crate) const BODY_WAIT_MAX: Duration = Duration::from_secs(15);

/// Puts the frame around all routes added so far and around the answer for unknown paths.
pub fn framed(routes: Router, kit: &Kit) -> Router {
    framed_as(routes, kit, Described::default())
}

/// The same for routes that take what is described and nothing else.
pub(crate) fn framed_as(routes: Router, kit: &Kit, described: Described) -> Router {
    routes.layer(middleware::from_fn_with_state((kit.clone(), described), frame))
}

async fn frame(
    State((kit, described)): State<(Kit, Described)>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let uri = request.uri().clone();
    let path = uri.path();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |matched| matched.as_str().to_owned());
    let trace = Trace::of(request.headers());
    let span = tracing::info_span!(
        "request",
        trace_id = trace.trace_id(),
        http.method = %method,
        http.route = route,
    );

    let (facts, mut response) =
        answer(request, next, trace, &route, &described).instrument(span).await;

    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        response = as_problem(response, path, trace);
    }
    let is_denied = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    if is_denied || facts.as_ref().is_some_and(Facts::audits) {
        let code = response.extensions().get::<Problem>().map(|p| p.code().to_owned());
        let (kind, shown) = match is_denied {
            // A token in a path opens something: who reads the record must not have it.
            true if route.ends_with("{token}") => ("denied", route.as_str()),
            true => ("denied", path),
            false => ("read", uri.path_and_query().map_or(path, |path| path.as_str())),
        };
        kit.access_log()
            .record(Access {
                at: clock::now(),
                kind,
                account: facts.as_ref().and_then(Facts::account),
                method: method.to_string(),
                path: shown.to_owned(),
                status: status.as_u16(),
                code: code.unwrap_or_default(),
                trace_id: trace.trace_id(),
                reason: None,
            })
            .await;
    }
    if let Some(spent) = facts.as_ref().and_then(Facts::spent) {
        spent.write(response.headers_mut());
    }
    response
        .headers_mut()
        .entry(X_CONTENT_TYPE_OPTIONS)
        .or_insert(HeaderValue::from_static("nosniff"));
    crate::metrics::request(&method, &route, status, started.elapsed());
    response
}

/// The routes' answer, and what was learned on the way if the request got that far.
async fn answer(
    request: Request,
    next: Next,
    trace: Trace,
    route: &str,
    described: &Described,
) -> (Option<Facts>, Response) {
    let request = match received(request, trace, route, described).await {
        Ok(request) => request,
        Err(problem) => return (None, problem.into_response()),
    };
    let facts = request.extensions().get::<Facts>().cloned();
    let upload = request.extensions().get::<Arriving>().cloned();
    let upload = upload.filter(|_| !expects(request.headers()));
    let mut response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            let cause = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            Problem::internal(format!("a handler panicked: {cause}")).into_response()
        }
    };
    if let Some(upload) = upload
        && (response.status().is_client_error() || response.status().is_server_error())
        && !upload.drain(DRAINED_MAX).await
        && let Some(problem) = response.extensions_mut().remove::<Problem>()
    {
        response = deaf(problem).into_response();
    }
    (facts, response)
}

/// The request with its whole body in memory, unless it is one that is taken in as it arrives, and
/// its fingerprint taken.
async fn received(
    request: Request,
    trace: Trace,
    route: &str,
    described: &Described,
) -> Result<Request, Problem> {
    let (mut parts, body) = request.into_parts();
    let body = if let Some(types) = described.uploads(route, &parts.method) {
        Arriving::admit(&mut parts, body, types).await?;
        Bytes::new()
    } else if is_command(&parts.method) {
        let declared = parts
            .headers
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if let Some(length) = declared.filter(|length| *length > BODY_BYTES_MAX) {
            let is_deaf = length > DRAINED_MAX || expects(&parts.headers);
            let problem = too_large(BODY_BYTES_MAX);
            return Err(if is_deaf { deaf(problem) } else { drained(body).await });
        }
        let body = collected(body).await?;
        if !body.is_empty() && !is_json(parts.headers.get(CONTENT_TYPE)) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "the body must be application/json",
            ));
        }
        body
    } else {
        Bytes::new()
    };

    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    let mut hash = Sha256::new();
    for part in [parts.method.as_str().as_bytes(), target.as_bytes(), &body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let who = described.who(route, &parts.method);
    let superfluous = described.superfluous(route, &parts, &body);
    parts.extensions.insert(Facts::new(trace, hash.finalize().into(), who, superfluous));
    Ok(Request::from_parts(parts, Body::from(body)))
}

async fn collected(body: Body) -> Result<Bytes, Problem> {
    let limited = Limited::new(body, BODY_BYTES_MAX);
    match tokio::time::timeout(BODY_WAIT_MAX, limited.collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(deaf(too_large(BODY_BYTES_MAX))),
        Ok(Err(_)) => {
            Err(Problem::malformed("body-incomplete", "the body ended before it was complete"))
        }
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "request-timeout",
            "the body did not arrive in time",
        )),
    }
}

/// Who is still sending would not hear the answer: what is not far too large is taken in and dropped.
async fn drained(mut body: Body) -> Problem {
    let all = async { while let Some(Ok(_)) = body.frame().await {} };
    match tokio::time::timeout(BODY_WAIT_MAX, all).await {
        Ok(()) => too_large(BODY_BYTES_MAX),
        Err(_) => deaf(too_large(BODY_BYTES_MAX)),
    }
}

/// The rest is not read, so nothing else can come over this connection.
pub(crate) fn deaf(problem: Problem) -> Problem {
    problem.header(CONNECTION, HeaderValue::from_static("close"))
}

pub(crate) fn too_large(bytes_max: usize) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body-too-large",
        format!("a body has at most {bytes_max} bytes"),
    )
}

fn is_command(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH | Method::DELETE)
}

/// `application/json` or a subtype built on it, with or without parameters.
fn is_json(content_type: Option<&HeaderValue>) -> bool {
    let Some(text) = content_type.and_then(|value| value.to_str().ok()) else { return false };
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Our problem with what the request knows, or one made for the framework's bare status.
fn as_problem(response: Response, path: &str, trace: Trace) -> Response {
    let (mut parts, _) = response.into_parts();
    let own = parts.extensions.remove::<Problem>();
    let is_ours = own.is_some();
    let problem = own.unwrap_or_else(|| of_status(parts.status));
    let mut rendered = problem.clone().render(Some((path, &trace.trace_id())));
    if !is_ours {
        // Such as `Allow` of a 405. The framework's body, and what describes it, is gone.
        for (name, value) in &parts.headers {
            if *name != CONTENT_TYPE && *name != CONTENT_LENGTH {
                rendered.headers_mut().append(name, value.clone());
            }
        }
    }
    rendered.extensions_mut().insert(problem);
    rendered
}

fn of_status(status: StatusCode) -> Problem {
    let (code, detail) = match status {
        StatusCode::NOT_FOUND => ("not-found", "there is nothing at this path"),
        StatusCode::METHOD_NOT_ALLOWED => {
            ("method-not-allowed", "this path does not have this method")
        }
        StatusCode::PAYLOAD_TOO_LARGE => ("body-too-large", "the body is too large"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            ("unsupported-media-type", "the body must be application/json")
        }
        StatusCode::REQUEST_TIMEOUT => ("request-timeout", "the request took too long"),
        StatusCode::UNAUTHORIZED => ("token-required", "log in first"),
        StatusCode::FORBIDDEN => ("forbidden", "not allowed"),
        StatusCode::UNPROCESSABLE_ENTITY => ("invalid", "the input is not valid"),
        StatusCode::SERVICE_UNAVAILABLE => ("unavailable", "not available at the moment"),
        other if other.is_client_error() => ("malformed", "the request cannot be understood"),
        _ => ("internal", "something went wrong on our side"),
    };
    Problem::new(status, code, detail)
}
