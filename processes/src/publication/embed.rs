//! The step that makes a vector of each passage, once.

use std::sync::Arc;
use std::time::Duration;

use domain::publication::{Fingerprint, Outcome};
use retrieval::{Embedder, ModelState};
use tokio::time::{Instant, sleep};

use super::Work;
use super::progress::Progress;
use super::steps::Done;
use crate::embedding::{BATCH, distinct};
use crate::failure::Failure;
use crate::retry::RETRIES;

/// How long one attempt waits for the model, and how often it looks.
const MODEL_WAIT_MAX: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(25);

pub(super) async fn embed(work: &Work<'_>, attempt: u32) -> Result<Done, Failure> {
    let passages = distinct(work.passages().await?);
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let outcome = match model(work, attempt).await? {
        Ok(embedder) => {
            let model = Fingerprint::try_from(embedder.hash().to_owned());
            let model = Some(model.map_err(Failure::lasting)?);
            let mut progress = Progress::new(work, "embed", passages.len());
            let mut done = 0;
            for batch in passages.chunks(BATCH) {
                work.reading.embed(work.log, &embedder, batch).await?;
                done += batch.len();
                progress.reached(done).await?;
            }
            Outcome::Embedded {
                passages: number(passages.len()),
                embedded: number(done),
                model,
                reason: None,
            }
        }
        Err(reason) => Outcome::Embedded {
            passages: number(passages.len()),
            embedded: 0,
            model: None,
            reason: Some(reason.into()),
        },
    };
    Ok(outcome.into())
}

/// The model, or why there is none. A course is not kept from its students by one that does not
/// come: the last attempt goes without.
async fn model(work: &Work<'_>, attempt: u32) -> Result<Result<Arc<Embedder>, String>, Failure> {
    let begun = Instant::now();
    loop {
        match (work.reading.model.state(), work.reading.model.embedder()) {
            (_, Some(embedder)) => return Ok(Ok(embedder)),
            (ModelState::Off(reason), None) => return Ok(Err(reason)),
            (ModelState::Loading | ModelState::Ready(_), None) => {}
        }
        if begun.elapsed() >= MODEL_WAIT_MAX {
            let reason = "the text model is not there yet".to_owned();
            return match RETRIES.pause_after(attempt) {
                Some(_) => Err(Failure::Passing(reason)),
                None => Ok(Err(reason)),
            };
        }
        sleep(LOOK_EVERY).await;
    }
}
