use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, Event, Need, Paying};
use crate::{
    OrderId, ProductId, Recorded,
    order::{Reason, Short},
};

/// What the process knows of one order.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fulfilment {
    state: State,
    needs: Arc<Vec<Need>>,
    reserved: BTreeSet<ProductId>,
    short: Vec<Short>,
    payment: Payment,
    /// How often the provider was asked and did not say whether it took the payment.
    failed: u32,
    /// When it is to be asked again.
    retry_at: Option<Time>,
    /// Why the order is rejected.
    reason: Option<Reason>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    #[default]
    Absent,
    Reserving,
    Confirmed,
    Rejecting,
    Cancelling,
    Released,
    Shipped,
}

/// How far the payment got.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payment {
    /// None is needed, or it has not come to that.
    #[default]
    NotAsked,
    /// The provider may have taken it.
    Asked {
        since: Time,
    },
    Taken,
    Declined,
    Refunded,
}

/// Why a step was turned down: the process asked for steps in the wrong order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    #[error("the fulfilment of this order has not started")]
    NotStarted,
    #[error("not every product of the order has been asked for")]
    NotAnswered,
    #[error("the payment of the order has been asked for and not been taken")]
    NotPaid,
    #[error("the fulfilment is {state:?}")]
    WrongState { state: State },
}

impl Fulfilment {
    pub const fn state(&self) -> State {
        self.state
    }

    pub fn needs(&self) -> &[Need] {
        &self.needs
    }

    /// What has been reserved; released or shipped in the end, never forgotten.
    pub const fn reserved(&self) -> &BTreeSet<ProductId> {
        &self.reserved
    }

    pub fn short(&self) -> &[Short] {
        &self.short
    }

    pub const fn payment(&self) -> Payment {
        self.payment
    }

    pub const fn failed(&self) -> u32 {
        self.failed
    }

    pub const fn retry_at(&self) -> Option<Time> {
        self.retry_at
    }

    pub const fn reason(&self) -> Option<&Reason> {
        self.reason.as_ref()
    }

    /// There will be no delivery, and the provider has the customer's money or may have it.
    pub const fn refund_due(&self) -> bool {
        matches!(self.payment, Payment::Asked { .. } | Payment::Taken)
            && matches!(self.state, State::Rejecting | State::Cancelling | State::Released)
    }

    /// The products the stock has not answered for yet.
    pub fn open(&self) -> Vec<Need> {
        let short: BTreeSet<ProductId> = self.short.iter().map(|short| short.product).collect();
        let answered =
            |need: &&Need| self.reserved.contains(&need.product) || short.contains(&need.product);
        self.needs.iter().filter(|need| !answered(need)).copied().collect()
    }

