//! JSON bodies, query strings and path parameters whose errors name the field.

use std::error::Error;

use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{
    FromRequest, FromRequestParts, MatchedPath, OptionalFromRequest, RawPathParams, Request,
};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
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

/// A body that may be left out.
impl<T: DeserializeOwned, S: Send + Sync> OptionalFromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Problem> {
        if request.headers().contains_key(CONTENT_TYPE) {
            return <Self as FromRequest<S>>::from_request(request, state).await.map(Some);
        }
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|error| Problem::malformed("body-incomplete", error))?;
        if body.is_empty() { Ok(None) } else { parse(&body).map(|value| Some(Self(value))) }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // All of it must be JSON before any field is judged: broken is 400, wrong is 422.
    serde_json::from_slice::<IgnoredAny>(body)
        .map_err(|error| Problem::malformed("malformed", format!("this is not JSON: {error}")))?;
    let mut json = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let pointer = pointer(error.path());
        let inner = error.into_inner();
        let text = inner.to_string();
        if !inner.is_data() {
            return Problem::malformed("malformed", format!("this is not JSON: {text}"));
        }
        let place = format!(" at line {} column {}", inner.line(), inner.column());
        named(&pointer, text.strip_suffix(&place).unwrap_or(&text))
    })
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
fn named(pointer: &str, detail: &str) -> Problem {
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

/// A query string; its fields are pointed at as `/query/<name>`.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        refuse_nul_in_query(&parts.uri)?;
        match axum::extract::Query::<T>::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(rejection) => {
                let text = rejection.source().map(ToString::to_string).unwrap_or_default();
                let (path, detail) = match text.split_once(": ") {
                    Some((path, detail)) if !path.contains(' ') => (format!("/{path}"), detail),
                    _ => (String::new(), text.as_str()),
                };
                Err(named(&format!("/query{path}"), detail))
            }
        }
    }
}

/// U+0000 as it stands in a URL.
const NUL: &str = "%00";
const NO_NUL: &str = "U+0000 is not allowed in text";

/// Postgres has no text with U+0000; a query must not find that out.
fn refuse_nul_in_query(uri: &Uri) -> Result<(), Problem> {
    if !uri.query().is_some_and(|query| query.contains(NUL)) {
        return Ok(());
    }
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri);
    let pairs = pairs.map_or_else(|_| Vec::new(), |axum::extract::Query(pairs)| pairs);
    let named = pairs.iter().find(|(_, value)| value.contains('\0'));
    let pointer = named.map_or("/query".to_owned(), |(name, _)| format!("/query/{name}"));
    Err(Problem::invalid(pointer, NO_NUL))
}

async fn refuse_nul_in_path(parts: &mut Parts) -> Result<(), Problem> {
    if !parts.uri.path().contains(NUL) {
        return Ok(());
    }
    let parameters = RawPathParams::from_request_parts(parts, &()).await.ok();
    let named = parameters.iter().flatten().find(|(_, value)| value.contains('\0'));
    let pointer = named.map_or("/path".to_owned(), |(name, _)| format!("/path/{name}"));
    Err(Problem::invalid(pointer, NO_NUL))
}

/// Path parameters; pointed at as `/path/<name>`.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        use axum::extract::path::ErrorKind;
        refuse_nul_in_path(parts).await?;
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(path)) => Ok(Self(path)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => {
                Err(match error.into_kind() {
                    ErrorKind::ParseErrorAtKey { key, value, expected_type } => Problem::invalid(
                        format!("/path/{key}"),
                        format!("`{value}` is not a valid {expected_type}"),
                    ),
                    ErrorKind::DeserializeError { key, message, .. } => {
                        Problem::invalid(format!("/path/{key}"), message)
                    }
                    ErrorKind::ParseErrorAtIndex { index, value, expected_type } => {
                        Problem::invalid(
                            format!("/path/{}", nth_parameter(parts, index)),
                            format!("`{value}` is not a valid {expected_type}"),
                        )
                    }
                    ErrorKind::InvalidUtf8InPathParam { key } => {
                        Problem::invalid(format!("/path/{key}"), "not valid UTF-8")
                    }
                    ErrorKind::Message(message) => {
                        Problem::invalid(unknown_variant(parts, &message).await, message)
                    }
                    other => Problem::invalid("/path", other),
                })
            }
            Err(other) => Err(Problem::internal(other)),
        }
    }
}

/// axum forgets which parameter is not a variant of its enum; the message has only the value.
async fn unknown_variant(parts: &mut Parts, message: &str) -> String {
    let value = message.strip_prefix("unknown variant `").and_then(|m| m.split('`').next());
    let parameters = RawPathParams::from_request_parts(parts, &()).await.ok();
    let named = parameters
        .iter()
        .flatten()
        .find_map(|(name, given)| (Some(given) == value).then(|| format!("/path/{name}")));
    named.unwrap_or_else(|| "/path".to_owned())
}

/// The name of a parameter that was taken by its place.
fn nth_parameter(parts: &Parts, index: usize) -> String {
    let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let mut names = route.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    names.nth(index).map_or_else(|| index.to_string(), str::to_owned)
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
            ("[]", ""),
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
    }
}
