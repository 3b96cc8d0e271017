//! The names of the headers that api.md adds to HTTP.

use axum::http::HeaderName;

pub const CONSISTENCY_TOKEN: HeaderName = HeaderName::from_static("consistency-token");
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
pub const PREFER: HeaderName = HeaderName::from_static("prefer");
pub const PROJECTION_POSITION: HeaderName = HeaderName::from_static("projection-position");
pub const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
