//! Which bytes of a file are asked for (RFC 9110, section 14).

use std::ops::Range;

use axum::http::HeaderMap;
use axum::http::header::{IF_RANGE, RANGE};

/// What is sent of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Whole,
    Some(Range<u64>),
    /// Nothing that is asked for is there.
    None,
}

/// A header that is no range, asks for several, or is about another version, is passed over: RFC 9110
/// leaves that to us.
pub fn asked(headers: &HeaderMap, tag: &str, size: u64) -> Part {
    let is_other = headers.get(IF_RANGE).is_some_and(|known| known != tag);
    let range = headers.get(RANGE).filter(|_| !is_other).and_then(|value| value.to_str().ok());
    range.map_or(Part::Whole, |range| parsed(range, size))
}

fn parsed(range: &str, size: u64) -> Part {
    let Some((first, last)) =
        range.strip_prefix("bytes=").and_then(|set| set.trim().split_once('-'))
    else {
        return Part::Whole;
    };
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // More than any number is more than any size.
        is_number.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let (start, end) = match (first, number(first), number(last)) {
        ("", _, Some(suffix)) => (size.saturating_sub(suffix), if suffix == 0 { 0 } else { size }),
        (_, Some(start), None) if last.is_empty() => (start, size),
        (_, Some(start), Some(last)) if start <= last => (start, size.min(last.saturating_add(1))),
        _ => return Part::Whole,
    };
    if start < end { Part::Some(start..end) } else { Part::None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_counts_from_either_end_and_ends_with_the_file() {
        for (range, part) in [
            ("bytes=0-0", Part::Some(0..1)),
            ("bytes=2-4", Part::Some(2..5)),
            ("bytes=2-", Part::Some(2..10)),
            ("bytes=2-99", Part::Some(2..10)),
            ("bytes=9-99999999999999999999999", Part::Some(9..10)),
            ("bytes=-3", Part::Some(7..10)),
            ("bytes=-99", Part::Some(0..10)),
            ("bytes=10-", Part::None),
            ("bytes=99999999999999999999999-", Part::None),
            ("bytes=-0", Part::None),
        ] {
            assert_eq!(parsed(range, 10), part, "{range}");
        }
    }

    #[test]
    fn what_is_no_range_is_passed_over() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=4-2",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=0-1,3-4",
            "lines=1-2",
        ] {
            assert_eq!(parsed(range, 10), Part::Whole, "{range}");
        }
    }

    #[test]
    fn who_has_another_version_gets_all_of_this_one() {
        let headers = |known: &str| {
            HeaderMap::from_iter([
                (RANGE, "bytes=0-1".parse().expect("a header value")),
                (IF_RANGE, known.parse().expect("a header value")),
            ])
        };
        assert_eq!(asked(&headers("\"a\""), "\"a\"", 10), Part::Some(0..2));
        assert_eq!(asked(&headers("\"b\""), "\"a\"", 10), Part::Whole);
        assert_eq!(asked(&HeaderMap::new(), "\"a\"", 10), Part::Whole);
    }
}
