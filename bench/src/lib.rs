//! What Daybook costs, measured beside what people would take instead.
//!
//! Machines differ and are noisy, so every figure is a ratio to a reference measured in the same
//! run: ours and the references alternate, round by round, and medians are compared. A benchmark
//! reports; it never passes or fails.

mod append;
mod chaos;
mod cli;
mod command;
mod committers;
mod copy;
mod database;
mod designs;
mod feed;
mod history;
mod hot_stream;
mod http;
mod postgres_es;
mod query;
mod raters;
mod rating;
mod rebuild;
mod reco;
mod reference;
mod relay;
mod report;
mod rounds;
mod system;
mod visible;

pub use cli::Bench;
pub use database::{Database, Server};
pub use report::{Goal, Latency, Machine, Report, Round};
pub use rounds::{Contender, Options, alternate};
