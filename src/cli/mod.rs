//! The command line: a file per subcommand, each a module, a variant and an arm here.

mod account;
mod adopt;
mod asyncapi;
mod bench;
mod config;
mod demo;
mod doctor;
mod events;
mod extract_text;
mod healthcheck;
mod import;
mod migrate;
mod notifications;
mod openapi;
mod packed;
mod parked;
mod processes;
mod progress;
mod projections;
mod readable;
mod reco;
mod replay;
mod search;
mod send_test_email;
mod serve;
mod table;
mod up;
mod verify;

use std::process::ExitCode;

use eventstore::Context;
use uuid::Uuid;

use crate::settings::{Flags, Settings};

/// What happened, in order, never erased: an event-sourced book of original entry.
#[derive(Debug, clap::Parser)]
#[command(name = "daybook", version, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    flags: Flags,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Run everything in one process, with a database and a bus of its own unless configured
    Up(up::Up),
    /// Run some parts of a configured system
    Serve(serve::Serve),
    /// Bring the database up to date
    Migrate(migrate::Migrate),
    /// Look into everything that can be wrong, and say what fixes it
    Doctor(doctor::Doctor),
    /// Ask a running Daybook whether it is ready
    Healthcheck(healthcheck::Healthcheck),
    /// Accounts, from the machine's side
    Account(account::Account),
    /// Fill the log with sample data, and say what to look at
    Demo(demo::Demo),
    /// Turn the rows of files into commands
    Import(import::Import),
    /// Show what happened to one stream, or compare a projection with a fresh build of it
    Replay(replay::Replay),
    /// Show the log as it grows, or write it to a file that can be verified
    Events(events::Events),
    /// Recompute the hash chain, of the log or of an exported file
    Verify(verify::Verify),
    /// How the read models are doing; rebuild, pause and resume them; compare them with a rebuild
    Projections(projections::Projections),
    /// Events that a projection could not apply: look, try again, give up
    Parked(parked::Parked),
    /// What reacts to events: how far, at what, step by step; try again what is parked
    Processes(processes::Processes),
    /// What people were told, and what of it never went out; send that anew
    Notifications(notifications::Notifications),
    /// Fit recommendations; measure them on files of who liked what
    Reco(reco::Reco),
    /// Measure how well search finds, on collections of questions and their answers
    Search(search::Search),
    /// Send a mail, to see whether mail goes out
    SendTestEmail(send_test_email::SendTestEmail),
    /// Take over the events table of a postgres-es program
    Adopt(adopt::Adopt),
    /// Measure this machine: ours beside what people would take instead
    Bench(bench::Bench),
    /// Print the description of the HTTP interface (OpenAPI 3.1)
    Openapi(openapi::Openapi),
    /// Print the description of the stream of events (AsyncAPI 3.0)
    Asyncapi(asyncapi::Asyncapi),
    /// Print or check the settings
    Config(config::Config),
    /// Read an attached file; used by what publishes courses
    #[command(hide = true)]
    ExtractText(extract_text::ExtractText),
}

impl Cli {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        // It knows nothing, wherever it is called.
        if let Command::ExtractText(extract_text) = self.command {
            return extract_text.run();
        }
        let settings = Settings::load(&self.flags)?;
        service_kit::telemetry::install(settings.log_format, settings.log.as_deref())?;
        match self.command {
            Command::Up(up) => up.run(settings).await,
            Command::Serve(serve) => serve.run(settings).await,
            Command::Migrate(migrate) => migrate.run(settings).await,
            Command::Doctor(doctor) => doctor.run(settings).await,
            Command::Healthcheck(healthcheck) => healthcheck.run(settings).await,
            Command::Account(account) => account.run(settings).await,
            Command::Demo(demo) => demo.run(settings).await,
            Command::Import(import) => import.run(settings).await,
            Command::Replay(replay) => replay.run(settings).await,
            Command::Events(events) => events.run(settings).await,
            Command::Verify(verify) => verify.run(settings).await,
            Command::Projections(projections) => projections.run(settings).await,
            Command::Parked(parked) => parked.run(settings).await,
            Command::Processes(processes) => processes.run(settings).await,
            Command::Notifications(notifications) => notifications.run(settings).await,
            Command::SendTestEmail(send_test_email) => send_test_email.run(settings).await,
            Command::Adopt(adopt) => adopt.run(settings).await,
            Command::Reco(reco) => reco.run(settings).await,
            Command::Search(search) => search.run(&settings).await,
            Command::Bench(bench) => bench.run(settings).await,
            Command::Openapi(openapi) => openapi.run().await,
            Command::Asyncapi(asyncapi) => asyncapi.run(),
            Command::Config(config) => config.run(settings),
            Command::ExtractText(extract_text) => extract_text.run(),
        }
    }
}

/// Whoever has the machine has the right; the log says that it was used.
fn by_machine() -> Context {
    Context::system(MACHINE, Uuid::now_v7().to_string(), service_kit::clock::now())
}

const MACHINE: &str = "machine";
