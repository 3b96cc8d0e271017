//! `daybook replay`: what happened to one stream and what that made of it; how a fresh build of a
//! projection compares with the live one.

use std::io::{self, Write};
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use eventstore::{Reader, StreamId};
use query_api::audit::{Reason, Replayed, ShownEvent, Until};
use serde::Serialize;
use serde_json::Value;
use service_kit::access_log::{self, Access};
use service_kit::{StreamBody, clock};
use uuid::Uuid;

use super::{projections, readable};
use crate::backend::{Backend, Tenure};
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["stream", "projection"]))]
pub struct Replay {
    /// The history of this stream, such as `rating/READER:book:BOOK`, and the state it leads to
    #[arg(long, value_name = "TYPE/ID", value_parser = stream_id)]
    stream: Option<StreamId>,

    /// Build this projection anew beside the live one, compare all rows, drop what was built
    #[arg(long, value_name = "NAME")]
    projection: Option<String>,

    /// As it was at this time, as recorded: 2026-03-01T12:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "projection")]
    at: Option<DateTime<Utc>>,

    /// As it was after this many events
    #[arg(long, value_name = "N", conflicts_with_all = ["projection", "at"])]
    sequence: Option<i64>,

    /// Open personal values, for this reason, which auditors will see
    #[arg(long, value_name = "REASON", conflicts_with = "projection")]
    reveal: Option<Reason>,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

fn stream_id(text: &str) -> Result<StreamId, String> {
    match text.split_once('/') {
        Some((kind, id)) if !kind.is_empty() && !id.is_empty() => Ok(StreamId::new(kind, id)),
        _ => Err("a stream is written TYPE/ID".to_owned()),
    }
}

/// A history as programs read it.
#[derive(Serialize)]
struct History {
    stream: StreamBody,
    /// How many events are shown; 0 before the first.
    sequence: usize,
    /// Of the last of them.
    position: Option<i64>,
    recorded_at: Option<DateTime<Utc>>,
    events: Vec<ShownEvent>,
    /// Null before the first event, and where no code of ours knows what the events mean.
    state: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    no_state_because: Option<String>,
}

impl Replay {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let backend = Backend::open(&settings, Tenure::Guest).await?;
        let done = match (&self.stream, &self.projection) {
            (Some(stream), _) => self.history(&backend, stream).await,
            (None, Some(name)) => projections::compare(&backend, name, self.json).await,
            (None, None) => unreachable!("clap asks for one of them"),
        };
        backend.close().await;
        done
    }

    async fn history(&self, backend: &Backend, stream: &StreamId) -> anyhow::Result<ExitCode> {
        let until = Until { sequence: self.sequence, at: self.at };
        let reader = Reader::new(backend.pool.clone());
        let replayed = Replayed::until(&reader, stream.clone(), until).await?;
        let mut history = History::of(&replayed)?;
        if let Some(reason) = &self.reveal {
            history.reveal(backend, reason).await?;
        }
        if self.json {
            println!("{}", serde_json::to_string(&history)?);
        } else {
            history.print()?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl History {
    fn of(replayed: &Replayed) -> anyhow::Result<Self> {
        let (state, no_state_because) = match replayed.state() {
            Ok(state) => (state, None),
            // Of an adopted stream there are events to see all the same.
            Err(problem) if problem.code() == "aggregate-unknown" => {
                (Value::Null, Some(problem.detail().to_owned()))
            }
            Err(problem) => return Err(problem.into()),
        };
        let last = replayed.events.last();
        let StreamId { aggregate_type, aggregate_id } = replayed.stream.clone();
        Ok(Self {
            stream: StreamBody { r#type: aggregate_type, id: aggregate_id },
            sequence: replayed.events.len(),
            position: last.map(|event| event.position),
            recorded_at: last.map(|event| event.recorded_at),
            events: replayed.events.iter().map(ShownEvent::of).collect::<Result<_, _>>()?,
            state,
            no_state_because,
        })
    }

    /// Opens personal values, once it stands in the log of accesses who wanted them and why.
    async fn reveal(&mut self, backend: &Backend, reason: &Reason) -> anyhow::Result<()> {
        let access = Access {
            at: clock::now(),
            kind: "reveal",
            // Whoever has the machine.
            account: None,
            method: "CLI".to_owned(),
            path: format!("daybook replay --stream {}/{}", self.stream.r#type, self.stream.id),
            status: 200,
            code: String::new(),
            trace_id: Uuid::now_v7().simple().to_string(),
            reason: Some(reason.as_str().to_owned()),
        };
        access_log::record_at_once(&backend.pool, access).await?;
        let payloads = self.events.iter_mut().map(|event| event.payload.take());
        let mut documents: Vec<Value> = payloads.chain([self.state.take()]).collect();
        backend.personal_keys().open_values(&mut documents).await?;
        self.state = documents.pop().unwrap_or_default();
        for (event, payload) in self.events.iter_mut().zip(documents) {
            event.payload = payload;
        }
        Ok(())
    }

    fn print(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let columns = readable::columns();
        if readable::is_watched() {
            writeln!(
                out,
                "{:>8}  {:>9}  {:<23}  {:<22}  payload",
                "sequence", "position", "recorded at", "event"
            )?;
        }
        for event in &self.events {
            let line = format!(
                "{:>8}  {:>9}  {}  {:<22}  {}",
                event.sequence,
                event.position,
                event.recorded_at.format(readable::TIME),
                readable::plain(&event.event_type),
                readable::payload(&event.payload),
            );
            writeln!(out, "{}", readable::cut(&line, columns))?;
        }
        match (self.position, &self.no_state_because) {
            (Some(position), None) => {
                writeln!(out, "\nState after event {} (position {position}):", self.sequence)?;
                // The line feeds are the indentation's; those of a value are escaped.
                let state = format!("{:#}", self.state);
                state.lines().try_for_each(|line| writeln!(out, "{}", readable::plain(line)))?;
            }
            (None, _) => writeln!(out, "Nothing had happened to it then.")?,
            (Some(_), Some(because)) => writeln!(out, "\nNo state: {}", readable::plain(because))?,
        }
        out.flush()
    }
}
