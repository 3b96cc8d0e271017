//! Relay and subscriptions against a real Postgres and a real nats-server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contract;
mod outages;
mod relay;
mod stream;
mod world;
