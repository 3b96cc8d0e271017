//! What each event of a publication changes in its workflow. How it ends the course's events say, so
//! that a course is never told to be published before it is.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::publication::Event;
use eventstore::RecordedEvent;
use uuid::Uuid;

use super::rows::{Advanced, StepRow, StepState, WorkflowRow};
use crate::ProjectionError;

pub(super) fn fold(
    workflows: &mut BTreeMap<Uuid, WorkflowRow>,
    event: &RecordedEvent,
) -> Result<(), ProjectionError> {
    let id: Option<Uuid> = event.stream.aggregate_id.parse().ok();
    let row = id
        .and_then(|id| workflows.get_mut(&id))
        .ok_or_else(|| ProjectionError::event(event, "the publication was never requested"))?;
    row.changed_at = match event.decode()? {
        Event::PublicationStarted { steps, at, .. } => {
            row.by_step = steps.into_iter().map(|step| waiting(step.to_string())).collect();
            row.steps = i32::try_from(row.by_step.len()).unwrap_or(i32::MAX);
            begin_next(row, at);
            at
        }
        Event::PublicationStepAdvanced { step, done, total, at, .. } => {
            if let Some(step) = row.by_step.iter_mut().find(|known| known.name == step.as_str()) {
                step.progress = Some(Advanced { done, total });
            }
            at
        }
        Event::PublicationStepCompleted { step, attempt, duration_ms, outcome, at, .. } => {
            if let Some(step) = ended(row, step.as_str(), attempt, duration_ms) {
                (step.state, step.outcome) = (StepState::Completed, outcome);
                (step.error, step.finished_at, step.progress) = (None, Some(at), None);
            }
            row.steps_done += 1;
            begin_next(row, at);
            at
        }
        Event::PublicationStepFailed {
            step, attempt, duration_ms, error, retry_at, at, ..
        } => {
            if let Some(step) = ended(row, step.as_str(), attempt, duration_ms) {
                (step.state, step.error) = (StepState::Retrying, Some(error.into()));
                step.next_retry_at = Some(retry_at);
            }
            at
        }
        Event::PublicationGivenUp { step, attempt, duration_ms, reason, at, .. } => {
            if let Some(step) = ended(row, step.as_str(), attempt, duration_ms) {
                (step.state, step.error) = (StepState::Failed, Some(reason.into()));
                step.finished_at = Some(at);
            }
            at
        }
        Event::PublicationFinished { at, .. } => at,
    };
    Ok(())
}

fn waiting(name: String) -> StepRow {
    StepRow {
        name,
        state: StepState::Waiting,
        attempts: 0,
        duration_ms: 0,
        started_at: None,
        finished_at: None,
        error: None,
        next_retry_at: None,
        progress: None,
        outcome: None,
    }
}

/// The step after those that are done, if there is one.
fn begin_next(row: &mut WorkflowRow, at: DateTime<Utc>) {
    let next = row.by_step.iter_mut().find(|step| step.state == StepState::Waiting);
    row.current_step = next.map(|step| {
        (step.state, step.started_at) = (StepState::Running, Some(at));
        step.name.clone()
    });
}

/// Whatever came of it, an attempt at the step has ended.
fn ended<'a>(
    row: &'a mut WorkflowRow,
    name: &str,
    attempt: u32,
    duration_ms: u64,
) -> Option<&'a mut StepRow> {
    let step = row.by_step.iter_mut().find(|step| step.name == name)?;
    step.attempts = attempt;
    step.duration_ms += duration_ms;
    step.next_retry_at = None;
    Some(step)
}
