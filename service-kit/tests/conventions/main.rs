//! What api.md promises of every answer, over a small application of its own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod denials;
mod errors;
mod serving;
mod site;
mod tokens;
mod world;
