use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Details;
use crate::{Money, ProductId, wire::schemas};

/// What happened to a product. Details are always complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    ProductAdded { product: ProductId, details: Box<Details>, price: Money, at: DateTime<Utc> },
    ProductRevised { product: ProductId, details: Box<Details>, at: DateTime<Utc> },
    ProductRepriced { product: ProductId, from: Money, to: Money, at: DateTime<Utc> },
    ProductDiscontinued { product: ProductId, at: DateTime<Utc> },
}

schemas! {
    /// Wire name and schema version. A new version comes with an upcaster.
    Event {
        Self::ProductAdded { .. } => ("ProductAdded", "1.0.0"),
        Self::ProductRevised { .. } => ("ProductRevised", "1.0.0"),
        Self::ProductRepriced { .. } => ("ProductRepriced", "1.0.0"),
        Self::ProductDiscontinued { .. } => ("ProductDiscontinued", "1.0.0"),
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
