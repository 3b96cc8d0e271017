//! The read side over HTTP, on a real log and with real projections: one module a slice.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod absence;
mod account;
mod activity;
mod analytics;
mod cart;
mod catalogue;
mod comment;
mod conventions;
mod conversation;
mod course;
mod file;
mod leaderboard;
mod like;
mod live;
mod loan;
mod meaning;
mod operations;
mod order;
mod price;
mod rating;
mod recommendation;
mod search;
mod suggest;
mod world;
