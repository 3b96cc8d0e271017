//! Streams read for commands: those that are wanted while one question is under way are the next.
//!
//! A question costs the database and us as much as ten short streams do, so that asking for each
//! stream by itself would be most of what a command costs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::event::{RecordedEvent, StreamId};
use crate::read::Reader;

/// Streams in one question at most.
const STREAMS_MAX: usize = 64;

/// Reads whole streams, many at a time. Cheap to clone.
#[derive(Clone)]
pub(super) struct Loads {
    reader: Reader,
    line: Arc<Mutex<Line>>,
}

#[derive(Default)]
struct Line {
    waiting: Vec<Wanted>,
    is_asking: bool,
}

struct Wanted {
    stream: StreamId,
    answer: oneshot::Sender<Vec<RecordedEvent>>,
}

impl Loads {
    pub(super) fn new(reader: Reader) -> Self {
        Self { reader, line: Arc::default() }
    }

    /// Every event of a stream that was in the log when this was called.
    pub(super) async fn read(&self, stream: &StreamId) -> Result<Vec<RecordedEvent>, sqlx::Error> {
        let (answer, events) = oneshot::channel();
        let is_asking = {
            let mut line = self.line();
            line.waiting.push(Wanted { stream: stream.clone(), answer });
            std::mem::replace(&mut line.is_asking, true)
        };
        if !is_asking {
            tokio::spawn(self.clone().ask());
        }
        match events.await {
            Ok(events) => Ok(events),
            // The question for all failed: each finds out for itself what is wrong.
            Err(_) => self.reader.stream(stream, 0, i64::MAX).await,
        }
    }

    /// Asks until nobody waits.
    async fn ask(self) {
        // Those who got their answers together want the next streams together.
        tokio::task::yield_now().await;
        loop {
            let wanted = {
                let mut line = self.line();
                let size = line.waiting.len().min(STREAMS_MAX);
                line.is_asking = size > 0;
                line.waiting.drain(..size).collect::<Vec<_>>()
            };
            if wanted.is_empty() {
                return;
            }
            let streams: Vec<&StreamId> = wanted.iter().map(|wanted| &wanted.stream).collect();
            match self.reader.streams(&streams).await {
                Ok(events) => answer(wanted, events),
                Err(error) => tracing::debug!("{} streams were not read: {error}", wanted.len()),
            }
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer(wanted: Vec<Wanted>, events: Vec<RecordedEvent>) {
    let mut streams: HashMap<StreamId, Vec<RecordedEvent>> = HashMap::new();
    for event in events {
        streams.entry(event.stream.clone()).or_default().push(event);
    }
    for Wanted { stream, answer } in wanted {
        // Two may want the same; whoever has gone wants nothing.
        let _ = answer.send(streams.get(&stream).cloned().unwrap_or_default());
    }
}
