//! W3C trace context: which trace a request belongs to.

use std::fmt::{self, Display};

use axum::http::HeaderMap;

use crate::header::TRACEPARENT;

/// The trace of one request and our span in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    id: u128,
    span: u64,
}

impl Trace {
    /// Goes on with the caller's trace, or begins one if there is none or it is not valid.
    pub fn of(headers: &HeaderMap) -> Self {
        let id = headers
            .get(TRACEPARENT)
            .and_then(|value| value.to_str().ok())
            .and_then(parent_trace)
            .unwrap_or_else(|| not_zero(rand::random()));
        Self { id, span: not_zero_span(rand::random()) }
    }

    /// 32 lower-case hex digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.id)
    }
}

/// The `traceparent` that our own messages and events carry.
impl Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-01", self.id, self.span)
    }
}

/// The trace id of `version-trace-parent-flags`. Later versions may append fields.
fn parent_trace(text: &str) -> Option<u128> {
    let mut parts = text.trim().split('-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let well_formed = is_hex(version, 2) && is_hex(trace, 32) && is_hex(parent, 16);
    if !well_formed || !is_hex(flags, 2) || version == "ff" {
        return None;
    }
    if version == "00" && parts.next().is_some() {
        return None;
    }
    let parent = u64::from_str_radix(parent, 16).ok()?;
    let id = u128::from_str_radix(trace, 16).ok()?;
    (id != 0 && parent != 0).then_some(id)
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn not_zero(id: u128) -> u128 {
    id.max(1)
}

fn not_zero_span(id: u64) -> u64 {
    id.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn trace(parent: &str) -> Trace {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, parent.parse().expect("a header value"));
        Trace::of(&headers)
    }

    #[test]
    fn a_request_goes_on_with_its_callers_trace_in_a_span_of_its_own() {
        let trace = trace(PARENT);
        assert_eq!(trace.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_ne!(trace.to_string(), PARENT);
    }

    #[test]
    fn a_traceparent_that_is_not_valid_is_ignored() {
        for bad in [
            "",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        ] {
            assert_eq!(parent_trace(bad), None, "{bad}");
        }
    }
}
