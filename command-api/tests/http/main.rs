//! The write side over HTTP, on a real log: one module a slice.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod account;
mod registration;
mod session;
mod world;
