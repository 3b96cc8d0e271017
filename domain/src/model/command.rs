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
    /// How those that served did on the same people; None where nothing served, or its weights were
    /// lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<Metrics>,
    pub seconds: f64,
    /// How it was made: only fits of one recipe are the same for the same likings.
    pub recipe: u32,
}

/// How well a fit did on people it had not seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metrics {
    /// So many were asked.
    pub people: u32,
    /// The share of them who found their newest liking among the first ten.
    pub hit_rate: f64,
}

impl Fit {
    /// Than those that served, on the same people.
    pub fn is_clearly_worse(&self) -> bool {
        let both = self.metrics.zip(self.beside);
        both.is_some_and(|(ours, theirs)| ours.is_clearly_worse_than(&theirs))
    }
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
    /// `forgets`: somebody was erased after what the fit that serves knows, and before what this one
    /// knows.
    Offer { fit: Fit, forgets: bool, at: DateTime<Utc> },
}
