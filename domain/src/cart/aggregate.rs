use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, Event, Line, Pieces};
use crate::{ProductId, Recorded};

/// What the customer wants, in the order it was put in.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cart {
    lines: Vec<Line>,
}

/// Different products in one cart.
pub const PRODUCTS_MAX: usize = 200;

/// Why a request was turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    #[error("a cart holds at most {PRODUCTS_MAX} different products")]
    Full,
    #[error("there is nothing in the cart")]
    Empty,
    #[error("the cart does not hold what is ordered")]
    NotInCart { product: ProductId },
}

impl Cart {
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    fn quantity(&self, product: ProductId) -> Option<Pieces> {
        self.lines.iter().find(|line| line.product == product).map(|line| line.quantity)
    }

    /// Every rule about carts, one row each.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        let held = command.product().and_then(|product| self.quantity(product));
        match (command, held) {
            (Command::PutItem { quantity, .. }, Some(held)) if quantity == held => Ok(vec![]),
            (Command::PutItem { customer, product, quantity: to, at }, Some(from)) => {
                Ok(vec![Event::QuantityChanged { customer, product, from, to, at }])
            }
            (Command::PutItem { .. }, None) if self.lines.len() >= PRODUCTS_MAX => {
                Err(Refusal::Full)
            }
            (Command::PutItem { customer, product, quantity, at }, None) => {
                Ok(vec![Event::ItemAdded { customer, product, quantity, at }])
            }
            (Command::RemoveItem { customer, product, at }, Some(quantity)) => {
                Ok(vec![Event::ItemRemoved { customer, product, quantity, at }])
            }
            (Command::RemoveItem { .. }, None) => Ok(vec![]),
            (Command::Clear { .. }, _) if self.lines.is_empty() => Ok(vec![]),
            (Command::Clear { customer, at }, _) => {
                let lines = self.lines.clone();
                Ok(vec![Event::CartCleared { customer, lines, at }])
            }
            (Command::CheckOut { lines, .. }, _) if lines.is_empty() => Err(Refusal::Empty),
            (Command::CheckOut { customer, order, lines, at }, _) => {
                match lines.iter().find(|line| !self.lines.contains(line)) {
                    Some(line) => Err(Refusal::NotInCart { product: line.product }),
                    None => Ok(vec![Event::CheckedOut { customer, order, lines, at }]),
                }
            }
        }
    }

    fn take_out(&mut self, product: ProductId) {
        self.lines.retain(|line| line.product != product);
    }
}

impl Aggregate for Cart {
    const TYPE: &'static str = "cart";
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
        match event {
            Event::ItemAdded { product, quantity, .. } => {
                self.lines.push(Line { product, quantity });
            }
            Event::QuantityChanged { product, to, .. } => {
                let line = self.lines.iter_mut().find(|line| line.product == product);
                if let Some(line) = line {
                    line.quantity = to;
                }
            }
            Event::ItemRemoved { product, .. } => self.take_out(product),
            Event::CartCleared { lines, .. } | Event::CheckedOut { lines, .. } => {
                for line in lines {
                    self.take_out(line.product);
                }
            }
        }
    }
}

impl Recorded for Cart {}
