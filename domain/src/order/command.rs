use chrono::{DateTime, Utc};

use super::{Line, OrderNumber, Reason};
use crate::{AccountId, OrderId};

#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Prices and names are the catalogue's at this moment, looked up by the caller.
    Place {
        order: OrderId,
        number: OrderNumber,
        customer: AccountId,
        lines: Vec<Line>,
        at: DateTime<Utc>,
    },
    Confirm {
        order: OrderId,
        at: DateTime<Utc>,
    },
    Reject {
        order: OrderId,
        reason: Reason,
        at: DateTime<Utc>,
    },
    Ship {
        order: OrderId,
        at: DateTime<Utc>,
    },
    Deliver {
        order: OrderId,
        at: DateTime<Utc>,
    },
    Cancel {
        order: OrderId,
        by: AccountId,
        /// A merchandiser cancels for the customer.
        as_merchandiser: bool,
        at: DateTime<Utc>,
    },
}
