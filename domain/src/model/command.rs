use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A model that was fitted, without its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fit {
    /// It knows the log up to here.
    pub position: i64,
    pub people: u32,
    pub items: u32,
    pub lambda: f64,
    /// SHA-256 of the items in their order, in hex: what rows and columns of the weights stand for.
    pub item_order_hash: String,
    /// SHA-256 of the weights, in hex.
    pub model_hash: String,
    /// None where there were too few people to say.
    pub metrics: Option<Metrics>,
    pub seconds: f64,
}

/// How well a fit did on people it had not seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metrics {
    /// So many were asked.
    pub people: u32,
    /// The share of them who found their newest liking among the first ten.
    pub hit_rate: f64,
}

impl Metrics {
    /// By more than chance explains: twice the standard error of the difference.
    pub fn is_clearly_worse_than(&self, other: &Self) -> bool {
        let (ours, theirs) = (f64::from(self.people.max(1)), f64::from(other.people.max(1)));
        let together = (ours * self.hit_rate + theirs * other.hit_rate) / (ours + theirs);
        let error = (together * (1.0 - together) * (1.0 / ours + 1.0 / theirs)).max(0.0).sqrt();
        self.hit_rate < other.hit_rate - 2.0 * error
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Offer { fit: Fit, at: DateTime<Utc> },
}
