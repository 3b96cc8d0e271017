//! Which model was it? Likings as they were at a position, fitted again. Nothing is kept, and
//! nothing serves.

use domain::model::{Event, Fit, Model};
use eventstore::Log;
use recommender::recipe;
use serde::Serialize;

use super::{STREAM, TrainError, Training, apart, fit, likings};

/// What the log up to a position makes of everybody's likings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proof {
    pub fit: Fit,
    /// SHA-256 of who likes how many of the fitted items together, in hex.
    pub counts_hash: String,
    /// What was put on record for this position, with the same lambda and by the same recipe.
    pub recorded: Option<Fit>,
}

impl Proof {
    /// Whether these are the likings, and this the model, that are on record.
    pub fn is_as_recorded(&self) -> Option<bool> {
        let hashes = |fit: &Fit| (fit.item_order_hash.clone(), fit.model_hash.clone());
        self.recorded.as_ref().map(|recorded| hashes(recorded) == hashes(&self.fit))
    }
}

/// Fits the tables of `features` in `schema`, which know the log up to `position`, and no more of
/// it. Without a lambda, by that of the fit on record, or else by the usual one. None if nobody
/// liked anything then.
pub async fn prove(
    log: &Log,
    schema: &str,
    position: i64,
    lambda: Option<f64>,
    usual: Training,
) -> Result<Option<Proof>, TrainError> {
    let recorded = recorded(log, position, lambda).await?;
    let lambda = lambda.or(recorded.as_ref().map(|fit| fit.lambda)).unwrap_or(usual.lambda);
    let mut connection = log.pool().acquire().await?;
    let likings = likings::read_from(schema, position, &mut connection).await?;
    drop(connection);
    if likings.histories.people() == 0 {
        return Ok(None);
    }
    apart(move || {
        let counts_hash = fit::counts_hash(&likings);
        let fit = fit::fit(&likings, None, Training { lambda, ..usual })?.fit;
        Ok(Some(Proof { fit, counts_hash, recorded }))
    })
    .await
}

/// The newest fit of a position by today's recipe, whether it was taken or rejected.
async fn recorded(
    log: &Log,
    position: i64,
    lambda: Option<f64>,
) -> Result<Option<Fit>, TrainError> {
    let mut fits = log.events_of::<Model>(STREAM).await?.into_iter().map(|event| match event {
        Event::ModelTrained { fit, .. } | Event::ModelRejected { fit, .. } => fit,
    });
    let is_meant = |fit: &Fit| {
        (fit.position, fit.recipe) == (position, recipe::VERSION)
            && lambda.is_none_or(|lambda| fit.lambda == lambda)
    };
    Ok(fits.rfind(is_meant))
}