    /// Every rule about the order of steps, one row each.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match (command, self.state) {
            (Command::Start { order, needs, at }, State::Absent) => {
                Ok(vec![Event::FulfilmentStarted { order, needs, at }])
            }
            (Command::Start { .. }, _) => Ok(vec![]),
            (_, State::Absent) => Err(Refusal::NotStarted),
            (Command::Record { order, reserved, refused, at }, State::Reserving) => {
                Ok(self.record(order, reserved, refused, at))
            }
            (Command::Record { .. }, _) => Ok(vec![]),
            (
                Command::Confirm { .. } | Command::Cancel { .. } | Command::Pay { .. },
                State::Reserving,
            ) if !self.open().is_empty() => Err(Refusal::NotAnswered),
            (Command::Pay { order, step, at }, _) => Ok(self.pay(order, step, at)),
            (Command::Confirm { .. }, State::Reserving)
                if matches!(self.payment, Payment::Asked { .. }) =>
            {
                Err(Refusal::NotPaid)
            }
            (Command::Confirm { order, at }, State::Reserving) => {
                Ok(vec![Event::FulfilmentConfirmed { order, at }])
            }
            (Command::Confirm { .. }, State::Confirmed | State::Shipped) => Ok(vec![]),
            (Command::Cancel { order, at }, State::Reserving | State::Confirmed) => {
                Ok(vec![Event::FulfilmentCancelled { order, at }])
            }
            (Command::Cancel { .. }, State::Rejecting | State::Cancelling | State::Released) => {
                Ok(vec![])
            }
            (Command::Release { order, at }, State::Rejecting | State::Cancelling) => {
                Ok(vec![Event::FulfilmentReleased { order, at }])
            }
            (Command::Release { .. }, State::Released) => Ok(vec![]),
            (Command::Ship { order, at }, State::Confirmed) => {
                Ok(vec![Event::FulfilmentShipped { order, at }])
            }
            (Command::Ship { .. }, State::Shipped) => Ok(vec![]),
            (
                Command::Confirm { .. }
                | Command::Cancel { .. }
                | Command::Release { .. }
                | Command::Ship { .. },
                state,
            ) => Err(Refusal::WrongState { state }),
        }
    }

    /// Every rule about the payment, one row each; everything else comes too late.
    fn pay(&self, order: OrderId, step: Paying, at: Time) -> Vec<Event> {
        let attempt = self.failed + 1;
        let rejecting = |reason| Event::FulfilmentRejecting { order, reason, at };
        match (step, self.payment, self.state) {
            (Paying::Request { amount }, Payment::NotAsked, State::Reserving) => {
                vec![Event::PaymentRequested { order, amount, at }]
            }
            (Paying::Took { amount, reference }, Payment::Asked { .. }, State::Reserving) => {
                vec![Event::PaymentTaken { order, amount, reference, at }]
            }
            (Paying::Declined { reason }, Payment::Asked { .. }, State::Reserving) => {
                let declined = Event::PaymentDeclined { order, reason, at };
                vec![declined, rejecting(Reason::PaymentDeclined)]
            }
            (Paying::Failed { error, retry_at }, Payment::Asked { .. }, State::Reserving) => {
                vec![Event::PaymentFailed { order, attempt, error, retry_at, at }]
            }
            (
                Paying::GiveUp { error },
                Payment::NotAsked | Payment::Asked { .. },
                State::Reserving,
            ) => {
                let given_up = Event::PaymentGivenUp { order, error, at };
                vec![given_up, rejecting(Reason::PaymentUnavailable)]
            }
            (Paying::Refunded, _, _) if self.refund_due() => {
                vec![Event::PaymentRefunded { order, at }]
            }
            _ => vec![],
        }
    }

    /// Keeps what is new; the answer that completes them decides whether the order must be rejected.
    fn record(
        &self,
        order: OrderId,
        reserved: Vec<ProductId>,
        refused: Vec<Short>,
        at: Time,
    ) -> Vec<Event> {
        let open: BTreeSet<ProductId> = self.open().iter().map(|need| need.product).collect();
        let is_open = |product: &ProductId| open.contains(product);
        let products: BTreeSet<ProductId> = reserved.into_iter().filter(is_open).collect();
        let short: BTreeMap<ProductId, Short> = refused
            .into_iter()
            .filter(|short| is_open(&short.product) && !products.contains(&short.product))
            .map(|short| (short.product, short))
            .collect();

        let answered = products.len() + short.len();
        let products: Vec<ProductId> = products.into_iter().collect();
        let short: Vec<Short> = short.into_values().collect();
        let mut all_short = [self.short.as_slice(), &short].concat();
        let mut events = vec![];
        if !products.is_empty() {
            events.push(Event::LinesReserved { order, products, at });
        }
        if !short.is_empty() {
            events.push(Event::LinesRefused { order, short, at });
        }
        if answered > 0 && answered == open.len() && !all_short.is_empty() {
            all_short.truncate(Reason::SHORT_MAX);
            let reason = Reason::OutOfStock { short: all_short };
            events.push(Event::FulfilmentRejecting { order, reason, at });
        }
        events
    }
}

type Time = chrono::DateTime<chrono::Utc>;

impl Aggregate for Fulfilment {
    const TYPE: &'static str = "fulfilment";
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
            Event::FulfilmentStarted { needs, .. } => {
                self.state = State::Reserving;
                self.needs = Arc::new(needs);
            }
            Event::LinesReserved { products, .. } => self.reserved.extend(products),
            Event::LinesRefused { short, .. } => self.short.extend(short),
            Event::PaymentRequested { at, .. } => self.payment = Payment::Asked { since: at },
            Event::PaymentTaken { .. } => self.payment = Payment::Taken,
            Event::PaymentDeclined { .. } => self.payment = Payment::Declined,
            Event::PaymentFailed { attempt, retry_at, .. } => {
                self.failed = attempt;
                self.retry_at = Some(retry_at);
            }
            // Whether it was taken is still not known.
            Event::PaymentGivenUp { .. } => {}
            Event::PaymentRefunded { .. } => self.payment = Payment::Refunded,
            Event::FulfilmentConfirmed { .. } => self.state = State::Confirmed,
            Event::FulfilmentRejecting { reason, .. } => {
                self.state = State::Rejecting;
                self.reason = Some(reason);
            }
            Event::FulfilmentCancelled { .. } => self.state = State::Cancelling,
            Event::FulfilmentReleased { .. } => self.state = State::Released,
            Event::FulfilmentShipped { .. } => self.state = State::Shipped,
        }
    }
}

impl Recorded for Fulfilment {}
