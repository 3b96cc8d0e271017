//! What the log answers besides a receipt, as problems: the one match over it.

use std::fmt::Display;

use axum::http::StatusCode;
use eventstore::personal::PersonalError;
use eventstore::{ExecuteError, Receipt, StoreError};

use crate::Problem;

/// Ends a command: the slice says what its refusals mean, everything else means the same everywhere.
pub trait OrRefuse<R> {
    fn or_refuse(self, refused: impl FnOnce(R) -> Problem) -> Result<Receipt, Problem>;
}

impl<R: Display> OrRefuse<R> for Result<Receipt, ExecuteError<R>> {
    fn or_refuse(self, refused: impl FnOnce(R) -> Problem) -> Result<Receipt, Problem> {
        self.map_err(|error| problem(error, refused))
    }
}

/// Why a `Log::decide` came to nothing: what its preparation found, or what the log said.
///
/// The error type of commands that look at other streams first; ends in `or_refuse` like the rest.
#[derive(Debug)]
pub enum Undecided<R> {
    /// A fact that the command needs is not so.
    Unprepared(Problem),
    Execute(ExecuteError<R>),
}

impl<R> From<Problem> for Undecided<R> {
    fn from(problem: Problem) -> Self {
        Self::Unprepared(problem)
    }
}

impl<R> From<StoreError> for Undecided<R> {
    fn from(error: StoreError) -> Self {
        Self::Execute(ExecuteError::Store(error))
    }
}

impl<R> From<ExecuteError<R>> for Undecided<R> {
    fn from(error: ExecuteError<R>) -> Self {
        Self::Execute(error)
    }
}

impl<R: Display> OrRefuse<R> for Result<Receipt, Undecided<R>> {
    fn or_refuse(self, refused: impl FnOnce(R) -> Problem) -> Result<Receipt, Problem> {
        self.map_err(|error| match error {
            Undecided::Unprepared(problem) => problem,
            Undecided::Execute(error) => problem(error, refused),
        })
    }
}

fn problem<R>(error: ExecuteError<R>, refused: impl FnOnce(R) -> Problem) -> Problem {
    match error {
        ExecuteError::Refused { refusal, replayed } => refused(refusal).replayed(replayed),
        ExecuteError::Taken { kind } => {
            Problem::conflict(format!("{kind}-taken"), format!("this {kind} is taken"))
        }
        ExecuteError::Full { kind } if kind == "seat" => {
            Problem::conflict("course-full", "every seat of the course is taken")
        }
        ExecuteError::Full { kind } => {
            Problem::conflict("full", format!("no place is left: {kind}"))
        }
        ExecuteError::Version { current } => Problem::new(
            StatusCode::PRECONDITION_FAILED,
            "precondition-failed",
            format!("the current sequence is {current}"),
        )
        .with("current", current),
        ExecuteError::KeyReused => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency-key-reused",
            "this Idempotency-Key was used for another request",
        ),
        ExecuteError::KeyInProgress => Problem::conflict(
            "idempotency-key-in-progress",
            "the first request with this Idempotency-Key still runs",
        )
        .retry_after(1),
        ExecuteError::Erased => {
            Problem::conflict("erased", "the person this is about has been erased")
        }
        ExecuteError::Contended { attempts } => Problem::busy(
            "busy",
            format!("others changed the same thing {attempts} times meanwhile"),
        ),
        ExecuteError::Busy => Problem::busy("busy", "too many commands are waiting"),
        ExecuteError::OutcomeUnknown => Problem::busy(
            "outcome-unknown",
            "the command may have happened; ask again with the same Idempotency-Key",
        ),
        ExecuteError::Invalid(detail) => Problem::invalid("", detail),
        ExecuteError::Store(error) => error.into(),
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Database(error) | StoreError::Personal(PersonalError::Database(error)) => {
                error.into()
            }
            other => Self::internal(other),
        }
    }
}
