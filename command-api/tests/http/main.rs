//! The write side over HTTP, on a real log: one module a slice.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod account;
mod api_key;
mod book;
mod cart;
mod comment;
mod course;
mod enrollment;
mod export;
mod file;
mod follow;
mod like;
mod loan;
mod operations;
mod order;
mod password_reset;
mod product;
mod rating;
mod registration;
mod session;
mod stock;
mod world;
