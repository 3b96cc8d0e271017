//! Errors as RFC 9457 problem details.
//!
//! A handler answers with a [`Problem`]; [`frame`](crate::frame) adds what only the request knows
//! (`instance`, `trace_id`), so that no handler has to.

use std::borrow::Cow;
use std::fmt::{self, Display};

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::codes;

const DETAIL_CHARS_MAX: usize = 500;

/// One field of the input that is wrong, as an RFC 6901 pointer into the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    pub pointer: String,
    pub detail: String,
}

/// Why a request was not done, for a program (`code`) and for a person (`detail`).
#[derive(Debug, Clone)]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    status: StatusCode,
    code: Cow<'static, str>,
    detail: String,
    errors: Vec<FieldError>,
    extra: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        detail: impl Display,
    ) -> Self {
        Self(Box::new(Parts {
            status,
            code: code.into(),
            detail: brief(detail.to_string()),
            errors: Vec::new(),
            extra: Map::new(),
            headers: Vec::new(),
        }))
    }

    /// 404: the thing named by the path, or by a reference in the body, does not exist.
    pub fn not_found(code: impl Into<Cow<'static, str>>, detail: impl Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// 409: a rule refuses it in the present state.
    pub fn conflict(code: impl Into<Cow<'static, str>>, detail: impl Display) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 403: known caller, not allowed.
    pub fn forbidden(code: impl Into<Cow<'static, str>>, detail: impl Display) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 401, with the challenge that RFC 6750 asks for.
    pub fn unauthorized(code: impl Into<Cow<'static, str>>, detail: impl Display) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, detail).header(
            axum::http::header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"daybook\""),
        )
    }

    /// 400: the request cannot be understood.
    pub fn malformed(code: impl Into<Cow<'static, str>>, detail: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 422: understood, but a field is wrong.
    pub fn invalid(pointer: impl Into<String>, detail: impl Display) -> Self {
        let pointer = pointer.into();
        let text = brief(detail.to_string());
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", &text)
            .field(FieldError { pointer, detail: text })
    }

    /// 503 with Retry-After: nothing was done, try again soon.
    pub fn busy(code: impl Into<Cow<'static, str>>, detail: impl Display) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(1)
    }

    /// 500. The cause is logged here, once, and never shown.
    pub fn internal(cause: impl Display) -> Self {
        tracing::error!(error = %cause, "a request failed: {cause}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong on our side")
    }

    pub fn field(mut self, error: FieldError) -> Self {
        self.0.errors.push(error);
        self
    }

    /// A further member of the problem object, such as `current` of a version mismatch.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.extra.insert(name.to_owned(), value.into());
        self
    }

    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Marks the stored answer of an earlier request with the same Idempotency-Key.
    pub fn replayed(self, replayed: bool) -> Self {
        if !replayed {
            return self;
        }
        self.header(crate::header::IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"))
    }

    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    pub fn code(&self) -> &str {
        &self.0.code
    }

    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// The answer, with what the request knows. `None` only outside a [`frame`](crate::frame).
    pub(crate) fn render(self, request: Option<(&str, &str)>) -> Response {
        let parts = *self.0;
        let mut body = Map::new();
        body.insert("type".into(), json!(format!("/problems/{}", parts.code)));
        body.insert("title".into(), json!(codes::title(&parts.code)));
        body.insert("status".into(), json!(parts.status.as_u16()));
        body.insert("detail".into(), json!(parts.detail));
        body.insert("code".into(), json!(parts.code));
        if let Some((instance, trace_id)) = request {
            body.insert("instance".into(), json!(instance));
            body.insert("trace_id".into(), json!(trace_id));
        }
        if !parts.errors.is_empty() {
            body.insert("errors".into(), json!(parts.errors));
        }
        body.extend(parts.extra);
        let mut response = (parts.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(axum::http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (name, value) in parts.headers {
            headers.append(name, value);
        }
        response
    }
}

/// Details quote what was sent, which may be long.
fn brief(mut detail: String) -> String {
    if let Some((end, _)) = detail.char_indices().nth(DETAIL_CHARS_MAX) {
        detail.truncate(end);
        detail.push('\u{2026}');
    }
    detail
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.detail)
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.clone().render(None);
        response.extensions_mut().insert(self);
        response
    }
}

/// A database that cannot be reached is a reason to come back; anything else is our fault.
impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        if passes(&error) {
            tracing::warn!(error = %error, "the database cannot be reached: {error}");
            return Self::busy("unavailable", "the database cannot be reached at the moment");
        }
        Self::internal(error)
    }
}

/// Whether the same question may be answered in a moment: the connection was lost or could not be
/// made, or the server is starting, stopping or out of room (SQLSTATE classes 08, 53 and 57).
fn passes(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| ["08", "53", "57"].iter().any(|class| code.starts_with(class))),
        _ => false,
    }
}
