use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::OrderNumber;
use crate::{AccountId, Money, Name, OrderId, ProductId, Quantity, product::Sku, wire::schemas};

/// What happened to an order. Every event carries the customer and the total, which never change.
///
/// `OrderPlaced` holds the first lines, `line_count` and `total` are of the whole order. An order of
/// more than `LINES_PER_EVENT_MAX` lines is followed, in the same commit, by `OrderLinesPlaced` with
/// the next ones: a single event could exceed what the log accepts. `first_line` counts from 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Event {
    OrderPlaced {
        order: OrderId,
        number: OrderNumber,
        customer: AccountId,
        lines: Vec<Line>,
        line_count: u32,
        total: Money,
        at: DateTime<Utc>,
    },
    OrderLinesPlaced {
        order: OrderId,
        customer: AccountId,
        first_line: u32,
        lines: Vec<Line>,
        at: DateTime<Utc>,
    },
    OrderConfirmed {
        order: OrderId,
        customer: AccountId,
        total: Money,
        at: DateTime<Utc>,
    },
    OrderRejected {
        order: OrderId,
        customer: AccountId,
        total: Money,
        reason: Reason,
        at: DateTime<Utc>,
    },
    OrderShipped {
        order: OrderId,
        customer: AccountId,
        total: Money,
        at: DateTime<Utc>,
    },
    OrderDelivered {
        order: OrderId,
        customer: AccountId,
        total: Money,
        at: DateTime<Utc>,
    },
    /// `was` tells a cancelled promise (CONFIRMED) from a cancelled wish (PENDING).
    OrderCancelled {
        order: OrderId,
        customer: AccountId,
        total: Money,
        was: Status,
        by: AccountId,
        at: DateTime<Utc>,
    },
}

/// One line: how many of what, at which price for one, with the catalogue's words of that day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "OrderLine")]
pub struct Line {
    pub product: ProductId,
    pub sku: Sku,
    pub name: Name,
    pub quantity: Quantity,
    pub unit_price: Money,
}

/// How far an order got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(rename = "OrderStatus")]
pub enum Status {
    Pending,
    Confirmed,
    Rejected,
    Shipped,
    Delivered,
    Cancelled,
}

impl Status {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Confirmed => "CONFIRMED",
            Self::Rejected => "REJECTED",
            Self::Shipped => "SHIPPED",
            Self::Delivered => "DELIVERED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// Why an order was rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", rename_all = "kebab-case")]
#[schemars(rename = "RejectionReason")]
pub enum Reason {
    /// There was not enough of these; at most `Reason::SHORT_MAX` of them are named.
    OutOfStock { short: Vec<Short> },
    /// Whoever takes the payment said no.
    PaymentDeclined,
    /// Nobody was there to take the payment.
    PaymentUnavailable,
}

impl Reason {
    pub const SHORT_MAX: usize = 100;

    /// As it is stored.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OutOfStock { .. } => "out-of-stock",
            Self::PaymentDeclined => "payment-declined",
            Self::PaymentUnavailable => "payment-unavailable",
        }
    }
}

/// A product there was not enough of when the order asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Short {
    pub product: ProductId,
    pub wanted: u32,
    pub available: u32,
}

schemas! {
    /// Wire name and schema version. A new version comes with an upcaster.
    Event {
        Self::OrderPlaced { .. } => ("OrderPlaced", "1.0.0"),
        Self::OrderLinesPlaced { .. } => ("OrderLinesPlaced", "1.0.0"),
        Self::OrderConfirmed { .. } => ("OrderConfirmed", "1.0.0"),
        Self::OrderRejected { .. } => ("OrderRejected", "1.1.0"),
        Self::OrderShipped { .. } => ("OrderShipped", "1.0.0"),
        Self::OrderDelivered { .. } => ("OrderDelivered", "1.0.0"),
        Self::OrderCancelled { .. } => ("OrderCancelled", "1.0.0"),
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
