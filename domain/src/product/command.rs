use chrono::{DateTime, Utc};

use super::{Details, Sku};
use crate::{Money, Name, Patch, ProductId, Tag, Tags, Text};

#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Add {
        product: ProductId,
        details: Box<Details>,
        price: Money,
        at: DateTime<Utc>,
    },
    /// Also reprices, when `price` differs.
    Revise {
        product: ProductId,
        revision: Box<Revision>,
        at: DateTime<Utc>,
    },
    Reprice {
        product: ProductId,
        price: Money,
        at: DateTime<Utc>,
    },
    Discontinue {
        product: ProductId,
        at: DateTime<Utc>,
    },
}

/// The fields of a product to change.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Revision {
    pub sku: Option<Sku>,
    pub name: Option<Name>,
    pub description: Patch<Text>,
    pub category: Patch<Tag>,
    pub tags: Option<Tags>,
    pub price: Option<Money>,
}

impl Revision {
    /// The details after the change.
    pub fn of(self, current: &Details) -> Details {
        let current = current.clone();
        Details {
            sku: self.sku.unwrap_or(current.sku),
            name: self.name.unwrap_or(current.name),
            description: self.description.apply(current.description),
            category: self.category.apply(current.category),
            tags: self.tags.unwrap_or(current.tags),
        }
    }
}
