use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{OrderId, ProductId, Quantity, order::Reason, order::Short, wire::schemas};

/// How far the fulfilment of an order got.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    FulfilmentStarted {
        order: OrderId,
        needs: Vec<Need>,
        at: DateTime<Utc>,
    },
    LinesReserved {
        order: OrderId,
        products: Vec<ProductId>,
        at: DateTime<Utc>,
    },
    LinesRefused {
        order: OrderId,
        short: Vec<Short>,
        at: DateTime<Utc>,
    },
    /// Everything is reserved and the order confirmed.
    FulfilmentConfirmed {
        order: OrderId,
        at: DateTime<Utc>,
    },
    /// Everything was asked for and something was refused.
    FulfilmentRejecting {
        order: OrderId,
        reason: Reason,
        at: DateTime<Utc>,
    },
    FulfilmentCancelled {
        order: OrderId,
        at: DateTime<Utc>,
    },
    FulfilmentReleased {
        order: OrderId,
        at: DateTime<Utc>,
    },
    FulfilmentShipped {
        order: OrderId,
        at: DateTime<Utc>,
    },
}

/// All lines of an order about one product, added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Need {
    pub product: ProductId,
    pub quantity: Quantity,
}

schemas! {
    /// Wire name and schema version. A new version comes with an upcaster.
    Event {
        Self::FulfilmentStarted { .. } => ("FulfilmentStarted", "1.0.0"),
        Self::LinesReserved { .. } => ("LinesReserved", "1.0.0"),
        Self::LinesRefused { .. } => ("LinesRefused", "1.0.0"),
        Self::FulfilmentConfirmed { .. } => ("FulfilmentConfirmed", "1.0.0"),
        Self::FulfilmentRejecting { .. } => ("FulfilmentRejecting", "1.0.0"),
        Self::FulfilmentCancelled { .. } => ("FulfilmentCancelled", "1.0.0"),
        Self::FulfilmentReleased { .. } => ("FulfilmentReleased", "1.0.0"),
        Self::FulfilmentShipped { .. } => ("FulfilmentShipped", "1.0.0"),
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
