//! Accounts: register, profile, e-mail, password, roles, deactivation, erasure.

mod api_key;
mod commands;
mod password_reset;
mod routes;

pub(crate) use api_key::sweep as sweep_keys;
pub use api_key::{NewKey, create_key, revoke_key};
pub use commands::{
    Registration, change_email, change_own_email, change_password, change_profile, create,
    deactivate, erase, grant_role, reactivate, register, revoke_role, set_password,
};
pub(crate) use commands::{must_be_active, refused};
pub use password_reset::{request_reset, reset_password};
pub(crate) use routes::routes;
