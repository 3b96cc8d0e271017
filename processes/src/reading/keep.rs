//! Published courses stay read: those that were brought in as published, what changed since, what was
//! published while there was no model.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use domain::CourseId;
use domain::course::{Course, Status};
use eventstore::Log;
use retrieval::ModelState;
use sqlx::Connection;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{BATCH, Reading, cut, distinct};
use crate::failure::{Failure, in_time};
use crate::runner::take_turn;

/// How often it is looked for courses that changed.
const LOOK_EVERY: Duration = Duration::from_secs(5);

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
    while reading.model.state() == ModelState::Loading {
        sleep(LOOK_EVERY).await;
    }
    let mut turn = take_turn("reading", log).await?;
    let mut read: HashMap<Uuid, (i64, i64)> = HashMap::new();
    loop {
        in_time(turn.ping()).await?;
        for (course, sequence, files) in published(log).await? {
            if read.get(&course) == Some(&(sequence, files)) {
                continue;
            }
            match reading.read(log, course.into()).await {
                Ok(()) => drop(read.insert(course, (sequence, files))),
                Err(failure) => tracing::warn!("course {course} is read later: {failure}"),
            }
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Every course that is published, with the last event of it and the last that attached a file.
async fn published(log: &Log) -> Result<Vec<(Uuid, i64, i64)>, Failure> {
    let courses = sqlx::query_as(
        "select c.course, c.sequence, coalesce(max(f.position), 0)
           from readmodel.courses c
           left join readmodel.files f on (f.item, f.kind) = (c.course, 'lesson')
          where c.state = 'published' group by c.course, c.sequence",
    )
    .fetch_all(log.pool());
    in_time(courses).await
}

impl Reading {
    /// What is missing of a course. Nobody waits for it: a file that cannot be read is left out.
    async fn read(&self, log: &Log, id: CourseId) -> Result<(), Failure> {
        let course = log.load::<Course>(id).await?.state;
        if course.status() != Some(Status::Published) {
            return Ok(());
        }
        let mut passages = Vec::new();
        for lesson in self.lessons(log, id, &course).await? {
            let mut texts = Vec::new();
            for text in self.texts(log, &lesson).await {
                match text {
                    Ok(text) => texts.push(text),
                    Err(Failure::Lasting(reason)) => {
                        tracing::warn!(course.id = %id, "course {id} is read without {reason}");
                    }
                    Err(passing) => return Err(passing),
                }
            }
            passages.extend(cut(texts).await?);
        }
        let Some(embedder) = self.model.embedder() else { return Ok(()) };
        for batch in distinct(passages).chunks(BATCH) {
            self.embed(log, &embedder, batch).await?;
        }
        Ok(())
    }
}
