//! `daybook serve`: some parts of a system whose database, bus and keys are configured.

use std::process::ExitCode;

use tokio::sync::oneshot;

use crate::backend::{Backend, Tenure};
use crate::cli::up::listen;
use crate::roles::{self, Role};
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
pub struct Serve {
    /// Which part; may be repeated
    #[arg(long = "role", value_enum, required = true)]
    roles: Vec<Role>,
}

impl Serve {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let shutdown = service_kit::on_signals()?;
        let listener = listen(settings.listen).await?;
        let address = listener.local_addr()?;
        let backend = Backend::open(&settings, Tenure::Server).await?;
        let names: Vec<&str> = self.roles.iter().map(|role| role.name()).collect();
        let names = names.join(", ");
        let (when_ready, ready) = oneshot::channel();
        tokio::spawn(async move {
            if ready.await.is_ok() {
                println!("Daybook serves {names} on http://{address}.");
            }
        });
        let ended =
            roles::run(&self.roles, &backend, &settings, listener, shutdown, when_ready).await;
        backend.close().await;
        ended.map(|()| ExitCode::SUCCESS)
    }
}
