//! The promises of the projections' runtime, on a real Postgres.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod blue_green;
mod everything;
mod exactly_once;
mod house;
mod parking;
mod silence;
mod tally;
mod trouble;
mod verifying;
