//! The write side over HTTP: POST, PUT, PATCH, DELETE.
//!
//! Each slice is a module with its routes and its commands as plain functions, which the HTTP
//! handlers, the processes and the imports call alike.

pub mod account;
pub mod book;
pub mod cart;
pub mod comment;
pub mod conversation;
pub mod course;
pub mod dismissal;
pub mod enrollment;
pub mod export;
pub mod file;
pub mod follow;
pub mod like;
pub mod loan;
pub mod operations;
pub mod order;
pub mod product;
pub mod rating;
pub mod session;
pub mod shelf;
pub mod stock;

mod app;
mod credentials;
mod item;
mod password;

pub use app::{App, housekeeping, router, sweep};
pub use password::{Password, PasswordError, Passwords};
