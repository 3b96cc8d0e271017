use chrono::{DateTime, Utc};

use super::Need;
use crate::{ErrorText, Money, OrderId, ProductId, Reference, order::Short};

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
    /// What became of the payment; what comes too late changes nothing.
    Pay {
        order: OrderId,
        step: Paying,
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

/// A step of the payment.
#[derive(Debug, Clone, PartialEq)]
pub enum Paying {
    /// The provider is about to be asked.
    Request {
        amount: Money,
    },
    Took {
        amount: Money,
        reference: Reference,
    },
    Declined {
        reason: ErrorText,
    },
    /// Whether it was taken is not known. It will be asked for again, as the same payment.
    Failed {
        error: ErrorText,
        retry_at: DateTime<Utc>,
    },
    GiveUp {
        error: ErrorText,
    },
    Refunded,
}
