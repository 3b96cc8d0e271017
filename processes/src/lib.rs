//! Reacts to events with commands: durable workflows.
//!
//! A process is an event-sourced state machine. What it does in answer to an event are commands
//! whose ids are made of the event's position and the step, so that whatever is done again after a
//! crash finds its own answer in the log. Its checkpoint is the position below which everything is
//! finished; instances above it run concurrently. An instance that cannot go on is parked: see
//! [`parked`].

mod assistant;
mod cause;
mod chat;
mod checkpoint;
mod completion;
mod embedding;
mod export;
mod extraction;
mod failure;
mod fulfilment;
mod gauges;
mod instances;
mod lanes;
mod notification;
mod outgoing;
mod parking;
mod payment;
mod process;
mod publication;
mod reaction;
mod reading;
mod requests;
mod retry;
mod runner;
mod running;
mod status;
mod steps;
pub mod texts;
mod trainer;
mod turn;
pub mod vectors;
mod weekly;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use eventstore::{Feed, Log};
use reading::Reading;
use tokio_util::sync::CancellationToken;

pub use chat::{ChatModel, ChatModelError};
pub use extraction::{Extractor, Unreadable, read_apart};
pub use notification::{HttpSms, Letter, MailError, Mailer};
pub use outgoing::{Address, AddressError};
pub use parking::{Parked, parked};
pub use payment::{Due, HttpPayment, NoPaymentNeeded, PaymentError, PaymentProvider, Verdict};
pub use process::Providers;
pub use requests::{RequestError, known, parked_at, retry};
pub use status::{Instance, InstanceState, ProcessStatus, instances, status};
pub use steps::{Outcome, Reaction, Step, Steps, steps};
pub use trainer::{Proof, TrainError, Trained, Training, keep_training, prove, train};
pub use weekly::{ListError, Listed, bayesian_average, fix_lists, keep_lists};

/// Runs every process until shutdown. Any number of programs may: of each process one is active.
pub async fn run(log: Log, feed: Feed, providers: Providers, shutdown: CancellationToken) {
    let gauges = gauges::publish(log.pool(), &shutdown);
    let (model, extractor) = (providers.text_model.clone(), providers.extractor.clone());
    let (pool, vectors) = (log.pool().clone(), providers.vectors.clone());
    let embedding = texts::keep_embedding(pool, model.clone(), vectors, shutdown.clone());
    let reading = Arc::new(Reading::with(model, extractor));
    let keeping = reading::keep(&log, &reading, &shutdown);
    let running = process::all(providers, Arc::clone(&reading))
        .into_iter()
        .map(|process| runner::run(process, log.clone(), feed.clone(), shutdown.clone()));
    tokio::join!(gauges, embedding, keeping, futures::future::join_all(running));
}
