//! Read your own writes: how recent an answer must be, and how long it may take.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::Problem;
use crate::header::{CONSISTENCY_TOKEN, PREFER};

pub const WAIT_DEFAULT: Duration = Duration::from_secs(1);
pub const WAIT_MAX: Duration = Duration::from_secs(5);

/// From `Consistency-Token: <position>` and `Prefer: wait=<seconds>`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// The answer must have seen this position.
    pub position: Option<i64>,
    pub wait: Duration,
}

impl<S: Send + Sync> FromRequestParts<S> for Freshness {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let position = match parts.headers.get(CONSISTENCY_TOKEN) {
            None => None,
            Some(value) => {
                let position = value.to_str().ok().and_then(|text| text.trim().parse().ok());
                let position = position.filter(|position: &i64| *position >= 0);
                Some(position.ok_or_else(|| {
                    Problem::malformed("bad-header", "Consistency-Token must be a position")
                })?)
            }
        };
        let prefer = parts.headers.get_all(PREFER).iter();
        let wait = prefer
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .find_map(wait)
            .unwrap_or(WAIT_DEFAULT);
        Ok(Self { position, wait: wait.min(WAIT_MAX) })
    }
}

/// RFC 7240. Preferences that cannot be read are ignored.
fn wait(preference: &str) -> Option<Duration> {
    let (name, seconds) = preference.split(';').next()?.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("wait") {
        return None;
    }
    seconds.trim().trim_matches('"').parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn freshness(headers: &[(&str, &str)]) -> Result<Freshness, u16> {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut parts = request.body(()).expect("a request").into_parts().0;
        Freshness::from_request_parts(&mut parts, &()).await.map_err(|p| p.status().as_u16())
    }

    #[tokio::test]
    async fn the_client_says_what_it_must_see_and_how_long_it_waits() {
        let asked =
            freshness(&[("consistency-token", "17"), ("prefer", "respond-async, Wait=3; x=1")]);
        let wait = Duration::from_secs(3);
        assert_eq!(asked.await, Ok(Freshness { position: Some(17), wait }));
        let default = Freshness { position: None, wait: WAIT_DEFAULT };
        assert_eq!(freshness(&[]).await, Ok(default));
        let capped = Freshness { position: None, wait: WAIT_MAX };
        assert_eq!(freshness(&[("prefer", "wait=60")]).await, Ok(capped));
        assert_eq!(freshness(&[("consistency-token", "soon")]).await, Err(400));
        assert_eq!(freshness(&[("consistency-token", "-1")]).await, Err(400));
    }
}
