//! What the handlers share, and all routes.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use blobstore::Blobs;
use eventstore::personal::PersonalKeys;
use eventstore::{Feed, Reader};
use moka::future::Cache;
use processes::vectors::TextSearch;
use service_kit::{Kit, Slices};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::leaderboard::Leaderboards;
use crate::live::Live;
use crate::meaning::Meaning;
use crate::page::{Kept, Key};
use crate::progress::Progress;
use crate::recommendation::Models;
use crate::{
    account, activity, analytics, api_key, audit, book, cart, certificate, comment, conversation,
    course, enrollment, export, file, follow, leaderboard, like, live, loan, notification,
    operations, order, price, product, rating, recommendation, search, shelf, similar, stock, top,
    weekly, workflow,
};

/// Answers kept in memory, in bytes.
const CACHE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// A kept answer is never stale; this only frees what nobody asks for any more.
const CACHE_IDLE_MAX: Duration = Duration::from_secs(60);

/// State of the read side. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

struct Parts {
    pool: PgPool,
    keys: PersonalKeys,
    kit: Kit,
    blobs: Blobs,
    cache: Cache<Key, Arc<Kept>>,
    live: Live,
    progress: Progress,
    models: Models,
    meaning: Arc<Meaning>,
    leaderboards: Leaderboards,
}

impl App {
    /// Live updates come from the feed.
    pub fn new(
        pool: PgPool,
        keys: PersonalKeys,
        kit: Kit,
        feed: Feed,
        blobs: Blobs,
        texts: TextSearch,
        leaderboards: Leaderboards,
    ) -> Self {
        let cache = Cache::builder()
            .max_capacity(CACHE_BYTES_MAX)
            .weigher(|_, kept: &Arc<Kept>| kept.weight())
            .time_to_idle(CACHE_IDLE_MAX)
            .build();
        let live = Live::new(pool.clone(), feed, kit.shutdown().clone());
        let progress = Progress::new(pool.clone());
        let models = Models::default();
        let meaning = Arc::new(Meaning::new(pool.clone(), texts));
        Self(Arc::new(Parts {
            pool,
            keys,
            kit,
            blobs,
            cache,
            live,
            progress,
            models,
            meaning,
            leaderboards,
        }))
    }

    /// For what reads the log itself; read models are read by [`App::read`].
    pub fn reader(&self) -> Reader {
        Reader::new(self.0.pool.clone())
    }

    pub fn leaderboards(&self) -> &Leaderboards {
        &self.0.leaderboards
    }

    pub fn pool(&self) -> &PgPool {
        &self.0.pool
    }

    pub fn keys(&self) -> &PersonalKeys {
        &self.0.keys
    }

    pub fn kit(&self) -> &Kit {
        &self.0.kit
    }

    pub fn blobs(&self) -> &Blobs {
        &self.0.blobs
    }

    pub(crate) fn cache(&self) -> &Cache<Key, Arc<Kept>> {
        &self.0.cache
    }

    pub(crate) fn progress(&self) -> &Progress {
        &self.0.progress
    }

    pub(crate) fn models(&self) -> &Models {
        &self.0.models
    }

    pub(crate) fn meaning(&self) -> &Arc<Meaning> {
        &self.0.meaning
    }

    /// How search by meaning is: in words, for `/readyz`.
    pub fn told_of_meaning(&self) -> String {
        self.0.meaning.told()
    }

    /// Keeps what search by meaning knows of the catalogues up to date until shutdown.
    pub async fn follow_catalogues(&self, shutdown: CancellationToken) {
        self.0.meaning.follow(shutdown).await;
    }

    pub(crate) fn live(&self) -> &Live {
        &self.0.live
    }
}

impl FromRef<App> for Kit {
    fn from_ref(app: &App) -> Self {
        app.0.kit.clone()
    }
}

/// Every route, without the base path: `service_kit::Site` puts them in their place.
pub fn router(app: App) -> OpenApiRouter {
    Slices::new()
        .merge(account::routes())
        .merge(activity::routes())
        .merge(analytics::routes())
        .merge(api_key::routes())
        .merge(audit::routes())
        .merge(book::routes())
        .merge(cart::routes())
        .merge(certificate::routes())
        .merge(comment::routes())
        .merge(conversation::routes())
        .merge(course::routes())
        .merge(enrollment::routes())
        .merge(export::routes())
        .merge(file::routes())
        .merge(follow::routes())
        .merge(leaderboard::routes())
        .merge(like::routes())
        .merge(live::routes())
        .merge(loan::routes())
        .merge(notification::routes())
        .merge(operations::routes())
        .merge(order::routes())
        .merge(price::routes())
        .merge(product::routes())
        .merge(rating::routes())
        .merge(shelf::routes())
        .merge(recommendation::routes())
        .merge(search::routes())
        .merge(similar::routes())
        .merge(stock::routes())
        .merge(top::routes())
        .merge(weekly::routes())
        .merge(workflow::routes())
        .with_state(app)
}
