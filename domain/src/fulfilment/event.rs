use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ErrorText, Money, OrderId, ProductId, Quantity, Reference, order::Reason, order::Short,
    wire::schemas,
};

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
    /// From here on the provider may have taken it, whatever it answers and whether it answers.
    PaymentRequested {
        order: OrderId,
        amount: Money,
        at: DateTime<Utc>,
    },
    /// `reference` is what the provider calls it.
    PaymentTaken {
        order: OrderId,
        amount: Money,
        reference: Reference,
        at: DateTime<Utc>,
    },
    PaymentDeclined {
        order: OrderId,
        reason: ErrorText,
        at: DateTime<Utc>,
    },
    /// No answer, or none that says whether it was taken. Attempts count from 1.
    PaymentFailed {
        order: OrderId,
        attempt: u32,
        error: ErrorText,
        retry_at: DateTime<Utc>,
        at: DateTime<Utc>,
    },
    /// It failed, and will not be asked for again.
    PaymentGivenUp {
        order: OrderId,
        error: ErrorText,
        at: DateTime<Utc>,
    },
    /// The provider has nothing of this order, or has it no longer.
    PaymentRefunded {
        order: OrderId,
        at: DateTime<Utc>,
    },
    /// Everything is reserved and the order confirmed.
    FulfilmentConfirmed {
        order: OrderId,
        at: DateTime<Utc>,
    },
    /// Everything was asked for, and something was refused or is not paid.
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
        Self::PaymentRequested { .. } => ("PaymentRequested", "1.0.0"),
        Self::PaymentTaken { .. } => ("PaymentTaken", "1.0.0"),
        Self::PaymentDeclined { .. } => ("PaymentDeclined", "1.0.0"),
        Self::PaymentFailed { .. } => ("PaymentFailed", "1.0.0"),
        Self::PaymentGivenUp { .. } => ("PaymentGivenUp", "1.0.0"),
        Self::PaymentRefunded { .. } => ("PaymentRefunded", "1.0.0"),
        Self::FulfilmentConfirmed { .. } => ("FulfilmentConfirmed", "1.0.0"),
        Self::FulfilmentRejecting { .. } => ("FulfilmentRejecting", "1.1.0"),
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
