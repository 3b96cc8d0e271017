//! `/livez` and `/readyz`.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use serde::Serialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::Problem;

const CHECK_MAX: Duration = Duration::from_secs(2);

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<String, String>> + Send + Sync>;

/// What must work for this process to be of use, by name.
#[derive(Clone)]
pub struct Health {
    checks: Vec<(&'static str, Check)>,
    shutdown: CancellationToken,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    pub name: &'static str,
    pub ok: bool,
    pub detail: String,
}

impl Health {
    pub fn new(shutdown: CancellationToken) -> Self {
        Self { checks: Vec::new(), shutdown }
    }

    /// `check` answers what it found, or what is wrong.
    pub fn check<F, Fut>(mut self, name: &'static str, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String, String>> + Send + 'static,
    {
        self.checks.push((name, Arc::new(move || check().boxed())));
        self
    }

    pub async fn run(&self) -> Vec<Checked> {
        let running = self.checks.iter().map(|(name, check)| async {
            match tokio::time::timeout(CHECK_MAX, check()).await {
                Ok(Ok(detail)) => Checked { name, ok: true, detail },
                Ok(Err(detail)) => Checked { name, ok: false, detail },
                Err(_) => Checked { name, ok: false, detail: "no answer within 2 s".to_owned() },
            }
        });
        let mut checked = join_all(running).await;
        if self.shutdown.is_cancelled() {
            let detail = "shutting down".to_owned();
            checked.push(Checked { name: "shutdown", ok: false, detail });
        }
        checked
    }

    pub async fn ready(&self) -> Response {
        let checks = self.run().await;
        let failed: Vec<&str> = checks.iter().filter(|c| !c.ok).map(|c| c.name).collect();
        if failed.is_empty() {
            return axum::Json(json!({"status": "ready", "checks": checks})).into_response();
        }
        let detail = format!("not ready: {}", failed.join(", "));
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
            .with("checks", json!(checks))
            .retry_after(1)
            .into_response()
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.checks.iter().map(|(name, _)| name)).finish()
    }
}
