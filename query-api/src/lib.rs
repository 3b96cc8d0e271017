//! The read side over HTTP: GET.
//!
//! Each slice is a module with its routes and their `select`s. A handler answers through
//! [`App::read`], which keeps the promises that all answers share: Consistency-Token, one snapshot,
//! ETag, personal values opened, and a cache that cannot be stale.

mod account;
mod activity;
mod analytics;
mod api_key;
mod app;
mod asked;
pub mod audit;
mod book;
mod cart;
mod catalogue;
mod certificate;
mod comment;
mod conversation;
mod course;
mod enrollment;
mod export;
mod file;
mod follow;
mod item;
mod leaderboard;
mod like;
mod live;
mod loan;
mod meaning;
pub mod notification;
mod opened;
mod operations;
mod order;
mod page;
mod price;
mod product;
mod progress;
mod rating;
mod recommendation;
mod search;
mod shelf;
mod similar;
mod stock;
mod top;
mod view;
mod weekly;
mod words;
mod workflow;

pub use app::{App, router};
pub use asked::Asked;
pub use leaderboard::Leaderboards;
pub use page::Answer;
pub use recommendation::{Explained, Recommendations, explain};
pub use search::found_by_words;
pub(crate) use view::Select;
pub use view::{Reads, View};
