//! Fits what is recommended to what people like, one at a time, and offers the fit to the log.
//!
//! The weights are kept first and serve once the log says so; what a crash leaves undone between
//! the two is done at the next look. Losing the table costs one fit. Whoever is erased is in no
//! weights once the next look has fitted without them, or has found too few others to fit.

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
/// After a failure it waits twice as long each time, at most so long: a fit takes minutes.
const LOOK_AGAIN_MAX: Duration = Duration::from_secs(3600);
/// The key of the advisory lock that makes it one at a time.
const TURN: i64 = 0x6461_7962_6f6f_6b52;

/// How a fit is made, and when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Training {
    pub lambda: f64,
    pub people_min: usize,
    /// So many events later it is time for the next fit; 0: never, but to forget somebody.
    pub after: u32,
    /// So long it lasts at least.
    pub every: Duration,
}

impl Default for Training {
    fn default() -> Self {
        let every = Duration::from_secs(3600);
        Self { lambda: recommender::recipe::LAMBDA, people_min: PEOPLE_MIN, after: 500, every }
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

impl Trained {
    /// What was fitted.
    fn fit(&self) -> Option<&Fit> {
        match self {
            Self::Serves(fit) | Self::Rejected(fit) | Self::Known(fit) => Some(fit),
            Self::Busy | Self::Nothing(_) => None,
        }
    }
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

/// Fits again and again until shutdown, whenever enough has happened or somebody was erased. Any
/// number of programs may: one fits at a time.
pub async fn keep_training(log: Log, training: Training, shutdown: CancellationToken) {
    let look_every = training.every.clamp(LOOK_EVERY_MIN, LOOK_EVERY_MAX);
    let (mut trainer, mut failures) = (Trainer::new(log, training), 0);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(pause(look_every, failures)) => {}
        }
        let looked = tokio::select! {
            () = shutdown.cancelled() => return,
            looked = trainer.look() => looked,
        };
        match looked {
            Ok(trained) => {
                failures = 0;
                if let Some(trained) = trained.filter(|it| it.fit().is_some()) {
                    tracing::info!(?trained, "fitted what is recommended: {trained:?}");
                }
            }
            Err(error) => {
                failures += 1;
                tracing::error!(%error, "what is recommended is not fitted: {error}");
            }
        }
    }
}

/// How long until the next look.
fn pause(look_every: Duration, failures: u32) -> Duration {
    look_every.saturating_mul(1 << failures.min(16)).min(LOOK_AGAIN_MAX.max(look_every))
}

/// Whoever looks again and again whether it is time.
pub(crate) struct Trainer {
    log: Log,
    training: Training,
    /// The position of what was fitted last, and when.
    fitted: Option<(i64, Instant)>,
}

impl Trainer {
    pub(crate) fn new(log: Log, training: Training) -> Self {
        Self { log, training, fitted: None }
    }

    /// Serves what the log says, whatever a crash left undone, and fits if it is time. None if it is
    /// not.
    pub(crate) async fn look(&mut self) -> Result<Option<Trained>, TrainError> {
        let looking = async {
            let serving = as_recorded(&self.log).await?;
            let is_lost = serving.is_some_and(|serving| !serving.is_there);
            match self.is_time(is_lost).await? {
                true => fit_and_offer(&self.log, self.training).await.map(Some),
                false => Ok(None),
            }
        };
        let trained = in_turn(&self.log, looking).await?.unwrap_or(Some(Trained::Busy));
        if let Some(fit) = trained.as_ref().and_then(Trained::fit) {
            self.fitted = Some((fit.position, Instant::now()));
        }
        Ok(trained)
    }

    /// What was rejected or changed nothing is not fitted again either, and what is lost is.
    async fn is_time(&self, is_lost: bool) -> Result<bool, TrainError> {
        let model = self.log.load::<Model>(STREAM).await?.state;
        let mut connection = self.log.pool().acquire().await?;
        let Some(position) = likings::position(&mut connection).await? else { return Ok(false) };
        if forgets(&model, likings::erased(position, &mut connection).await?) {
            return Ok(true);
        }
        let known = self.fitted.map_or(0, |(position, _)| position).max(model.position());
        let rests = self.fitted.is_some_and(|(_, when)| when.elapsed() < self.training.every);
        let is_due = position >= known + i64::from(self.training.after);
        Ok(self.training.after > 0 && !rests && (is_due || is_lost))
    }
}

/// Whether what serves knows somebody who was erased since.
fn forgets(model: &Model, erased: Option<i64>) -> bool {
    model.serving().is_some() && erased.is_some_and(|erased| erased > model.position())
}

/// Fits once.
pub async fn train(log: &Log, training: Training) -> Result<Trained, TrainError> {
    let trained = in_turn(log, fit_and_offer(log, training)).await?;
    Ok(trained.unwrap_or(Trained::Busy))
}

/// None where somebody else is fitting.
async fn in_turn<T>(
    log: &Log,
    work: impl Future<Output = Result<T, TrainError>>,
) -> Result<Option<T>, TrainError> {
    let Some(turn) = Turn::try_take(log.pool(), TURN).await? else { return Ok(None) };
    let done = work.await;
    turn.end().await?;
    done.map(Some)
}

async fn fit_and_offer(log: &Log, training: Training) -> Result<Trained, TrainError> {
    let serving = as_recorded(log).await?;
    let Some(likings) = likings::read(log.pool()).await? else {
        return Ok(Trained::Nothing("the read model features is still being built"));
    };
    let model = log.load::<Model>(STREAM).await?.state;
    let forgets = forgets(&model, likings.erased);
    if likings.histories.people() < training.people_min.max(1) {
        if let Some(erased) = likings.erased {
            kept::forget(log.pool(), erased).await?;
        }
        return Ok(Trained::Nothing("too few people like anything"));
    }
    let beside = match &serving {
        Some(serving) => kept::read(log.pool(), &serving.hash).await?,
        None => None,
    };
    let (likings, fitted) = apart(move || {
        let fitted = fit::fit(&likings, beside, training)?;
        Ok((likings, fitted))
    })
    .await?;
    kept::keep(log.pool(), &likings, &fitted).await?;
    let fit = fitted.fit;
    let now = Utc::now().duration_trunc(TimeDelta::microseconds(1)).unwrap_or_default();
    let key = format!("fit:{}:{}", fit.position, fit.model_hash);
    let context = Context::system("process:trainer", key, now);
    let offer = Command::Offer { fit: fit.clone(), forgets, at: now };
    let receipt = log.execute::<Model>(STREAM, offer, &context).await?;
    let serves = as_recorded(log).await?.is_some_and(|serving| serving.hash == fit.model_hash);
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

/// What the log says serves.
struct Serving {
    hash: String,
    /// Not lost.
    is_there: bool,
}

/// Whatever happened before: the weights that the log says serve do, if there are any.
async fn as_recorded(log: &Log) -> Result<Option<Serving>, TrainError> {
    let model = log.load::<Model>(STREAM).await?;
    let Some(hash) = model.state.serving().map(str::to_owned) else { return Ok(None) };
    let is_there = kept::serve(log.pool(), &hash).await?;
    Ok(Some(Serving { hash, is_there }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fails_looks_less_and_less_often_but_every_hour() {
        let minute = Duration::from_secs(60);
        let minutes = |failures| pause(minute, failures).as_secs() / 60;
        assert_eq!([0, 1, 2, 5, 6, 40].map(minutes), [1, 2, 4, 32, 60, 60]);
    }
}
