//! Accounts: register, profile, e-mail, password, roles, deactivation, erasure.

mod commands;
mod routes;

pub use commands::{
    Registration, change_email, change_password, change_profile, create, deactivate, erase,
    grant_role, reactivate, register, revoke_role, set_password,
};
pub(crate) use routes::routes;
