//! `daybook bench` without the rest of the product: quick to build, easy to profile.

use std::process::ExitCode;

use clap::Parser;

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    bench: bench::Bench,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let bench = Cli::parse().bench;
    // target/PROFILE/examples/bench stands beside target/PROFILE/daybook.
    let program = std::env::current_exe()?.with_file_name("../daybook");
    bench.run(program, std::env::var("DATABASE_URL").ok()).await
}
