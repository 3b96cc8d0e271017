//! ETags of answers to GET.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Problem;

/// JSON with its ETag `"<sequence>.<body hash>"`, or 304 if the client has it already.
///
/// The hash is there because a page changes without its own stream: averages, counts, names.
pub fn conditional(
    request: &HeaderMap,
    sequence: i64,
    body: &impl Serialize,
) -> Result<Response, Problem> {
    let json = serde_json::to_vec(body).map_err(Problem::internal)?;
    Ok(conditional_bytes(request, sequence, json))
}

/// As [`conditional`], for JSON that is already text.
pub fn conditional_bytes(request: &HeaderMap, sequence: i64, json: Vec<u8>) -> Response {
    let hash = hex::encode(&Sha256::digest(&json)[..8]);
    let tag = format!("\"{sequence}.{hash}\"");
    let known = is_known(request, &tag);
    let mut response = Response::new(if known { Body::empty() } else { Body::from(json) });
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    if !known {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    headers.insert(VARY, HeaderValue::from_static("Authorization"));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(ETAG, tag);
    }
    response
}

/// Whether the client has what has this ETag. If-None-Match compares weakly (RFC 9110): `W/` makes no
/// difference.
pub fn is_known(request: &HeaderMap, tag: &str) -> bool {
    request
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_has_is_not_sent_again() -> Result<(), Problem> {
        let first = conditional(&HeaderMap::new(), 3, &"page")?;
        let tag = first.headers()[ETAG].clone();
        assert!(tag.to_str().is_ok_and(|tag| tag.starts_with("\"3.")));
        assert_eq!(first.headers()[VARY], "Authorization");

        let known = HeaderMap::from_iter([(IF_NONE_MATCH, tag.clone())]);
        assert_eq!(conditional(&known, 3, &"page")?.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(conditional(&known, 3, &"other")?.status(), StatusCode::OK);
        assert_eq!(conditional(&known, 4, &"page")?.status(), StatusCode::OK);
        Ok(())
    }
}
