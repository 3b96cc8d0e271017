//! Query strings and path parameters whose errors name the parameter.

use std::error::Error;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, MatchedPath, RawPathParams};
use axum::http::Uri;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::Problem;
use crate::json::named;
use crate::page::CURSOR_CHARS_MAX;

/// A query string; its fields are pointed at as `/query/<name>`.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        readable(&parts.uri)?;
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

/// The longest text in a query or a path. A title has half of this, and fifty items fit.
pub(crate) const TEXT_CHARS_MAX: usize = 4_000;

/// axum takes what is no UTF-8 for U+FFFD and a `%` without digits for itself; and Postgres has no
/// text with U+0000, which a query must not find out.
fn readable(uri: &Uri) -> Result<(), Problem> {
    for pair in uri.query().unwrap_or_default().split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let most = if name == "cursor" { CURSOR_CHARS_MAX } else { TEXT_CHARS_MAX };
        let fault = match unescaped(name).and_then(|_| unescaped(value)) {
            Err(fault) => fault.to_owned(),
            Ok(chars) if chars > most => too_long(most),
            Ok(_) => continue,
        };
        return Err(Problem::invalid(format!("/query/{name}"), fault));
    }
    Ok(())
}

const NO_NUL: &str = "U+0000 is not allowed in text";

fn too_long(most: usize) -> String {
    format!("must have at most {most} characters")
}

/// How many characters it has.
fn unescaped(text: &str) -> Result<usize, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend(parts.next().unwrap_or_default().bytes());
    for part in parts {
        let byte = part.get(..2).filter(|digits| digits.bytes().all(|d| d.is_ascii_hexdigit()));
        let byte = byte.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.ok_or("% is not followed by two hexadecimal digits")?);
        bytes.extend(part.bytes().skip(2));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| "not valid UTF-8")?;
    if text.contains('\0') { Err(NO_NUL) } else { Ok(text.chars().count()) }
}

async fn writable(parts: &mut Parts) -> Result<(), Problem> {
    let path = parts.uri.path();
    if path.len() <= TEXT_CHARS_MAX && !path.contains("%00") {
        return Ok(());
    }
    let parameters = RawPathParams::from_request_parts(parts, &()).await.ok();
    for (name, value) in parameters.iter().flatten() {
        let pointer = format!("/path/{name}");
        if value.contains('\0') {
            return Err(Problem::invalid(pointer, NO_NUL));
        }
        if value.chars().count() > TEXT_CHARS_MAX {
            return Err(Problem::invalid(pointer, too_long(TEXT_CHARS_MAX)));
        }
    }
    Ok(())
}

/// Path parameters; pointed at as `/path/<name>`.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        use axum::extract::path::ErrorKind;
        writable(parts).await?;
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
    use super::*;

    #[test]
    fn what_cannot_be_read_is_not_guessed() {
        for (good, chars) in [("", 0), ("a", 1), ("a+b", 3), ("%C3%A9", 1), ("100%25", 4)] {
            assert_eq!(unescaped(good), Ok(chars), "{good}");
        }
        for bad in ["%", "%z", "%zz", "%+1", "a%0", "%ff", "%c3%28", "%00", "%\u{e9}"] {
            assert!(unescaped(bad).is_err(), "{bad}");
        }
        let uri = Uri::from_static("/books?sort=title&q=%ff");
        let problem = readable(&uri).expect_err("q is not UTF-8");
        assert_eq!(problem.errors()[0].pointer, "/query/q");
    }
}
