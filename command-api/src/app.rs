//! What the handlers share, and all routes.

use std::time::Duration;

use axum::extract::FromRef;
use blobstore::Blobs;
use eventstore::{Log, StoreError};
use service_kit::{Kit, Slices};
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::order::OrderNumbers;
use crate::{
    Passwords, account, book, cart, comment, conversation, course, credentials, dismissal,
    enrollment, export, file, follow, like, loan, operations, order, product, rating, session,
    shelf, stock,
};

const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// State of the write side. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub log: Log,
    pub kit: Kit,
    pub blobs: Blobs,
    pub passwords: Passwords,
    pub orders: OrderNumbers,
}

impl App {
    pub fn new(log: Log, kit: Kit, blobs: Blobs) -> Self {
        let orders = OrderNumbers::new(log.pool().clone());
        Self { log, kit, blobs, passwords: Passwords::default(), orders }
    }
}

impl FromRef<App> for Kit {
    fn from_ref(app: &App) -> Self {
        app.kit.clone()
    }
}

/// Every route, without the base path: `service_kit::Site` puts them in their place.
pub fn router(app: App) -> OpenApiRouter {
    Slices::new()
        .merge(account::routes())
        .merge(session::routes())
        .merge(export::routes())
        .merge(follow::routes())
        .merge(book::routes())
        .merge(rating::routes())
        .merge(comment::routes())
        .merge(conversation::routes())
        .merge(like::routes())
        .merge(shelf::routes())
        .merge(dismissal::routes())
        .merge(loan::routes())
        .merge(course::routes())
        .merge(enrollment::routes())
        .merge(file::routes())
        .merge(product::routes())
        .merge(stock::routes())
        .merge(cart::routes())
        .merge(operations::routes())
        .merge(order::routes())
        .with_state(app)
}

/// Removes what has expired and what a crash left behind.
pub async fn sweep(log: &Log) -> Result<(), StoreError> {
    session::sweep(log.pool()).await?;
    credentials::sweep(log.pool()).await?;
    account::sweep_keys(log.pool()).await?;
    export::sweep(log.pool()).await?;
    log.drop_old_refusals().await?;
    Ok(())
}

/// [`sweep`]s every hour until the end.
pub async fn housekeeping(log: Log, shutdown: CancellationToken) {
    loop {
        if let Err(error) = sweep(&log).await {
            tracing::warn!(error = %error, "what has expired stays a while: {error}");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(SWEEP_EVERY) => {}
        }
    }
}
