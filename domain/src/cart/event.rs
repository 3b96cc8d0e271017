use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Pieces;
use crate::wire::schemas;
use crate::{AccountId, OrderId, ProductId};

/// What happened to a customer's cart. Every event says what was in it of what it takes out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    ItemAdded {
        customer: AccountId,
        product: ProductId,
        quantity: Pieces,
        at: DateTime<Utc>,
    },
    QuantityChanged {
        customer: AccountId,
        product: ProductId,
        from: Pieces,
        to: Pieces,
        at: DateTime<Utc>,
    },
    ItemRemoved {
        customer: AccountId,
        product: ProductId,
        quantity: Pieces,
        at: DateTime<Utc>,
    },
    CartCleared {
        customer: AccountId,
        lines: Vec<Line>,
        at: DateTime<Utc>,
    },
    /// The order was placed in the same commit; these lines, and no others, left the cart for it.
    CheckedOut {
        customer: AccountId,
        order: OrderId,
        lines: Vec<Line>,
        at: DateTime<Utc>,
    },
}

/// So many of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    pub product: ProductId,
    pub quantity: Pieces,
}

schemas! {
    /// Wire name and schema version. A new version comes with an upcaster.
    Event {
        Self::ItemAdded { .. } => ("ItemAdded", "1.0.0"),
        Self::QuantityChanged { .. } => ("QuantityChanged", "1.0.0"),
        Self::ItemRemoved { .. } => ("ItemRemoved", "1.0.0"),
        Self::CartCleared { .. } => ("CartCleared", "1.0.0"),
        Self::CheckedOut { .. } => ("CheckedOut", "1.0.0"),
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
