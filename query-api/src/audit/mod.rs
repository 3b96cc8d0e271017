//! What auditors see: every event, every stream at every moment, and the proof that nothing was
//! changed. Reads the log itself.
//!
//! Personal values stay sealed unless `reveal=<reason>` says why not. Every request here is
//! recorded, and so is every reveal with its reason.

mod access;
mod auditing;
mod diff;
mod events;
mod export;
mod integrity;
mod moment;
mod replayed;
mod search;
mod shown;
mod state;
mod streams;
mod trace;

use utoipa_axum::router::OpenApiRouter;

pub use auditing::Reason;
pub(crate) use moment::Moment;
pub use replayed::{Replayed, Until};
pub use shown::ShownEvent;

use crate::App;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(access::routes())
        .merge(events::routes())
        .merge(export::routes())
        .merge(integrity::routes())
        .merge(streams::routes())
        .merge(trace::routes())
}
