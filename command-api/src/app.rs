//! What the handlers share, and all routes.

use std::time::Duration;

use axum::extract::FromRef;
use eventstore::Log;
use service_kit::Kit;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::{Passwords, account, credentials, session};

const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// State of the write side. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub log: Log,
    pub kit: Kit,
    pub passwords: Passwords,
}

impl App {
    pub fn new(log: Log, kit: Kit) -> Self {
        Self { log, kit, passwords: Passwords::default() }
    }
}

impl FromRef<App> for Kit {
    fn from_ref(app: &App) -> Self {
        app.kit.clone()
    }
}

/// Every route, without the base path: `service_kit::Site` puts them in their place.
pub fn router(app: App) -> OpenApiRouter {
    OpenApiRouter::new().merge(account::routes()).merge(session::routes()).with_state(app)
}

/// Removes what has expired and what a crash left behind, every hour until the end.
pub async fn housekeeping(log: Log, shutdown: CancellationToken) {
    loop {
        let swept = async {
            session::sweep(log.pool()).await?;
            credentials::sweep(log.pool()).await
        };
        if let Err(error) = swept.await {
            tracing::warn!(error = %error, "old sessions and credentials stay a while: {error}");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(SWEEP_EVERY) => {}
        }
    }
}
