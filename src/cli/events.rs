//! `daybook events`: the log on standard output, as it grows or as a file that can be verified.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use eventstore::{Reader, RecordedEvent, export};
use futures::TryStreamExt;

use super::progress;
use crate::backend::{Backend, Tenure};
use crate::settings::Settings;

const PAGE_EVENTS: i64 = 256;
/// How long a silent log is trusted to be silent.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub struct Events {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Print the last events and then every new one, until interrupted
    Tail(Tail),
    /// Write the log as JSON Lines, with hashes; `daybook verify --export` verifies it offline
    Export(Export),
}

#[derive(Debug, clap::Args)]
struct Tail {
    /// Begin after this position [default: the last ten events]
    #[arg(long, value_name = "POSITION")]
    after: Option<i64>,

    /// Only events of this kind of stream, such as `rating`
    #[arg(long = "type", value_name = "TYPE")]
    aggregate_type: Option<String>,

    /// End at the end of the log instead of waiting for more
    #[arg(long)]
    no_follow: bool,

    /// Print events as JSON, with payload and metadata
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Export {
    /// Begin after this position: an export that was cut off goes on after its last one
    #[arg(long, default_value_t = 0, value_name = "POSITION")]
    after: i64,

    /// End with the commit of this position [default: the end of the log]
    #[arg(long, value_name = "POSITION")]
    until: Option<i64>,

    /// Where to write [default: standard output]; with --after, appended to
    file: Option<PathBuf>,
}

impl Events {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let backend = Backend::open(&settings, Tenure::Guest).await?;
        let reader = Reader::new(backend.pool.clone());
        let done = match self.action {
            Action::Tail(tail) => tokio::select! {
                done = tail.run(&reader) => done,
                _ = tokio::signal::ctrl_c() => Ok(()),
            },
            Action::Export(export) => export.run(&reader).await,
        };
        backend.close().await;
        done.map(|()| ExitCode::SUCCESS)
    }
}

impl Tail {
    async fn run(&self, reader: &Reader) -> anyhow::Result<()> {
        let mut tail = reader.tail().await?;
        let head = reader.head().await?;
        let mut after = self.after.unwrap_or((head - 10).max(0));
        loop {
            let page = reader.page(after, PAGE_EVENTS).await?;
            self.print(&page)?;
            match page.last() {
                Some(last) => after = last.position,
                None if self.no_follow => return Ok(()),
                None => {
                    tail.wait_past(after, PATIENCE).await?;
                }
            }
        }
    }

    fn print(&self, page: &[RecordedEvent]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for event in page {
            let wanted = self.aggregate_type.as_ref();
            if wanted.is_some_and(|wanted| *wanted != event.stream.aggregate_type) {
                continue;
            }
            if self.json {
                out.write_all(export::event_line(event).as_bytes())?;
            } else {
                let RecordedEvent { position, stream, sequence, event_type, recorded_at, .. } =
                    event;
                let at = recorded_at.format("%Y-%m-%d %H:%M:%S%.3f");
                writeln!(out, "{position:>9}  {at}  {event_type:<22} {stream} @{sequence}")?;
            }
        }
        out.flush()
    }
}

impl Export {
    async fn run(&self, reader: &Reader) -> anyhow::Result<()> {
        let head = reader.head().await?;
        let bar = progress::bar("exporting", self.until.unwrap_or(head).min(head) - self.after);
        let mut out: Box<dyn Write> = match &self.file {
            Some(file) => Box::new(self.open(file)?),
            None => Box::new(io::stdout()),
        };
        let mut out = BufWriter::new(&mut out);
        let mut lines = std::pin::pin!(export::export(reader.clone(), self.after, self.until));
        while let Some(chunk) = lines.try_next().await? {
            out.write_all(chunk.as_bytes())?;
            bar.inc(chunk.lines().filter(|line| line.starts_with("{\"position\"")).count() as u64);
        }
        out.flush()?;
        bar.finish_and_clear();
        Ok(())
    }

    fn open(&self, file: &Path) -> anyhow::Result<File> {
        let mut options = File::options();
        match self.after {
            0 => options.write(true).create(true).truncate(true),
            _ => options.append(true).create(true),
        };
        options.open(file).with_context(|| format!("{} cannot be written", file.display()))
    }
}
