//! Daybook: what happened, in order, never erased.

mod backend;
mod blobs;
mod broken_pipe;
mod cli;
mod custody;
mod keys;
mod providers;
mod roles;
mod settings;
mod text_model;
mod vectors;

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

/// Commands allocate in one thread and free in another, and argon2 takes 19 MiB at a time: glibc keeps
/// what it once had, arena by arena.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match broken_pipe::quiet(|| run(cli)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("daybook: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: cli::Cli) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(cli.run());
    // What still blocks a thread, such as a download, must not keep us.
    runtime.shutdown_background();
    outcome
}
