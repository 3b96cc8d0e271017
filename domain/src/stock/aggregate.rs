use std::collections::BTreeMap;

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, Event, Level};
use crate::{OrderId, ProductId, Quantity, Recorded};

/// What there is, and which order has been promised how much of it.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stock {
    level: Level,
    reservations: BTreeMap<OrderId, Quantity>,
    reorder_level: Option<u32>,
    /// `StockRanLow` has been said and available has not risen above the reorder level since.
    low: bool,
}

/// More than any house holds; keeps sums far from overflow.
pub const ON_HAND_MAX: i64 = 1_000_000_000_000;

/// Why a request was turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    #[error("an adjustment by nothing is none")]
    NothingToAdjust,
    #[error("only {available} are available")]
    NotThatMany { available: i64 },
    #[error("no stock holds more than {ON_HAND_MAX}")]
    TooMany,
    #[error("this order has reserved {quantity} already")]
    ReservedOtherwise { quantity: Quantity },
    #[error("nothing is reserved for this order")]
    NothingReserved,
}

impl Stock {
    pub const fn level(&self) -> Level {
        self.level
    }

    /// What is reserved for an order and neither released nor shipped yet.
    pub fn reservation(&self, order: OrderId) -> Option<Quantity> {
        self.reservations.get(&order).copied()
    }

    /// Every rule about stock, one row each.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Receive { product, quantity, reason, at } => {
                let level = self.on_hand(quantity.into())?;
                Ok(vec![Event::StockReceived { product, quantity, reason, level, at }])
            }
            Command::Adjust { by: 0, .. } => Err(Refusal::NothingToAdjust),
            Command::Adjust { product, by, reason, at } => {
                let level = self.on_hand(by)?;
                let event = Event::StockAdjusted { product, by, reason, level, at };
                Ok(self.and_low(event, product, level, at))
            }
            Command::Reserve { product, order, quantity, at } => {
                self.reserve(product, order, quantity, at)
            }
            Command::Release { product, order, at } => {
                let Some(quantity) = self.reservations.get(&order).copied() else {
                    return Ok(vec![]);
                };
                let reserved = self.level.reserved - i64::from(quantity);
                let level = Level { reserved, ..self.level };
                Ok(vec![Event::ReservationReleased { product, order, quantity, level, at }])
            }
            Command::Ship { product, order, at } => {
                let quantity = self.reservations.get(&order).copied();
                let quantity = quantity.ok_or(Refusal::NothingReserved)?;
                let on_hand = self.level.on_hand - i64::from(quantity);
                let reserved = self.level.reserved - i64::from(quantity);
                let level = Level { on_hand, reserved };
                Ok(vec![Event::StockShipped { product, order, quantity, level, at }])
            }
            Command::SetReorderLevel { reorder_level, .. }
                if reorder_level == self.reorder_level =>
            {
                Ok(vec![])
            }
            Command::SetReorderLevel { product, reorder_level: to, at } => {
                let mut events =
                    vec![Event::ReorderLevelSet { product, from: self.reorder_level, to, at }];
                events.extend(self.ran_low(product, to, self.level, at));
                Ok(events)
            }
        }
    }

    fn reserve(
        &self,
        product: ProductId,
        order: OrderId,
        quantity: Quantity,
        at: Time,
    ) -> Result<Vec<Event>, Refusal> {
        match self.reservations.get(&order) {
            Some(reserved) if *reserved == quantity => return Ok(vec![]),
            Some(reserved) => {
                return Err(Refusal::ReservedOtherwise { quantity: *reserved });
            }
            None => {}
        }
        let wanted = i64::from(quantity);
        if wanted > self.level.available() {
            let level = self.level;
            return Ok(vec![Event::ReservationRefused { product, order, quantity, level, at }]);
        }
        let level = Level { reserved: self.level.reserved + wanted, ..self.level };
        let event = Event::StockReserved { product, order, quantity, level, at };
        Ok(self.and_low(event, product, level, at))
    }

    /// The level with a difference on hand, when there are then neither too few nor too many.
    fn on_hand(&self, by: i64) -> Result<Level, Refusal> {
        let on_hand = self.level.on_hand.saturating_add(by);
        let level = Level { on_hand, ..self.level };
        if level.available() < 0 {
            Err(Refusal::NotThatMany { available: self.level.available() })
        } else if on_hand > ON_HAND_MAX {
            Err(Refusal::TooMany)
        } else {
            Ok(level)
        }
    }

    fn and_low(&self, event: Event, product: ProductId, level: Level, at: Time) -> Vec<Event> {
        let mut events = vec![event];
        events.extend(self.ran_low(product, self.reorder_level, level, at));
        events
    }

    fn ran_low(
        &self,
        product: ProductId,
        reorder_level: Option<u32>,
        level: Level,
        at: Time,
    ) -> Option<Event> {
        let reorder_level = reorder_level?;
        let is_low = level.available() <= i64::from(reorder_level);
        (is_low && !self.low).then_some(Event::StockRanLow { product, reorder_level, level, at })
    }
}

type Time = chrono::DateTime<chrono::Utc>;

impl Aggregate for Stock {
    const TYPE: &'static str = "stock";
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
            Event::StockReceived { level, .. } | Event::StockAdjusted { level, .. } => {
                self.level = level;
            }
            Event::StockReserved { order, quantity, level, .. } => {
                self.reservations.insert(order, quantity);
                self.level = level;
            }
            Event::ReservationReleased { order, level, .. }
            | Event::StockShipped { order, level, .. } => {
                self.reservations.remove(&order);
                self.level = level;
            }
            Event::ReservationRefused { .. } => {}
            Event::ReorderLevelSet { to, .. } => self.reorder_level = to,
            Event::StockRanLow { .. } => self.low = true,
        }
        let above = |level: u32| self.level.available() > i64::from(level);
        if self.reorder_level.is_none_or(above) {
            self.low = false;
        }
    }
}

impl Recorded for Stock {}
