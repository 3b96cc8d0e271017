//! `daybook verify`: recomputes the hash chain, of the log or of an export without any database.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use eventstore::Reader;
use eventstore::checkpoint::{self, Checkpoint, read_checkpoints};
use eventstore::verify::{Range, Verification, verify, verify_export};

use super::progress;
use crate::backend::{Backend, Tenure};
use crate::settings::Settings;

/// The newest checkpoints kept in the database that are compared: over a year of them.
const CHECKPOINTS_MAX: i64 = 10_000;

#[derive(Debug, clap::Args)]
pub struct Verify {
    /// The first position; what is verified is widened to whole commits
    #[arg(long, default_value_t = 1, value_name = "POSITION", conflicts_with = "export")]
    from: i64,

    /// The last position [default: the end of the log]
    #[arg(long, value_name = "POSITION", conflicts_with = "export")]
    until: Option<i64>,

    /// Verify this export (`daybook events export`) instead of the log; needs nothing else
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,

    /// Compare with signed checkpoints that were kept elsewhere, as JSON Lines
    #[arg(long, value_name = "FILE")]
    checkpoints: Option<PathBuf>,

    /// Accept only checkpoints signed by this key (64 hex digits)
    #[arg(long, value_name = "HEX", requires = "checkpoints")]
    public_key: Option<String>,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let checkpoints = match &self.checkpoints {
            Some(file) => Some(read_checkpoints(file, self.public_key.as_deref())?),
            None => None,
        };
        let verification = match &self.export {
            Some(file) => offline(file, &checkpoints.unwrap_or_default())?,
            None => {
                let backend = Backend::open(&settings, Tenure::Guest).await?;
                let verified = self.log(&backend, checkpoints).await;
                backend.close().await;
                verified?
            }
        };
        if self.json {
            println!("{}", serde_json::to_string(&verification)?);
        } else {
            print(&verification);
        }
        Ok(if verification.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn log(
        &self,
        backend: &Backend,
        checkpoints: Option<Vec<Checkpoint>>,
    ) -> anyhow::Result<Verification> {
        let reader = Reader::new(backend.pool.clone());
        let checkpoints = match checkpoints {
            Some(checkpoints) => checkpoints,
            None => kept(&reader).await?,
        };
        let range = Range { from: self.from.max(1), until: self.until };
        let end = self.until.unwrap_or(reader.head().await?);
        let bar = progress::bar("verifying", end);
        let verified =
            verify(&reader, range, &checkpoints, |position| progress::reach(&bar, position)).await;
        bar.finish_and_clear();
        Ok(verified?)
    }
}

/// Those the database keeps: no proof against its owner, but against everybody else.
async fn kept(reader: &Reader) -> anyhow::Result<Vec<Checkpoint>> {
    let mut checkpoints = checkpoint::newest(reader, i64::MAX, CHECKPOINTS_MAX).await?;
    checkpoints.reverse();
    let forged = checkpoints.iter().find(|point| !point.is_signed_by(&point.public_key));
    if let Some(forged) = forged {
        anyhow::bail!(
            "the checkpoint at {} in the database has a false signature",
            forged.position
        );
    }
    Ok(checkpoints)
}

fn offline(file: &Path, checkpoints: &[Checkpoint]) -> anyhow::Result<Verification> {
    let name = || format!("{} cannot be opened", file.display());
    let opened = File::open(file).with_context(name)?;
    let length = opened.metadata().with_context(name)?.len();
    let bar = progress::bar("verifying, bytes", i64::try_from(length).unwrap_or(0));
    let read = bar.wrap_read(opened);
    let verified = verify_export(BufReader::new(read), checkpoints, |_| ());
    bar.finish_and_clear();
    Ok(verified?)
}

fn print(verification: &Verification) {
    let Verification { from, until, events, commits, .. } = verification;
    if let Some(broken) = &verification.broken {
        println!("NOT what was written: {broken}");
        println!("Verified until {until}: {commits} commits hold.");
        return;
    }
    if *events == 0 {
        println!("There is nothing to verify: no events from position {from} on.");
        return;
    }
    println!("Verified: {events} events in {commits} commits, positions {from} to {until}.");
    if let Some(hash) = &verification.hash {
        println!("Hash of the chain: {hash}");
    }
    match verification.checkpoints {
        0 => println!("No signed checkpoint to compare with."),
        1 => println!("One signed checkpoint agrees."),
        agreed => println!("{agreed} signed checkpoints agree."),
    }
    if verification.checkpoints_beyond > 0 {
        println!("{} signed checkpoints lie beyond.", verification.checkpoints_beyond);
    }
}
