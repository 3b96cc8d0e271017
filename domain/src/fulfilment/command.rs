use chrono::{DateTime, Utc};

use super::Need;
use crate::{OrderId, ProductId, order::Short};

/// What the process has found out or done.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Start {
        order: OrderId,
        needs: Vec<Need>,
        at: DateTime<Utc>,
    },
    /// The stock's answers; those already recorded change nothing.
    Record {
        order: OrderId,
        reserved: Vec<ProductId>,
        refused: Vec<Short>,
        at: DateTime<Utc>,
    },
    /// The order was confirmed.
    Confirm {
        order: OrderId,
        at: DateTime<Utc>,
    },
    /// The order was cancelled: whatever is reserved must go back.
    Cancel {
        order: OrderId,
        at: DateTime<Utc>,
    },
    /// Everything reserved has been released.
    Release {
        order: OrderId,
        at: DateTime<Utc>,
    },
    /// Everything reserved has been shipped.
    Ship {
        order: OrderId,
        at: DateTime<Utc>,
    },
}
