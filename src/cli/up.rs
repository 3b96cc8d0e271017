//! `daybook up`: the whole system in one process.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use tokio::net::TcpListener;

use crate::backend::{Backend, Tenure};
use crate::roles::{self, Role};
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
pub struct Up {
    /// Fill an empty log with the demo data first
    #[arg(long)]
    demo: bool,

    /// Keep nothing: a database and keys that are gone at the end
    #[arg(long)]
    ephemeral: bool,
}

impl Up {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let shutdown = service_kit::on_signals()?;
        // Before anything is started: an address in use should cost no time.
        let listener = listen(settings.listen).await?;
        let address = listener.local_addr()?;
        let tenure = Tenure::Owner { ephemeral: self.ephemeral };
        let backend = tokio::select! {
            backend = Backend::open(&settings, tenure) => backend?,
            () = shutdown.cancelled() => return Ok(ExitCode::SUCCESS),
        };
        announce(&backend, address, self.ephemeral);
        let running = roles::run(&Role::ALL, &backend, &settings, listener, shutdown);
        let ended = tokio::select! {
            ended = running => ended,
            () = backend.keep_services_alive() => Ok(()),
        };
        backend.close().await;
        ended.map(|()| ExitCode::SUCCESS)
    }
}

pub async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| format!("cannot listen on {address}; choose another with --listen"))
}

fn announce(backend: &Backend, address: SocketAddr, ephemeral: bool) {
    for line in &backend.description {
        println!("{line}");
    }
    let data = if ephemeral { "gone at the end, in" } else { "in" };
    println!("Data          {data} {}", backend.data_dir.display());
    println!("Interface     http://{address}/api/v1");
    println!("Description   http://{address}/docs");
    println!("Health        http://{address}/readyz");
    println!("Metrics       http://{address}/metrics");
    println!("Daybook is up on http://{address}. Ctrl-C stops it.");
}
