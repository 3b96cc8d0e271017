//! Files that must not be taken in.

use super::attempts::Attempt;
use super::description::Operation;
use super::json::Expected;

/// Of another type than is taken, or than is said. How much is too much is in tests/file.rs.
pub fn wrong_uploads(operation: &Operation, good: &Attempt) -> Vec<Attempt> {
    let all =
        ["application/json", "text/plain", "multipart/form-data", "image/*", "x", "", "\u{ff}"];
    let mut all: Vec<Attempt> = all
        .into_iter()
        .map(|kind| good.with_header("content-type", &[kind.as_bytes()], Expected::Status(415)))
        .collect();
    all.push(good.with_header("content-type", &[], Expected::Status(415)));
    all.extend(operation.uploads.iter().flat_map(|kind| {
        let typed = good.with_header("content-type", &[kind.as_bytes()], Expected::Status(415));
        [("nothing", &b""[..]), ("zeros", &[0; 2000][..]), ("not text", &b"\xff\xfe"[..])].map(
            |(what, body)| {
                // That nothing is nothing is seen before it could be anything.
                let expected =
                    if body.is_empty() { Expected::Status(422) } else { Expected::Status(415) };
                Attempt {
                    what: format!("{kind} is {what}"),
                    body: body.to_vec(),
                    expected,
                    ..typed.clone()
                }
            },
        )
    }));
    all
}
