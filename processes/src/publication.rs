//! Course publication: the steps that make a published course of a submitted one.
//!
//! The end of each attempt is an event. What the last step asks of the course is appended in the same
//! commit as the step's own event, and so is what the course is told when a step is given up: a crash
//! comes between two steps, never between a step and its effect. A step that fails for a reason that
//! may pass is tried again after 1, 2, 4 and 8 s; then, or when the reason will stay, the publication
//! is given up with it, and the course is a draft again.

mod embed;
mod progress;
mod steps;
mod text;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate;
use domain::course::{self, Course};
use domain::publication::{Command, Next, Outcome, Publication, Refusal};
use domain::{CourseId, ErrorText, PublicationId, Tag};
use eventstore::{Decision, ExecuteError, Log, RecordedEvent, StreamId};
use serde::Deserialize;
use tokio::time::Instant;

use crate::cause::Cause;
use crate::failure::{Failure, answer, in_time};
use crate::process::Process;
use crate::reading::Reading;
use crate::retry::{RETRIES, wait_until};
use steps::{Done, STEPS};

pub(crate) struct CoursePublication {
    reading: Arc<Reading>,
}

impl CoursePublication {
    pub(crate) fn by(reading: Arc<Reading>) -> Self {
        Self { reading }
    }
}

/// What a publication follows from.
#[derive(Debug, Deserialize)]
struct Requested {
    course: CourseId,
    publication: PublicationId,
}

#[async_trait]
impl Process for CoursePublication {
    fn name(&self) -> &'static str {
        "publication"
    }

    fn reacts_to(&self, event: &RecordedEvent) -> bool {
        event.stream.aggregate_type == Course::TYPE && event.event_type == "PublicationRequested"
    }

    async fn react(&self, log: &Log, cause: &Cause) -> Result<(), Failure> {
        let Requested { course, publication } = cause.event.decode()?;
        Work { reading: &self.reading, log, cause, course, publication }.see_to().await
    }
}

/// One publication under way.
struct Work<'a> {
    reading: &'a Reading,
    log: &'a Log,
    cause: &'a Cause,
    course: CourseId,
    publication: PublicationId,
}

/// An attempt at a step that has ended.
struct Attempt {
    step: Tag,
    number: u32,
    duration_ms: u64,
}

