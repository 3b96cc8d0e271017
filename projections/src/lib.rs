//! Fills the read models from the log.
//!
//! A slice's projection is one file here plus its `.sql`; [`all`] lists them. The runtime around
//! them (leases, builds, parking, health) is in [`runtime`].

mod account;
mod activity;
mod analytics;
mod api_key;
mod audit_index;
mod book;
mod cart;
mod comment;
mod conversation;
mod course;
mod dismissal;
mod enrollment;
mod export;
mod features;
mod file;
mod follow;
mod like;
mod loan;
mod notification;
mod order;
mod price;
mod product;
mod projection;
mod rating;
mod rows;
pub mod runtime;
mod sales;
mod shelf;
mod stock;
mod turnover;
mod weekly;

#[cfg(test)]
mod tests;

pub use projection::{Projection, ProjectionError};
pub use runtime::{Options, run};

/// Every projection of this program, in the order they are shown.
pub fn all() -> Vec<Box<dyn Projection>> {
    vec![
        Box::new(account::Profiles),
        Box::new(api_key::ApiKeys),
        Box::new(follow::FollowGraph),
        Box::new(book::Books),
        Box::new(course::Courses),
        Box::new(product::Products),
        Box::new(price::Prices),
        Box::new(rating::ItemRatings),
        Box::new(comment::Comments),
        Box::new(conversation::Conversations),
        Box::new(like::Likes),
        Box::new(shelf::Favourites),
        Box::new(dismissal::Dismissals),
        Box::new(loan::Loans),
        Box::new(enrollment::Enrollments),
        Box::new(file::AttachedFiles),
        Box::new(stock::StockLevels),
        Box::new(cart::Carts),
        Box::new(order::Orders),
        Box::new(activity::Activity),
        Box::new(analytics::Analytics),
        Box::new(sales::Sales),
        Box::new(turnover::Turnover),
        Box::new(features::Features),
        Box::new(weekly::WeeklyLists),
        Box::new(notification::Notifications),
        Box::new(export::PersonalExports),
        Box::new(audit_index::AuditIndex),
    ]
}
