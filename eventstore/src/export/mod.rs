//! The log as JSON Lines: every event with its leaf, every commit with its hash.
//!
//! The first line says what came before, the last line is a manifest; whoever has only the file can
//! verify it ([`crate::verify::verify_export`]), against signed checkpoints too. An export that was
//! cut off goes on with `after` = the last position received: its lines follow those there are.
//! Personal values stay sealed. The format is described in docs/HASHCHAIN.md.

mod line;
pub mod personal;

use std::collections::VecDeque;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt, stream};

use line::ExportedEvent;
pub(crate) use line::{AnyLine, FORMAT, Line, read_line};
pub use line::{CommitLine, Header, LineError, Manifest};

use crate::event::RecordedEvent;
use crate::read::Reader;
use crate::verify::{Commit, commits_from, end_of_commit, hash_before};

/// Events per statement and per chunk of the stream.
const PAGE_EVENTS: u16 = 256;

/// Streams the lines of a part of the log, some at a time. Ends with whole commits: `until` means
/// the commit that holds it; none is the end of the log.
pub fn export(
    reader: Reader,
    after: i64,
    until: Option<i64>,
) -> impl Stream<Item = Result<String, sqlx::Error>> + Send {
    let start = Export {
        reader,
        after: after.max(0),
        position: after.max(0),
        until,
        pages: stream::empty().boxed(),
        events: 0,
        commits: 0,
        ahead: VecDeque::new(),
        hash: None,
    };
    stream::try_unfold(Stage::Header(start), |stage| async move {
        Ok(match stage {
            Stage::Header(export) => Some(export.header().await?),
            Stage::Page(export) => Some(export.page().await?),
            Stage::Done => None,
        })
    })
}

/// One event as a line of an export, with its line feed.
pub fn event_line(event: &RecordedEvent) -> String {
    ExportedEvent::of(event).to_text()
}

enum Stage {
    Header(Export),
    Page(Export),
    Done,
}

struct Export {
    reader: Reader,
    after: i64,
    position: i64,
    until: Option<i64>,
    pages: BoxStream<'static, Result<Vec<RecordedEvent>, sqlx::Error>>,
    events: i64,
    commits: i64,
    /// Commits whose events are still to come.
    ahead: VecDeque<Commit>,
    hash: Option<String>,
}

impl Export {
    async fn header(mut self) -> Result<(String, Stage), sqlx::Error> {
        let pool = self.reader.pool();
        let head = self.reader.head().await?;
        let until = match self.until {
            Some(until) if until < head => end_of_commit(pool, until).await?,
            Some(_) | None => head,
        };
        self.until = Some(until);
        self.pages = self.reader.pages(self.after, until, PAGE_EVENTS).boxed();
        self.ahead = commits_from(pool, self.after.saturating_add(1)).await?.into();
        let previous = match self.ahead.front() {
            Some(commit) if commit.first_position <= self.after => None,
            Some(_) | None => {
                Some(hex::encode(hash_before(pool, self.after.saturating_add(1)).await?))
            }
        };
        self.hash.clone_from(&previous);
        let header = Header::new(self.after, previous);
        Ok((Line::Export(header).to_text(), Stage::Page(self)))
    }

    async fn page(mut self) -> Result<(String, Stage), sqlx::Error> {
        let Some(page) = self.pages.try_next().await? else {
            return Ok((self.manifest(), Stage::Done));
        };
        let mut lines = String::new();
        for event in &page {
            if self.ahead.is_empty() {
                self.ahead = commits_from(self.reader.pool(), event.position).await?.into();
            }
            lines.push_str(&event_line(event));
            self.position = event.position;
            self.events += 1;
            if let Some(commit) = self.ahead.front()
                && commit.last_position == event.position
            {
                let line = CommitLine::of(commit);
                self.hash = Some(line.hash.clone());
                lines.push_str(&Line::Commit(line).to_text());
                self.commits += 1;
                self.ahead.pop_front();
            }
        }
        Ok((lines, Stage::Page(self)))
    }

    fn manifest(self) -> String {
        let manifest = Manifest {
            after: self.after,
            until: self.position,
            events: self.events,
            commits: self.commits,
            hash: self.hash,
        };
        Line::Manifest(manifest).to_text()
    }
}
