use std::sync::Arc;

use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, Event};
use crate::{AccountId, Recorded, Tag, course};

/// Absent until started.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Publication {
    status: Status,
    instructor: Option<AccountId>,
    steps: Arc<Vec<Tag>>,
    /// How many of them are done.
    done: usize,
    /// How much of the next one is.
    advanced: u32,
    /// How often it failed.
    failed: u32,
    /// When it is to be tried again.
    retry_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    #[default]
    Absent,
    Running,
    Finished,
    GivenUp,
}

/// The step that is to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Next {
    pub step: Tag,
    /// Counts from 1.
    pub attempt: u32,
    pub not_before: Option<DateTime<Utc>>,
}

/// Why a step was turned down: the process asked for steps in the wrong order, or the course does
/// not take what was asked of it together with the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    #[error("a publication has at least one step")]
    NoSteps,
    #[error("this publication has not started")]
    NotStarted,
    #[error("it is another step's turn")]
    NotItsTurn,
    #[error(transparent)]
    Course(#[from] course::Refusal),
}

impl Publication {
    pub const fn status(&self) -> Status {
        self.status
    }

    /// None before the start and after the end.
    pub fn next(&self) -> Option<Next> {
        let step = self.steps.get(self.done).filter(|_| self.status == Status::Running)?;
        let (attempt, not_before) = (self.failed + 1, self.retry_at);
        Some(Next { step: step.clone(), attempt, not_before })
    }

    /// Every rule about the order of steps, one row each: what is over stays as it is.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        let attempt = self.failed + 1;
        match (command, self.status, self.instructor) {
            (Command::Start { steps, .. }, Status::Absent, _) if steps.is_empty() => {
                Err(Refusal::NoSteps)
            }
            (Command::Start { publication, course, instructor, steps, at }, Status::Absent, _) => {
                Ok(vec![Event::PublicationStarted { publication, course, instructor, steps, at }])
            }
            (Command::Start { .. }, ..) => Ok(vec![]),
            (_, Status::Absent, _) | (_, _, None) => Err(Refusal::NotStarted),
            (_, Status::Finished | Status::GivenUp, _) => Ok(vec![]),
            (command, ..) if self.is_done(command.step()) => Ok(vec![]),
            (command, ..) if self.steps.get(self.done) != command.step() => {
                Err(Refusal::NotItsTurn)
            }
            (
                Command::CompleteStep { publication, step, duration_ms, outcome, at },
                Status::Running,
                Some(instructor),
            ) => {
                let mut events = vec![Event::PublicationStepCompleted {
                    publication,
                    instructor,
                    step,
                    attempt,
                    duration_ms,
                    outcome,
                    at,
                }];
                if self.done + 1 == self.steps.len() {
                    events.push(Event::PublicationFinished { publication, instructor, at });
                }
                Ok(events)
            }
            // A step that is done again comes by the same places.
            (Command::AdvanceStep { done, .. }, ..) if done <= self.advanced => Ok(vec![]),
            (
                Command::AdvanceStep { publication, step, done, total, at },
                Status::Running,
                Some(instructor),
            ) => Ok(vec![Event::PublicationStepAdvanced {
                publication,
                instructor,
                step,
                attempt,
                done,
                total,
                at,
            }]),
            (
                Command::FailStep { publication, step, duration_ms, error, retry_at, at },
                Status::Running,
                Some(instructor),
            ) => Ok(vec![Event::PublicationStepFailed {
                publication,
                instructor,
                step,
                attempt,
                duration_ms,
                error,
                retry_at,
                at,
            }]),
            (
                Command::GiveUp { publication, step, duration_ms, reason, at },
                Status::Running,
                Some(instructor),
            ) => Ok(vec![Event::PublicationGivenUp {
                publication,
                instructor,
                step,
                attempt,
                duration_ms,
                reason,
                at,
            }]),
        }
    }

    fn is_done(&self, step: Option<&Tag>) -> bool {
        step.is_some_and(|step| self.steps[..self.done].contains(step))
    }
}

impl Command {
    const fn step(&self) -> Option<&Tag> {
        match self {
            Self::Start { .. } => None,
            Self::AdvanceStep { step, .. }
            | Self::CompleteStep { step, .. }
            | Self::FailStep { step, .. }
            | Self::GiveUp { step, .. } => Some(step),
        }
    }
}

impl Aggregate for Publication {
    const TYPE: &'static str = "publication";
    type Command = Command;
    type Event = Event;
    type Error = Refusal;
    type Services = ();

    async fn handle(
        &mut self,
        command: Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Refusal> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::PublicationStarted { instructor, steps, .. } => {
                self.status = Status::Running;
                self.instructor = Some(instructor);
                self.steps = Arc::new(steps);
            }
            Event::PublicationStepAdvanced { done, .. } => self.advanced = done,
            Event::PublicationStepCompleted { .. } => {
                self.done += 1;
                (self.advanced, self.failed, self.retry_at) = (0, 0, None);
            }
            Event::PublicationStepFailed { attempt, retry_at, .. } => {
                (self.failed, self.retry_at) = (attempt, Some(retry_at));
            }
            Event::PublicationGivenUp { .. } => self.status = Status::GivenUp,
            Event::PublicationFinished { .. } => self.status = Status::Finished,
        }
    }
}

impl Recorded for Publication {}
