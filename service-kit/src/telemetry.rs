//! Logs: for a person or for a program.

use std::io::IsTerminal;

use tracing_subscriber::filter::ParseError;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, fmt};

/// How logs are written to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    #[default]
    Auto,
    Pretty,
    Json,
}

const FILTER_DEFAULT: &str = "info,sqlx=warn,async_nats=warn,hyper=warn";

/// Installs the process's subscriber; once, at start. `filter` is in the syntax of `RUST_LOG`.
pub fn install(format: LogFormat, filter: Option<&str>) -> Result<(), ParseError> {
    let filter = EnvFilter::builder().parse(filter.unwrap_or(FILTER_DEFAULT))?;
    let pretty = match format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    let registry = tracing_subscriber::registry().with(filter);
    let installed = if pretty {
        registry.with(fmt::layer().with_writer(std::io::stderr).with_target(false)).try_init()
    } else {
        let json = fmt::layer().json().flatten_event(true).with_current_span(true);
        registry.with(json.with_span_list(false).with_writer(std::io::stderr)).try_init()
    };
    if installed.is_err() {
        tracing::debug!("a subscriber for logs was installed before");
    }
    Ok(())
}
