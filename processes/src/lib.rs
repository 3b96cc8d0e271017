//! Reacts to events with commands: durable workflows.
//!
//! A process is an event-sourced state machine. What it does in answer to an event are commands
//! whose ids are made of the event's position and the step, so that whatever is done again after a
//! crash finds its own answer in the log. Its checkpoint is the position below which everything is
//! finished; instances above it run concurrently. An instance that cannot go on is parked: see
//! [`parked`].

mod cause;
mod checkpoint;
mod export;
mod failure;
mod fulfilment;
mod instances;
mod lanes;
mod notification;
mod parking;
mod process;
mod reaction;
mod runner;

#[cfg(test)]
mod tests;

use eventstore::{Feed, Log};
use tokio_util::sync::CancellationToken;

pub use notification::{Letter, Mail, MailError, Mailer};
pub use parking::{Parked, parked};

/// Runs every process until shutdown. Any number of programs may: of each process one is active.
pub async fn run(log: Log, feed: Feed, mail: Option<Mail>, shutdown: CancellationToken) {
    let running = process::all(mail)
        .into_iter()
        .map(|process| runner::run(process, log.clone(), feed.clone(), shutdown.clone()));
    futures::future::join_all(running).await;
}
