use std::sync::Arc;

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, Details, Event, Sku};
use crate::{Claim, Money, ProductId, Recorded};

/// Absent, then on sale, then discontinued for good.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Product {
    #[default]
    Absent,
    OnSale {
        details: Arc<Details>,
        price: Money,
    },
    Discontinued,
}

/// Why a request was turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    #[error("there is no such product")]
    Unknown,
    #[error("this product is in the catalogue already")]
    AlreadyAdded,
    #[error("this product has been discontinued")]
    Discontinued,
}

impl Product {
    pub const fn is_on_sale(&self) -> bool {
        matches!(self, Self::OnSale { .. })
    }

    /// Every rule about products, one row each.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match (command, self) {
            (Command::Add { product, details, price, at }, Self::Absent) => {
                Ok(vec![Event::ProductAdded { product, details, price, at }])
            }
            (Command::Add { .. }, _) => Err(Refusal::AlreadyAdded),
            (_, Self::Absent) => Err(Refusal::Unknown),
            (Command::Discontinue { .. }, Self::Discontinued) => Ok(vec![]),
            (_, Self::Discontinued) => Err(Refusal::Discontinued),
            (
                Command::Revise { product, revision, at },
                Self::OnSale { details: current, price: from },
            ) => {
                let to = revision.price.unwrap_or(*from);
                let details = revision.of(current);
                let mut events = vec![];
                if details != **current {
                    events.push(Event::ProductRevised { product, details: Box::new(details), at });
                }
                if to != *from {
                    events.push(Event::ProductRepriced { product, from: *from, to, at });
                }
                Ok(events)
            }
            (Command::Reprice { price, .. }, Self::OnSale { price: from, .. })
                if price == *from =>
            {
                Ok(vec![])
            }
            (Command::Reprice { product, price: to, at }, Self::OnSale { price: from, .. }) => {
                Ok(vec![Event::ProductRepriced { product, from: *from, to, at }])
            }
            (Command::Discontinue { product, at }, Self::OnSale { .. }) => {
                Ok(vec![Event::ProductDiscontinued { product, at }])
            }
        }
    }
}

impl Aggregate for Product {
    const TYPE: &'static str = "product";
    type Command = Command;
    type Event = Event;
    type Error = Refusal;
    type Services = ();

    async fn handle(
        &mut self,
        command: Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Refusal> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        match (event, &mut *self) {
            (Event::ProductAdded { details, price, .. }, _) => {
                *self = Self::OnSale { details: details.into(), price };
            }
            (Event::ProductRevised { details, .. }, Self::OnSale { details: current, .. }) => {
                *current = details.into();
            }
            (Event::ProductRepriced { to, .. }, Self::OnSale { price, .. }) => *price = to,
            (Event::ProductRevised { .. } | Event::ProductRepriced { .. }, _) => {}
            (Event::ProductDiscontinued { .. }, _) => *self = Self::Discontinued,
        }
    }
}

impl Recorded for Product {
    fn claims(event: &Event) -> Vec<Claim> {
        let take = |product: &ProductId, sku: &Sku| Claim::Unique {
            kind: "sku",
            key: sku.to_string(),
            holder: product.to_string(),
            personal: false,
        };
        let release =
            |product: &ProductId| Claim::Release { kind: "sku", holder: product.to_string() };
        match event {
            Event::ProductAdded { product, details, .. } => vec![take(product, &details.sku)],
            Event::ProductRevised { product, details, .. } => {
                vec![release(product), take(product, &details.sku)]
            }
            Event::ProductRepriced { .. } => vec![],
            Event::ProductDiscontinued { product, .. } => vec![release(product)],
        }
    }
}
