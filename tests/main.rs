//! The system from outside: over HTTP, as a client, a dashboard or an auditor meets it.
//!
//! One `daybook up --ephemeral` serves all tests of this program. Tests share nothing but that:
//! each makes the accounts and items it needs.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod account;
mod activity;
mod analytics;
mod apart;
mod api_key;
mod asyncapi;
mod audit;
mod authorization;
mod bad_input;
mod book;
mod cart;
mod chain;
mod chaos;
mod cluster;
mod comment;
mod conventions;
mod conversation;
mod course;
mod crash;
mod ending;
mod enrollment;
mod erasure;
mod export;
mod features;
mod file;
mod follow;
mod gateway;
mod history_lost;
mod import;
mod leaderboard;
mod like;
mod limits;
mod live;
mod llm;
mod loan;
mod machine;
mod notification;
mod operations;
mod order;
mod payment;
mod pipeline;
mod product;
mod publication;
mod races;
mod rating;
mod reco;
mod recommendation;
mod running;
mod search;
mod search_eval;
mod shelf;
mod stock;
mod strangers;
mod system;
mod tokens;
mod totals;
mod vectors;
mod weekly;
