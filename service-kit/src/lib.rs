//! What every HTTP process needs and the domain never sees.
//!
//! A handler takes a [`Caller`] (or [`Only`] one with a role), [`Path`], [`Query`] and [`Json`], and
//! answers with [`Accepted`] or a [`Problem`]. [`framed`] or [`Site`] puts around all handlers what
//! api.md promises of every answer.

pub mod access_log;
pub mod auth;
pub mod clock;
pub mod codes;
pub mod header;
pub mod metrics;
pub mod page;
pub mod rates;
pub mod schema;
pub mod telemetry;

mod accepted;
mod attempt;
mod caller;
mod conditional;
mod described;
mod frame;
mod freshness;
mod health;
mod in_person;
mod json;
mod kit;
mod openapi;
mod parameters;
mod problem;
mod refuse;
mod request;
mod serve;
mod site;
mod slices;
mod trace;
mod upload;
mod who;

pub use accepted::{Accepted, ReceiptBody, StreamBody};
pub use attempt::{LogInAttempt, ResetAttempt};
pub use caller::{
    ANONYMOUS, Analyst, Auditor, Caller, Instructor, Member, Merchandiser, Needs, Only, Operator,
};
pub use conditional::{conditional, conditional_bytes, is_known};
pub use frame::{BODY_BYTES_MAX, framed};
pub use freshness::Freshness;
pub use health::{Checked, Health};
pub use in_person::InPerson;
pub use json::Json;
pub use kit::{Kit, Settings};
pub use parameters::{Path, Query};
pub use problem::{FieldError, Problem};
pub use refuse::{OrRefuse, Undecided};
pub use request::Facts;
pub use serve::{on_signals, serve};
pub use site::{BASE, Site, description};
pub use slices::Slices;
pub use trace::Trace;
pub use upload::{UPLOAD_BYTES_MAX, Upload};
