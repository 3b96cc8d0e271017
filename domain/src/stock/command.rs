use chrono::{DateTime, Utc};

use crate::{OrderId, ProductId, Quantity, Text};

#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Receive {
        product: ProductId,
        quantity: Quantity,
        reason: Option<Text>,
        at: DateTime<Utc>,
    },
    /// Corrects what is on hand by a difference, which is not zero.
    Adjust {
        product: ProductId,
        by: i64,
        reason: Option<Text>,
        at: DateTime<Utc>,
    },
    /// Not enough is an event, `ReservationRefused`, not a refusal: the order needs to hear of it.
    Reserve {
        product: ProductId,
        order: OrderId,
        quantity: Quantity,
        at: DateTime<Utc>,
    },
    Release {
        product: ProductId,
        order: OrderId,
        at: DateTime<Utc>,
    },
    Ship {
        product: ProductId,
        order: OrderId,
        at: DateTime<Utc>,
    },
    SetReorderLevel {
        product: ProductId,
        reorder_level: Option<u32>,
        at: DateTime<Utc>,
    },
}
