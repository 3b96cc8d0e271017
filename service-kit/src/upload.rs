//! Bodies that are too large to be held in memory: a handler takes them in as they arrive.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use futures::Stream;
use http_body_util::BodyExt;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::Problem;
use crate::frame::{BODY_WAIT_MAX, DRAINED_MAX, deaf, too_large};

/// The largest upload.
pub const UPLOAD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long a whole upload may take. Between two pieces of it, no longer than a small body.
const UPLOAD_WAIT_MAX: Duration = Duration::from_secs(15 * 60);

/// A body on its way in, shared by the frame and the handler.
#[derive(Debug, Clone)]
pub(crate) struct Arriving(Arc<Mutex<Body>>);

impl Arriving {
    /// Refuses what is too large by its own account and what is of no type that is taken here.
    pub(crate) async fn admit(
        parts: &mut Parts,
        body: Body,
        types: &[String],
    ) -> Result<(), Problem> {
        let arriving = Self(Arc::new(Mutex::new(body)));
        let length = declared(&parts.headers).unwrap_or_default();
        if length > UPLOAD_BYTES_MAX {
            let problem = too_large(UPLOAD_BYTES_MAX);
            let is_deaf = length > UPLOAD_BYTES_MAX + DRAINED_MAX;
            let drained_max = if is_deaf { 0 } else { length };
            return Err(arriving.unread(&parts.headers, problem, drained_max).await);
        }
        let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
        if !types.iter().any(|known| known.eq_ignore_ascii_case(essence.trim())) {
            let detail = format!("the body must be one of {}", types.join(", "));
            let problem =
                Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail);
            return Err(arriving.unread(&parts.headers, problem, DRAINED_MAX).await);
        }
        parts.extensions.insert(arriving);
        Ok(())
    }

    /// Who is still sending would not hear the answer: some of the rest is taken in and dropped.
    /// True if that was all of it.
    pub(crate) async fn drain(&self, bytes_max: usize) -> bool {
        let mut body = self.0.lock().await;
        let mut dropped = 0;
        let all = async {
            while let Some(Ok(frame)) = body.frame().await {
                dropped += frame.data_ref().map_or(0, Bytes::len);
                if dropped > bytes_max {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(BODY_WAIT_MAX, all).await.unwrap_or(false)
    }

    /// Refuses before the body was taken in.
    async fn unread(&self, headers: &HeaderMap, problem: Problem, bytes_max: usize) -> Problem {
        let drained = !expects(headers) && self.drain(bytes_max).await;
        if drained { problem } else { deaf(problem) }
    }
}

/// What is uploaded: its last argument, so that who asks is known before a byte is read.
#[derive(Debug)]
pub struct Upload {
    content_type: String,
    arriving: Arriving,
}

impl Upload {
    /// One of the types that the operation is described to take, perhaps with parameters.
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The bytes as they arrive. Ends with a problem if they are too many, too slow or not all.
    pub fn bytes(&self) -> impl Stream<Item = Result<Bytes, Problem>> + Send + 'static {
        let deadline = Instant::now() + UPLOAD_WAIT_MAX;
        let start = (self.arriving.clone(), 0);
        futures::stream::try_unfold(start, move |(arriving, received)| async move {
            let until = deadline.min(Instant::now() + BODY_WAIT_MAX);
            let piece = {
                let mut body = arriving.0.lock().await;
                tokio::time::timeout_at(until, body.frame()).await
            };
            let bytes = match piece {
                Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
                Ok(Some(Err(_))) => return Err(incomplete()),
                Ok(None) => return Ok(None),
                Err(_) => return Err(slow()),
            };
            let received = received + bytes.len();
            if received > UPLOAD_BYTES_MAX {
                return Err(too_large(UPLOAD_BYTES_MAX));
            }
            Ok(Some((bytes, (arriving, received))))
        })
    }
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Problem;

    async fn from_request(mut request: Request, _: &S) -> Result<Self, Problem> {
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let arriving = request.extensions_mut().remove::<Arriving>();
        let arriving = arriving.ok_or_else(|| {
            Problem::internal("an operation that takes an upload is described as one of JSON")
        })?;
        Ok(Self { content_type, arriving })
    }
}

fn declared(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Whoever waits to be told to go on has sent nothing that would have to be drained.
pub(crate) fn expects(headers: &HeaderMap) -> bool {
    headers.contains_key(EXPECT)
}

fn incomplete() -> Problem {
    Problem::malformed("body-incomplete", "the body ended before it was complete")
}

fn slow() -> Problem {
    let detail = "the body did not arrive in time";
    Problem::new(StatusCode::REQUEST_TIMEOUT, "request-timeout", detail)
}
