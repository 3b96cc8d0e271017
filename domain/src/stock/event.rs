use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{OrderId, ProductId, Quantity, Text, wire::schemas};

/// What happened to the stock of a product; `level` is how it stands after the event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    StockReceived {
        product: ProductId,
        quantity: Quantity,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Text>,
        level: Level,
        at: DateTime<Utc>,
    },
    StockAdjusted {
        product: ProductId,
        by: i64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Text>,
        level: Level,
        at: DateTime<Utc>,
    },
    StockReserved {
        product: ProductId,
        order: OrderId,
        quantity: Quantity,
        level: Level,
        at: DateTime<Utc>,
    },
    ReservationRefused {
        product: ProductId,
        order: OrderId,
        quantity: Quantity,
        level: Level,
        at: DateTime<Utc>,
    },
    ReservationReleased {
        product: ProductId,
        order: OrderId,
        quantity: Quantity,
        level: Level,
        at: DateTime<Utc>,
    },
    StockShipped {
        product: ProductId,
        order: OrderId,
        quantity: Quantity,
        level: Level,
        at: DateTime<Utc>,
    },
    ReorderLevelSet {
        product: ProductId,
        from: Option<u32>,
        to: Option<u32>,
        at: DateTime<Utc>,
    },
    StockRanLow {
        product: ProductId,
        reorder_level: u32,
        level: Level,
        at: DateTime<Utc>,
    },
}

/// Pieces in the house and pieces promised to orders. Available = on hand - reserved >= 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "StockLevel")]
pub struct Level {
    pub on_hand: i64,
    pub reserved: i64,
}

impl Level {
    pub const fn available(self) -> i64 {
        self.on_hand - self.reserved
    }
}

schemas! {
    /// Wire name and schema version. A new version comes with an upcaster.
    Event {
        Self::StockReceived { .. } => ("StockReceived", "1.0.0"),
        Self::StockAdjusted { .. } => ("StockAdjusted", "1.0.0"),
        Self::StockReserved { .. } => ("StockReserved", "1.0.0"),
        Self::ReservationRefused { .. } => ("ReservationRefused", "1.0.0"),
        Self::ReservationReleased { .. } => ("ReservationReleased", "1.0.0"),
        Self::StockShipped { .. } => ("StockShipped", "1.0.0"),
        Self::ReorderLevelSet { .. } => ("ReorderLevelSet", "1.0.0"),
        Self::StockRanLow { .. } => ("StockRanLow", "1.0.0"),
    }
}

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        self.schema().0.to_owned()
    }

    fn event_version(&self) -> String {
        self.schema().1.to_owned()
    }
}
