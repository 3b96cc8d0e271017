use chrono::{DateTime, Utc};

use super::{Line, Pieces};
use crate::{AccountId, OrderId, ProductId};

#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// So many of it, whatever the cart held before.
    PutItem {
        customer: AccountId,
        product: ProductId,
        quantity: Pieces,
        at: DateTime<Utc>,
    },
    RemoveItem {
        customer: AccountId,
        product: ProductId,
        at: DateTime<Utc>,
    },
    Clear {
        customer: AccountId,
        at: DateTime<Utc>,
    },
    /// The order of these lines is placed in the same append.
    CheckOut {
        customer: AccountId,
        order: OrderId,
        lines: Vec<Line>,
        at: DateTime<Utc>,
    },
}

impl Command {
    /// The one product this is about, if it is about one.
    pub(super) const fn product(&self) -> Option<ProductId> {
        match self {
            Self::PutItem { product, .. } | Self::RemoveItem { product, .. } => Some(*product),
            Self::Clear { .. } | Self::CheckOut { .. } => None,
        }
    }
}