impl Work<'_> {
    /// Until it is finished or given up.
    async fn see_to(&self) -> Result<(), Failure> {
        if self.was_brought_in().await? {
            return Ok(());
        }
        self.start().await?;
        while let Some(next) = self.log.load::<Publication>(self.publication).await?.state.next() {
            wait_until(next.not_before).await;
            self.attempt(next).await?;
        }
        Ok(())
    }

    /// Requested and published in one commit: nothing was ever to be done.
    async fn was_brought_in(&self) -> Result<bool, Failure> {
        let reader = self.log.reader();
        let started = StreamId::new(Publication::TYPE, self.publication.to_string());
        if !in_time(reader.stream(&started, 0, 1)).await?.is_empty() {
            return Ok(false);
        }
        let requested = &self.cause.event;
        let next = in_time(reader.stream(&requested.stream, requested.sequence, 1)).await?;
        Ok(next.first().is_some_and(|event| event.event_type == "CoursePublished"))
    }

    async fn start(&self) -> Result<(), Failure> {
        let (publication, course) = (self.publication, self.course);
        let instructor = self.submitted().await?.instructor();
        let instructor = instructor.ok_or_else(|| Failure::lasting("nobody teaches the course"))?;
        let steps: Result<Vec<Tag>, _> = STEPS.iter().map(|step| step.name.parse()).collect();
        let steps = steps.map_err(Failure::lasting)?;
        self.record("start", |at| Command::Start { publication, course, instructor, steps, at })
            .await
    }

    async fn attempt(&self, Next { step, attempt, .. }: Next) -> Result<(), Failure> {
        let begun = Instant::now();
        let result = match STEPS.iter().find(|known| known.name == step.as_str()) {
            Some(known) => (known.run)(self, attempt).await,
            None => Err(Failure::Lasting(format!("this program knows no step called {step}"))),
        };
        let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let ended = Attempt { step, number: attempt, duration_ms };
        match result {
            Ok(Done { outcome, publishes: false }) => self.complete(ended, outcome).await,
            Ok(Done { publishes: true, .. }) => self.publish(ended).await,
            Err(failure) => {
                let pause = RETRIES.pause_after(attempt);
                match pause.filter(|_| matches!(failure, Failure::Passing(_))) {
                    Some(pause) => self.fail(ended, failure.to_string(), pause).await,
                    None => self.give_up(ended, failure.to_string()).await,
                }
            }
        }
    }

    async fn complete(&self, ended: Attempt, outcome: Option<Outcome>) -> Result<(), Failure> {
        let (publication, name) = (self.publication, ended.named("completed"));
        let Attempt { step, duration_ms, .. } = ended;
        self.record(&name, |at| Command::CompleteStep {
            publication,
            step,
            duration_ms,
            outcome,
            at,
        })
        .await
    }

    /// The step is done and the course published, or neither.
    async fn publish(&self, ended: Attempt) -> Result<(), Failure> {
        let (course, publication) = (self.course, self.publication);
        let result = self
            .record_both(&ended.named("completed"), |at| {
                let (step, duration_ms) = (ended.step.clone(), ended.duration_ms);
                let outcome = None;
                (
                    Command::CompleteStep { publication, step, duration_ms, outcome, at },
                    course::Command::FinishPublication { course, publication, at },
                )
            })
            .await?;
        match result {
            Ok(()) => Ok(()),
            Err(Refusal::Course(refusal)) => self.give_up(ended, refusal.to_string()).await,
            Err(refusal) => Err(Failure::lasting(refusal)),
        }
    }

    async fn fail(&self, ended: Attempt, error: String, pause: TimeDelta) -> Result<(), Failure> {
        let (publication, name) = (self.publication, ended.named("failed"));
        let Attempt { step, duration_ms, .. } = ended;
        self.record(&name, |at| Command::FailStep {
            publication,
            step,
            duration_ms,
            error: error.into(),
            retry_at: at + pause,
            at,
        })
        .await
    }

    /// The publication has ended and the course is a draft again, or neither.
    async fn give_up(&self, ended: Attempt, reason: String) -> Result<(), Failure> {
        let (course, publication) = (self.course, self.publication);
        tracing::error!(
            course.id = %course, publication.id = %publication, step = %ended.step,
            "the publication of course {course} is given up at step {} after {} attempts: {reason}",
            ended.step, ended.number,
        );
        let reason = ErrorText::from(reason);
        let result = self
            .record_both(&ended.named("given-up"), |at| {
                let (step, duration_ms) = (ended.step.clone(), ended.duration_ms);
                let failed = course::Command::FailPublication {
                    course,
                    publication,
                    step: step.clone(),
                    reason: reason.clone(),
                    at,
                };
                let reason = reason.clone();
                (Command::GiveUp { publication, step, duration_ms, reason, at }, failed)
            })
            .await?;
        result.map_err(Failure::lasting)
    }

    /// The course as the log has it now, whatever is remembered of it here.
    async fn submitted(&self) -> Result<Course, Failure> {
        let mut course = Course::default();
        for event in self.log.events_of::<Course>(&self.course.to_string()).await? {
            course.apply(event);
        }
        Ok(course)
    }

    async fn record(
        &self,
        name: &str,
        command: impl FnOnce(Time) -> Command,
    ) -> Result<(), Failure> {
        let context = self.cause.context(name);
        let command = command(context.now);
        let result = self.log.execute::<Publication>(self.publication, command, &context).await;
        answer(result)?.map_err(Failure::lasting)?;
        Ok(())
    }

    async fn record_both(
        &self,
        name: &str,
        commands: impl Fn(Time) -> (Command, course::Command) + Send + Sync,
    ) -> Result<Result<(), Refusal>, Failure> {
        let context = self.cause.context(name);
        let result = self
            .log
            .decide_both::<Publication, Course, _, _, ExecuteError<Refusal>>(&context, |_| {
                let (own, of_course) = commands(context.now);
                let decision = Decision::<Publication>::new(self.publication, own);
                std::future::ready(Ok(decision.and::<Course>(self.course, of_course)))
            })
            .await;
        Ok(answer(result)?.map(|_| ()))
    }
}

impl Attempt {
    /// The name of the command that records its end.
    fn named(&self, end: &str) -> String {
        format!("{}:{}:{end}", self.step, self.number)
    }
}

type Time = DateTime<Utc>;
