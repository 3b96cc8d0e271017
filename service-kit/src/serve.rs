//! Serving until told to stop, and then stopping.

use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long requests may take to finish after the signal. What is still open then is dropped: a
/// stream of events has no end of its own, and whoever stops us kills us after 10 s.
const DRAIN_MAX: Duration = Duration::from_secs(7);

/// Serves until `shutdown`, then lets requests finish.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service)
        .with_graceful_shutdown(shutdown.clone().cancelled_owned())
        .into_future();
    let overdue = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN_MAX).await;
    };
    tokio::select! {
        served = serving => served,
        () = overdue => {
            tracing::warn!("requests still open after {DRAIN_MAX:?} are dropped");
            Ok(())
        }
    }
}

/// Cancelled by the first SIGTERM or SIGINT; the second one ends the process at once.
pub fn on_signals() -> io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let first = token.clone();
    tokio::spawn(async move {
        loop {
            let code = tokio::select! {
                _ = terminate.recv() => 143,
                _ = interrupt.recv() => 130,
            };
            if first.is_cancelled() {
                std::process::exit(code);
            }
            tracing::info!("stopping: requests may finish, a second signal ends at once");
            first.cancel();
        }
    });
    Ok(token)
}
