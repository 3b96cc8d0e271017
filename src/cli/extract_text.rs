//! `daybook extract-text`: reads a file of somebody else's, apart from everything that matters.

use std::io::{stdin, stdout};
use std::process::ExitCode;

use domain::file::MediaType;

#[derive(Debug, clap::Args)]
pub struct ExtractText {
    /// As what the file on standard input is read, such as `application/pdf`
    media_type: MediaType,
}

impl ExtractText {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        processes::read_apart(self.media_type, stdin().lock(), stdout().lock())?;
        Ok(ExitCode::SUCCESS)
    }
}
