//! `daybook events`: the log on standard output, as it grows or as a file that can be verified.

mod tail;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use eventstore::{Reader, export};
use futures::TryStreamExt;

use super::progress;
use crate::backend::{Backend, Tenure};
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
pub struct Events {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Print the last events, or those since a position; with --follow every new one too
    Tail(tail::Tail),
    /// Write the log as JSON Lines, with hashes; `daybook verify --export` verifies it offline
    Export(Export),
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
