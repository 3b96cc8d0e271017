//! `daybook up`: the whole system in one process.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use eventstore::Log;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::backend::{Backend, Tenure};
use crate::cli::demo;
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
        for line in &backend.description {
            println!("{line}");
        }
        let (when_ready, ready) = oneshot::channel();
        let running = roles::run(&Role::ALL, &backend, &settings, listener, shutdown, when_ready);
        let welcoming = async {
            if let Ok(log) = ready.await
                && let Err(error) = self.welcome(&backend, &settings, log, address).await
            {
                tracing::error!(%error, "the demo data are not complete: {error:#}");
            }
            std::future::pending::<Infallible>().await
        };
        let ended = tokio::select! {
            ended = running => ended,
            never = welcoming => match never {},
            never = backend.keep_services_alive() => match never {},
        };
        backend.close().await;
        ended.map(|()| ExitCode::SUCCESS)
    }

    async fn welcome(
        &self,
        backend: &Backend,
        settings: &Settings,
        log: Log,
        address: SocketAddr,
    ) -> anyhow::Result<()> {
        if self.demo {
            if may_hold_demo(&log).await? {
                let blobs = crate::blobs::open(settings, &backend.data_dir)?;
                let summary = demo::run(&log, &blobs).await?;
                println!("{summary}\n{}\n", summary.tour(&format!("http://{address}")));
            } else {
                println!("The log has other events: no demo data are added to it.");
            }
        }
        announce(backend, address, self.ephemeral);
        Ok(())
    }
}

/// An empty log, or one that has demo data, perhaps not all: making them is repeatable.
async fn may_hold_demo(log: &Log) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "select not exists (select from eventstore.events)
             or exists (select from eventstore.commands where caller = 'import:demo')",
    )
    .fetch_one(log.pool())
    .await
}

pub async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| format!("cannot listen on {address}; choose another with --listen"))
}

fn announce(backend: &Backend, address: SocketAddr, ephemeral: bool) {
    let data = if ephemeral { "gone at the end, in" } else { "in" };
    println!("Data          {data} {}", backend.data_dir.display());
    println!("Interface     http://{address}/api/v1");
    println!("Description   http://{address}/docs");
    println!("Health        http://{address}/readyz");
    println!("Metrics       http://{address}/metrics");
    println!("Daybook is up on http://{address}. Ctrl-C stops it.");
}
