//! Fits what is recommended to what people like, one at a time, and offers the fit to the log.
//!
//! The weights are kept first and serve once the log says so; what a crash leaves undone between
//! the two is done by the next fit. Losing the table costs one fit.

mod fit;
mod kept;
mod likings;
mod proof;

use std::time::{Duration, Instant};

use chrono::{DurationRound, TimeDelta, Utc};
use domain::model::{Command, Fit, Model};
use eventstore::{Context, ExecuteError, Log, StoreError};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::turn::Turn;

pub use proof::{Proof, prove};

/// There is one model, of everything people like.
const STREAM: &str = "likings";
/// With fewer people a fit says less than counting does; on request it is made all the same.
const PEOPLE_MIN: usize = 100;
/// How often it is looked whether enough has happened: as often as fits may be, within these.
const LOOK_EVERY_MIN: Duration = Duration::from_secs(1);
const LOOK_EVERY_MAX: Duration = Duration::from_secs(60);
/// The key of the advisory lock that makes it one at a time.
const TURN: i64 = 0x6461_7962_6f6f_6b52;

/// How a fit is made, and when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Training {
    pub lambda: f64,
    pub people_min: usize,
    /// So many events later it is time for the next fit; 0: never.
    pub after: u32,
    /// So long it lasts at least.
    pub every: Duration,
}

impl Default for Training {
    fn default() -> Self {
        let every = Duration::from_secs(3600);
        Self { lambda: 200.0, people_min: PEOPLE_MIN, after: 500, every }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Trained {
    /// Somebody else is fitting.
    Busy,
    /// Nothing was fitted, for this reason.
    Nothing(&'static str),
    /// It serves.
    Serves(Fit),
    /// It did clearly worse than the one that goes on serving.
    Rejected(Fit),
    /// It knows no more than the one that serves.
    Known(Fit),
}

#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the fit could not be offered: {0}")]
    Offer(#[from] ExecuteError<domain::model::Refusal>),
    #[error(transparent)]
    NotFitted(#[from] recommender::ease::NotFitted),
    #[error(transparent)]
    NotKept(#[from] recommender::Unreadable),
    #[error(transparent)]
    NoThread(#[from] std::io::Error),
    #[error("the fit broke off")]
    BrokeOff,
}

/// Fits again and again until shutdown, whenever enough has happened. Any number of programs may:
/// one fits at a time.
pub async fn keep_training(log: Log, training: Training, shutdown: CancellationToken) {
    if training.after == 0 {
        return shutdown.cancelled().await;
    }
    let look_every = training.every.clamp(LOOK_EVERY_MIN, LOOK_EVERY_MAX);
    let mut fitted: Option<(i64, Instant)> = None;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(look_every) => {}
        }
        if fitted.is_some_and(|(_, when)| when.elapsed() < training.every) {
            continue;
        }
        let turn = async {
            let due = due(&log, training, fitted.map(|(position, _)| position)).await?;
            let Some(position) = due else { return Ok(None) };
            train(&log, training).await.map(|trained| Some((position, trained)))
        };
        let trained = tokio::select! {
            () = shutdown.cancelled() => return,
            trained = turn => trained,
        };
        match trained {
            Ok(None) => {}
            Ok(Some((position, trained))) => {
                fitted = Some((position, Instant::now()));
                tracing::info!(?trained, "fitted what is recommended: {trained:?}");
            }
            Err(error) => tracing::error!(%error, "what is recommended is not fitted: {error}"),
        }
    }
}

/// The position of the read model, if it is far enough past what was fitted last. What was rejected
/// or changed nothing is not fitted again either.
async fn due(
    log: &Log,
    training: Training,
    fitted: Option<i64>,
) -> Result<Option<i64>, TrainError> {
    let known = log.load::<Model>(STREAM).await?.state.position().max(fitted.unwrap_or_default());
    let position = likings::position(&mut *log.pool().acquire().await?).await?;
    Ok(position.filter(|position| *position >= known + i64::from(training.after)))
}

/// Fits once.
pub async fn train(log: &Log, training: Training) -> Result<Trained, TrainError> {
    let Some(turn) = Turn::try_take(log.pool(), TURN).await? else { return Ok(Trained::Busy) };
    let outcome = fit_and_offer(log, training).await;
    turn.end().await?;
    outcome
}

async fn fit_and_offer(log: &Log, training: Training) -> Result<Trained, TrainError> {
    as_recorded(log).await?;
    let Some(likings) = likings::read(log.pool()).await? else {
        return Ok(Trained::Nothing("the read model features is still being built"));
    };
    if likings.histories.people() < training.people_min.max(1) {
        return Ok(Trained::Nothing("too few people like anything"));
    }
    let (likings, fitted) = apart(move || {
        let fitted = fit::fit(&likings, training)?;
        Ok((likings, fitted))
    })
    .await?;
    kept::keep(log.pool(), &likings, &fitted).await?;
    let fit = fitted.fit;
    let now = Utc::now().duration_trunc(TimeDelta::microseconds(1)).unwrap_or_default();
    let key = format!("fit:{}:{}", fit.position, fit.model_hash);
    let context = Context::system("process:trainer", key, now);
    let offer = Command::Offer { fit: fit.clone(), at: now };
    let receipt = log.execute::<Model>(STREAM, offer, &context).await?;
    let serves = as_recorded(log).await?.as_ref() == Some(&fit.model_hash);
    // The same fit at the same position is the same command: it is answered as it was then.
    let is_known = receipt.unchanged || (serves && receipt.replayed);
    Ok(match serves {
        _ if is_known => Trained::Known(fit),
        true => Trained::Serves(fit),
        false => Trained::Rejected(fit),
    })
}

/// Works in a thread of its own: a program that is told to stop does not wait for it.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TrainError> + Send + 'static,
) -> Result<T, TrainError> {
    let (done, worked) = oneshot::channel();
    std::thread::Builder::new().name("fit".to_owned()).spawn(move || drop(done.send(work())))?;
    worked.await.map_err(|_| TrainError::BrokeOff)?
}

/// Whatever happened before: the weights that the log says serve do. Their hash.
async fn as_recorded(log: &Log) -> Result<Option<String>, TrainError> {
    let model = log.load::<Model>(STREAM).await?;
    let serving = model.state.serving().map(str::to_owned);
    if let Some(hash) = &serving {
        kept::serve(log.pool(), hash).await?;
    }
    Ok(serving)
}
