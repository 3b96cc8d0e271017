//! Lists that come in pages.

use axum::http::header::LINK;
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::Problem;

/// A sort key is a title of 2,000 bytes at most, escaped, and an id.
pub const CURSOR_CHARS_MAX: usize = 8_192;

/// How many items a page has: `?limit=`, 50 unless told, at most 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct Limit(u16);

impl Limit {
    pub const MAX: u16 = 200;

    pub const fn get(self) -> usize {
        self.0 as usize
    }

    /// How many rows to select: one more than the page, to know whether there is a next.
    pub const fn rows(self) -> i64 {
        self.0 as i64 + 1
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

/// Which page of a list: what lists take that are asked for nothing else.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    pub limit: Limit,
    pub cursor: Option<String>,
}

#[derive(Debug, thiserror::Error)]
#[error("a limit goes from 1 to {}", Limit::MAX)]
pub struct LimitOutOfRange;

impl TryFrom<i64> for Limit {
    type Error = LimitOutOfRange;

    fn try_from(limit: i64) -> Result<Self, LimitOutOfRange> {
        match u16::try_from(limit) {
            Ok(limit @ 1..=Self::MAX) => Ok(Self(limit)),
            _ => Err(LimitOutOfRange),
        }
    }
}

/// Where a page begins: the sort key of the item before it, opaque to the client. The name of the
/// list is part of it, so that a cursor fits no other list.
pub fn decode_cursor<K: DeserializeOwned>(
    list: &str,
    cursor: Option<&str>,
) -> Result<Option<K>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let json = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok();
    let key = json.and_then(|json| serde_json::from_slice::<(String, K)>(&json).ok());
    match key {
        Some((of, key)) if of == list => Ok(Some(key)),
        _ => Err(Problem::malformed("bad-cursor", "this cursor does not belong to this list")),
    }
}

pub fn encode_cursor<K: Serialize>(list: &str, key: &K) -> String {
    let json = serde_json::to_vec(&(list, key)).expect("the key of a cursor is plain data");
    BASE64_URL_SAFE_NO_PAD.encode(json)
}

/// One page.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// The cursor of the next page; absent on the last one.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Of `limit.rows()` rows; `key` is the sort key of an item.
    pub fn of<K: Serialize>(
        list: &str,
        mut rows: Vec<T>,
        limit: Limit,
        key: impl FnOnce(&T) -> K,
    ) -> Self {
        let more = rows.len() > limit.get();
        rows.truncate(limit.get());
        let last = rows.last().filter(|_| more);
        let next = last.map(|last| encode_cursor(list, &key(last)));
        Self { items: rows, next }
    }

    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }

    /// The `Link` header to the next page of the list at `uri`.
    pub fn link(&self, uri: &Uri) -> Option<HeaderValue> {
        let next = self.next.as_deref()?;
        let kept = uri.query().unwrap_or_default().split('&');
        let mut query: Vec<&str> =
            kept.filter(|pair| !pair.is_empty() && !pair.starts_with("cursor=")).collect();
        let cursor = format!("cursor={next}");
        query.push(&cursor);
        let link = format!("<{}?{}>; rel=\"next\"", uri.path(), query.join("&"));
        HeaderValue::try_from(link).ok()
    }
}

impl<T: Serialize> Page<T> {
    pub fn respond(self, uri: &Uri) -> Response {
        let link = self.link(uri);
        let mut response = axum::Json(self).into_response();
        if let Some(link) = link {
            response.headers_mut().insert(LINK, link);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_by_their_cursors() {
        let limit = Limit::try_from(2).expect("two is a limit");
        assert_eq!(limit.rows(), 3);
        let page = Page::of("books", vec![1, 2, 3], limit, |n| *n);
        assert_eq!(page.items, [1, 2]);
        let cursor = page.next.as_deref();
        assert_eq!(decode_cursor::<i32>("books", cursor).ok().flatten(), Some(2));
        assert_eq!(Page::of("books", vec![3], limit, |n| *n).next, None);
        let uri = Uri::from_static("/api/v1/books?q=a&cursor=old&limit=2");
        let link = page.link(&uri).expect("there is a next page");
        let link = link.to_str().expect("it is ASCII").to_owned();
        let expected = format!("</api/v1/books?q=a&limit=2&cursor={}>", cursor.unwrap_or_default());
        assert!(link.starts_with(&expected), "{link}");
    }

    #[test]
    fn a_cursor_of_something_else_is_malformed() {
        let other = encode_cursor("products", &2);
        for bad in ["", "x", "bm9uc2Vuc2U", &other] {
            let problem = decode_cursor::<i32>("books", Some(bad)).expect_err("it is bad");
            assert_eq!((problem.status().as_u16(), problem.code()), (400, "bad-cursor"), "{bad}");
        }
    }

    #[test]
    fn a_limit_has_bounds() {
        assert!(Limit::try_from(1).is_ok() && Limit::try_from(200).is_ok());
        assert!([0, -1, 201, 65_537].into_iter().all(|n| Limit::try_from(n).is_err()));
    }
}
