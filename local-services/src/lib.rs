//! Real Postgres and NATS for a laptop, a test or a demo.
//!
//! [`start`] gives servers of the data directory's own: the machine's programs where there are
//! any, else fetched ones. They listen where only this user gets to, and never outlive the
//! process: not a return, not Ctrl-C, not `kill -9`. With `DATABASE_URL` and `NATS_URL` set, the
//! callers of this crate start nothing.

mod child;
mod data_dir;
mod error;
mod fetch;
mod find;
mod nats;
mod os;
mod pip;
mod postgres;
mod predecessor;
mod services;
mod sql;
pub mod testing;
mod user;

pub use child::spawn_bound_to_us;
pub use data_dir::{Attached, attach};
pub use error::Error;
pub use fetch::text_model;
pub use find::PostgresSource;
pub use os::{Signal, disk_free, signal};
pub use pip::python_packages;
pub use services::{Options, Services, start};
