//! JSON bodies whose errors name the field.

use std::fmt::Display;

use axum::body::Bytes;
use axum::extract::{FromRequest, OptionalFromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_path_to_error::Segment;

use crate::Problem;

/// A body. 415 without its type, 400 if it is not JSON, 422 if it is not what is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        // The frame has refused other types; an empty body without a type comes this far.
        let typed = request.headers().contains_key(CONTENT_TYPE);
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|error| Problem::malformed("body-incomplete", error))?;
        if !typed {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "this needs a body of type application/json",
            ));
        }
        parse(&body).map(Self)
    }
}

/// A body that may be left out; `null` is as good as none.
impl<T: DeserializeOwned, S: Send + Sync> OptionalFromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Problem> {
        if request.headers().contains_key(CONTENT_TYPE) {
            let Json(value) =
                <Json<Option<T>> as FromRequest<S>>::from_request(request, state).await?;
            return Ok(value.map(Self));
        }
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|error| Problem::malformed("body-incomplete", error))?;
        if body.is_empty() { Ok(None) } else { parse::<Option<T>>(&body).map(|v| v.map(Self)) }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Nearly every body is right, and is read once; only a wrong one is worth a closer look.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // serde takes a list for a struct, one field after the other. Every body of ours is an object.
    let is_list = body.trim_ascii_start().first() == Some(&b'[');
    match serde_json::from_slice(body) {
        Ok(value) if !is_list => Ok(value),
        _ => Err(fault::<T>(body)),
    }
}

/// All of it must be JSON before any field is judged: broken is 400, wrong is 422.
fn fault<T: DeserializeOwned>(body: &[u8]) -> Problem {
    let text = match std::str::from_utf8(body) {
        Ok(text) => text,
        Err(error) => return broken(error),
    };
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        return broken(error);
    }
    let mut json = serde_json::Deserializer::from_str(text);
    match serde_path_to_error::deserialize::<_, T>(&mut json) {
        Ok(_) => Problem::invalid("", "invalid type: sequence, expected an object"),
        Err(error) => {
            let pointer = pointer(error.path());
            let inner = error.into_inner();
            let text = inner.to_string();
            let place = format!(" at line {} column {}", inner.line(), inner.column());
            named(&pointer, text.strip_suffix(&place).unwrap_or(&text))
        }
    }
}

fn broken(error: impl Display) -> Problem {
    Problem::malformed("malformed", format!("this is not JSON: {error}"))
}

/// RFC 6901.
fn pointer(path: &serde_path_to_error::Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                pointer.push('/');
                pointer.push_str(&escaped(key));
            }
            Segment::Unknown => {}
        }
    }
    pointer
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// serde reports unknown and missing fields at the object around them; we point at the field.
pub(crate) fn named(pointer: &str, detail: &str) -> Problem {
    let field = ["unknown field `", "missing field `", "duplicate field `"]
        .iter()
        .find_map(|start| detail.strip_prefix(start)?.split_once('`'))
        .map(|(field, _)| escaped(field));
    match field {
        Some(field) if pointer.rsplit('/').next() != Some(&field) => {
            Problem::invalid(format!("{pointer}/{field}"), detail)
        }
        _ => Problem::invalid(pointer, detail),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Order {
        items: Vec<Line>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Line {
        quantity: u8,
        #[serde(default)]
        email: Option<domain::Email>,
    }

    fn refused(body: &str) -> (u16, String) {
        let problem = parse::<Order>(body.as_bytes()).expect_err("it is wrong");
        let pointer = problem.errors().first().map(|e| e.pointer.clone()).unwrap_or_default();
        (problem.status().as_u16(), pointer)
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        let cases = [
            (r#"{"items": [{"quantity": 1}, {"quantity": "2"}]}"#, "/items/1/quantity"),
            (r#"{"items": [{"quantity": 256}]}"#, "/items/0/quantity"),
            (r#"{"items": [{"quantity": 1, "email": "x"}]}"#, "/items/0/email"),
            (r#"{"items": [{"quantity": 1, "a/b~": 2}]}"#, "/items/0/a~1b~0"),
            (r#"{"items": [{}]}"#, "/items/0/quantity"),
            (r#"{"items": [], "items": []}"#, "/items"),
            (r#"{"item": []}"#, "/item"),
            ("{}", "/items"),
            (r#"{"items": [{"quantity": 1e400}]}"#, "/items/0/quantity"),
            (r#"{"items": [{"email": "\ud800"}]}"#, "/items/0/email"),
            ("[]", ""),
            ("[[]]", ""),
            ("7", ""),
        ];
        for (body, pointer) in cases {
            assert_eq!(refused(body), (422, pointer.to_owned()), "{body}");
        }
    }

    #[test]
    fn what_is_not_json_is_malformed_even_behind_a_wrong_field() {
        let deep = "[".repeat(100_000);
        for body in
            ["", "{", r#"{"items": 1,}"#, r#"{"items": []} x"#, "{\"items\": \"\u{1}\"}", &deep]
        {
            assert_eq!(refused(body).0, 400, "{}", &body[..body.len().min(40)]);
        }
        for body in [&b"{\"items\": [\"\xff\"]}"[..], b"\xef\xbb\xbf{\"items\": []}"] {
            let problem = parse::<Order>(body).expect_err("it is wrong");
            assert_eq!(problem.status().as_u16(), 400, "{problem}");
        }
    }
}
