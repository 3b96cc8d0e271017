//! Logs on databases of their own.

use eventstore::personal::{PersonalKeys, RootKeys};
use eventstore::{Log, Options};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

/// The address of a new, migrated database.
pub fn database() -> String {
    local_services::testing::database_url_from("eventstore", |url| {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
        runtime.block_on(async {
            let pool = PgPool::connect(url).await.expect("the test database is reachable");
            eventstore::migrate(&pool).await.expect("the migrations run");
            pool.close().await;
        });
    })
}

pub async fn connect(url: &str) -> PgPool {
    PgPoolOptions::new().max_connections(8).connect(url).await.expect("the database is reachable")
}

/// Another process's view of the log in `url`.
pub async fn open(url: &str) -> Log {
    let pool = connect(url).await;
    let keys = PersonalKeys::new(pool.clone(), RootKeys { master: [1; 32], lookup: [2; 32] });
    Log::open(pool, keys, Options::default()).await.expect("the log opens")
}

/// A log on a database of its own.
pub async fn log() -> Log {
    open(&database()).await
}
