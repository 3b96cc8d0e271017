//! The log: append, load, read, relay and subscribe.
//!
//! [`Log`] is the write side: it decides commands on streams and appends what they lead to.
//! [`Reader`] reads events back, by stream, by position and by type.

pub mod adopt;
pub mod append;
pub mod bus;
pub mod checkpoint;
pub mod export;
pub mod personal;
pub mod subscribe;
pub mod upcast;
pub mod verify;

mod context;
mod event;
mod executor;
mod leaf;
mod patience;
mod read;

pub use bus::{Bus, BusError, BusOptions, relay};
pub use context::{Context, Receipt};
pub use event::{DecodeError, Metadata, RecordedEvent, StreamId};
pub use executor::{
    CqrsContext, CqrsStore, Decision, ExecuteError, Facts, Loaded, Log, Options, StoreError,
};
pub use leaf::{ChainHash, content_hash};
pub use patience::{ANSWER_MAX, in_time, pool_options};
pub use personal::PersonalKeys;
pub use read::{Reader, Tail, Through, Wanted};
pub use subscribe::{Batch, Feed, FeedItem, Following, SubscribeError, Subscription};

/// Every table of the system, forward only.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// Brings a database up to date. sqlx holds an advisory lock meanwhile, so that several processes
/// may start at once.
pub async fn migrate(pool: &sqlx::PgPool) -> Result<(), sqlx::migrate::MigrateError> {
    MIGRATOR.run(pool).await
}
