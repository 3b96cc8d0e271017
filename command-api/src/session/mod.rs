//! Logging in, staying logged in, logging out. Nothing of it is in the log, except who may,
//! and that a refresh token came back which had been used.

mod commands;
mod routes;
mod store;

pub use commands::{Tokens, log_in, refresh};
pub(crate) use routes::routes;
pub(crate) use store::{revoke_account, revoke_all, sweep};
