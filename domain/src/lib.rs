//! Every rule of the business, pure: no I/O, no clock, no ids of its own.
//!
//! Each slice is a module with its commands, its events and one aggregate whose `decide` is a table
//! of the rules. What slices share (ids, money, bounded text, personal data) stands at the top.

pub mod account;
pub mod book;
pub mod cart;
pub mod comment;
pub mod conversation;
pub mod course;
pub mod dismissal;
pub mod enrollment;
pub mod export;
pub mod file;
pub mod follow;
pub mod fulfilment;
pub mod like;
pub mod loan;
pub mod model;
pub mod notification;
pub mod operators;
pub mod order;
pub mod process;
pub mod product;
pub mod projection;
pub mod publication;
pub mod rating;
pub mod shelf;
pub mod stock;
pub mod weekly;

mod claim;
mod email;
mod error_text;
mod ids;
mod item;
mod language;
mod money;
mod patch;
mod personal;
mod quantity;
mod recorded;
mod role;
mod tags;
mod text;
mod upcast;
mod wire;
mod wish;

pub use claim::Claim;
pub use email::{Email, EmailError};
pub use error_text::ErrorText;
pub use ids::{
    AccountId, AnswerId, ApiKeyId, BookId, CertificateId, CommentId, ConversationId, CourseId,
    ExportId, LessonId, OrderId, PasswordResetId, ProductId, PublicationId, SessionId,
};
pub use item::{ItemId, ItemIdError, ItemKind};
pub use language::{Language, LanguageError};
pub use money::{Currency, CurrencyError, Money, MoneyError};
pub use patch::Patch;
pub use personal::Personal;
pub use quantity::{Quantity, QuantityError};
pub use recorded::Recorded;
pub use role::{Role, RoleError};
pub use tags::{Tags, TagsError};
pub use text::{
    Markdown, Name, Reference, Tag, Text, TextError, Title, WebAddress, WebAddressError,
};
pub use upcast::{Upcaster, upcasters};
pub use wire::{EventType, Wire, wire};
pub use wish::Wish;

#[cfg(any(test, feature = "samples"))]
pub mod samples;

#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod wire_tests;
