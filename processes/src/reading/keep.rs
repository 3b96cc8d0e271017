//! The files of published courses stay read: those that were brought in as published, and those that
//! were attached since. What is read is embedded by whoever keeps all texts so: see `texts`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use domain::CourseId;
use domain::course::{Course, Status};
use eventstore::Log;
use sqlx::Connection;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Reading;
use crate::failure::{Failure, in_time};
use crate::runner::take_turn;

/// How often it is looked for courses that changed.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// A course that could not be read is tried again after twice as long each time, up to this.
const PAUSE_MAX: Duration = Duration::from_secs(600);

/// Until shutdown. Any number of programs may: one does it at a time.
pub(crate) async fn keep(log: &Log, reading: &Reading, shutdown: &CancellationToken) {
    loop {
        let failure = tokio::select! {
            () = shutdown.cancelled() => return,
            Err(failure) = keep_on(log, reading) => failure,
        };
        tracing::debug!("courses are read later: {failure}");
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = sleep(LOOK_EVERY) => {}
        }
    }
}

async fn keep_on(log: &Log, reading: &Reading) -> Result<Infallible, Failure> {
    let mut turn = take_turn("reading", log).await?;
    let mut read: HashMap<Uuid, i64> = HashMap::new();
    let mut unread: HashMap<Uuid, Later> = HashMap::new();
    loop {
        in_time(turn.ping()).await?;
        for (course, attached) in published(log).await? {
            let is_later = |later: &Later| later.attached == attached && Instant::now() < later.at;
            if read.get(&course) == Some(&attached) || unread.get(&course).is_some_and(is_later) {
                continue;
            }
            match reading.read(log, course.into()).await {
                Ok(()) => {
                    unread.remove(&course);
                    read.insert(course, attached);
                }
                Err(failure) => {
                    tracing::warn!("course {course} is read later: {failure}");
                    let last = unread.get(&course).filter(|later| later.attached == attached);
                    let pause = last.map_or(LOOK_EVERY, |last| (last.pause * 2).min(PAUSE_MAX));
                    unread.insert(course, Later { attached, pause, at: Instant::now() + pause });
                }
            }
        }
        sleep(LOOK_EVERY).await;
    }
}

/// When a course that could not be read is tried again, while nothing else is attached to it.
struct Later {
    attached: i64,
    pause: Duration,
    at: Instant,
}

/// Every published course whose lessons have files, with the position of the last one.
async fn published(log: &Log) -> Result<Vec<(Uuid, i64)>, Failure> {
    let courses = sqlx::query_as(
        "select c.course, max(f.position)
           from readmodel.courses c
           join readmodel.files f on (f.item, f.kind) = (c.course, 'lesson')
          where c.state = 'published' group by c.course",
    )
    .fetch_all(log.pool());
    in_time(courses).await
}

impl Reading {
    /// What is missing of a course. Nobody waits for it: a file that cannot be read is left out, and
    /// one that cannot be had now holds up no other.
    async fn read(&self, log: &Log, id: CourseId) -> Result<(), Failure> {
        let course = log.load::<Course>(id).await?.state;
        if course.status() != Some(Status::Published) {
            return Ok(());
        }
        let mut read = Ok(());
        for lesson in self.lessons(log, id, &course).await? {
            for file in &lesson.files {
                match self.extract(log, &lesson, file).await {
                    Ok(_) => {}
                    Err(Failure::Lasting(reason)) => {
                        tracing::warn!(course.id = %id, "course {id} is read without {reason}");
                    }
                    Err(passing) => read = Err(passing),
                }
            }
        }
        read
    }
}
