//! The write side over HTTP: POST, PUT, PATCH, DELETE.
//!
//! Each slice is a module with its routes and its commands as plain functions, which the HTTP
//! handlers, the processes and the imports call alike.

pub mod account;
pub mod session;

mod app;
mod credentials;
mod password;

pub use app::{App, housekeeping, router};
pub use password::{Password, PasswordError, Passwords};
