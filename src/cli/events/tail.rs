//! `daybook events tail`: events as they stand at the end of the log, and as they come.

use std::io::{self, Write};
use std::time::Duration;

use eventstore::{Reader, RecordedEvent, Wanted, export};

use crate::cli::readable;

/// Positions looked at by one statement, which bounds what it returns.
const WINDOW: i64 = 1_000;
/// Shown where nobody says from where on.
const LAST: usize = 10;
/// How long a silent log is trusted to be silent.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub struct Tail {
    /// Only events of this type, such as `ItemRated`
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,

    /// Only events of this kind of stream, such as `rating`
    #[arg(long, value_name = "TYPE")]
    stream_type: Option<String>,

    /// Only events of this stream
    #[arg(long, value_name = "ID", requires = "stream_type")]
    stream_id: Option<String>,

    /// Only what this account or program did
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,

    /// Begin after this position [default: the last ten events]
    #[arg(long, value_name = "POSITION", value_parser = clap::value_parser!(i64).range(0..))]
    since: Option<i64>,

    /// At the end of the log wait for more, until interrupted
    #[arg(long, short)]
    follow: bool,

    /// Print events as JSON, with payload and metadata
    #[arg(long)]
    json: bool,
}

impl Tail {
    pub async fn run(&self, reader: &Reader) -> anyhow::Result<()> {
        let wanted = Wanted {
            event_type: self.event_type.clone(),
            aggregate_type: self.stream_type.clone(),
            aggregate_id: self.stream_id.clone(),
            actor: self.actor.clone(),
        };
        let mut head = reader.head().await?;
        let mut passed = match self.since {
            Some(position) => position,
            None => before_the_last(reader, &wanted, head).await?,
        };
        passed = self.show(reader, &wanted, passed, head).await?;
        if self.follow {
            let mut tail = reader.tail().await?;
            loop {
                head = tail.wait_past(passed, PATIENCE).await?;
                passed = self.show(reader, &wanted, passed, head).await?;
            }
        }
        Ok(())
    }

    /// Prints what is wanted after one position and up to another; answers how far that is.
    async fn show(
        &self,
        reader: &Reader,
        wanted: &Wanted,
        mut passed: i64,
        head: i64,
    ) -> anyhow::Result<i64> {
        while passed < head {
            let until = head.min(passed.saturating_add(WINDOW));
            self.print(&reader.wanted(wanted, passed, until).await?)?;
            passed = until;
        }
        Ok(passed)
    }

    fn print(&self, events: &[RecordedEvent]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for event in events {
            if self.json {
                out.write_all(export::event_line(event).as_bytes())?;
            } else {
                writeln!(out, "{}", line(event))?;
            }
        }
        out.flush()
    }
}

fn line(event: &RecordedEvent) -> String {
    let RecordedEvent { position, stream, sequence, event_type, recorded_at, .. } = event;
    let at = recorded_at.format(readable::TIME);
    let (event_type, stream) = (readable::plain(event_type), stream.to_string());
    let actor = event.metadata().remove("actor").unwrap_or_default();
    let payload = serde_json::from_str(&event.payload).unwrap_or_default();
    format!(
        "{position:>9}  {at}  {event_type:<22}  {} @{sequence}  by {}  {}",
        readable::plain(&stream),
        readable::plain(&actor),
        readable::payload(&payload),
    )
}

/// The position before the last few wanted events.
async fn before_the_last(reader: &Reader, wanted: &Wanted, head: i64) -> anyhow::Result<i64> {
    let (mut end, mut missing) = (head, LAST);
    while end > 0 {
        let start = (end - WINDOW).max(0);
        let events = reader.wanted(wanted, start, end).await?;
        if let Some(first) = events.iter().rev().nth(missing - 1) {
            return Ok(first.position - 1);
        }
        missing -= events.len();
        end = start;
    }
    Ok(0)
}
