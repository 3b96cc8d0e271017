//! `daybook healthcheck`: for containers, which have no curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;

use crate::settings::Settings;

const WAIT_MAX: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub struct Healthcheck {
    /// Ask whether the process lives, not whether it is ready
    #[arg(long)]
    live: bool,

    /// Where it is [default: the address it listens on]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

impl Healthcheck {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let base = self.url.unwrap_or_else(|| format!("http://{}", reachable(settings.listen)));
        let path = if self.live { "livez" } else { "readyz" };
        let url = format!("{}/{path}", base.trim_end_matches('/'));
        let client = reqwest::Client::builder().timeout(WAIT_MAX).no_proxy().build()?;
        let answer =
            client.get(&url).send().await.with_context(|| format!("nobody answers at {url}"))?;
        let status = answer.status();
        println!("{status}\n{}", answer.text().await?);
        Ok(if status.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// "Any address" is where one listens, not where one calls.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let host = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(host, listen.port())
}
