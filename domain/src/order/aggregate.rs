use std::{collections::HashMap, sync::Arc};

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{Command, Event, Line, OrderNumber, Status};
use crate::{AccountId, Money, OrderId, ProductId, Quantity, Recorded, cart};

/// Absent until placed.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    placed: Option<Placed>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Placed {
    status: Status,
    customer: AccountId,
    total: Money,
    lines: Arc<Vec<Line>>,
}

pub const LINES_MAX: usize = 2_000;

/// 200 lines with the longest names there can be stay below the log's 256 KiB for an event.
pub const LINES_PER_EVENT_MAX: usize = 200;

/// Why a request was turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    #[error("there is no such order")]
    Unknown,
    #[error("this order has been placed already")]
    AlreadyPlaced,
    #[error("an order has at least one line")]
    Empty,
    #[error("an order has at most {LINES_MAX} lines, not {lines}")]
    TooManyLines { lines: usize },
    #[error("all lines of an order have the same currency")]
    MixedCurrencies,
    #[error("the total of the order is too large")]
    TotalTooLarge,
    #[error("an order asks for at most {} of a product, in all its lines", Quantity::MAX)]
    TooManyOfOne { product: ProductId },
    #[error("only its customer or a merchandiser cancels an order")]
    NotTheCustomer,
    #[error("the order is {}", .status.name())]
    WrongStatus { status: Status },
    /// The order is placed with the check-out of a cart, which does not give it.
    #[error(transparent)]
    Cart(#[from] cart::Refusal),
}

impl Order {
    pub fn status(&self) -> Option<Status> {
        self.placed.as_ref().map(|placed| placed.status)
    }

    pub fn customer(&self) -> Option<AccountId> {
        self.placed.as_ref().map(|placed| placed.customer)
    }

    pub fn total(&self) -> Option<Money> {
        self.placed.as_ref().map(|placed| placed.total)
    }

    pub fn lines(&self) -> &[Line] {
        self.placed.as_ref().map_or(&[], |placed| &placed.lines)
    }

    /// Every rule about orders, one row each.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        match (command, &self.placed) {
            (Command::Place { order, number, customer, lines, at }, None) => {
                place(order, number, customer, &lines, at)
            }
            (Command::Place { .. }, Some(_)) => Err(Refusal::AlreadyPlaced),
            (_, None) => Err(Refusal::Unknown),
            (command, Some(placed)) => placed.decide(command),
        }
    }
}

impl Placed {
    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        let (customer, total, status) = (self.customer, self.total, self.status);
        match (command, status) {
            (Command::Place { .. }, _) => Err(Refusal::AlreadyPlaced),
            (Command::Confirm { order, at }, Status::Pending) => {
                Ok(vec![Event::OrderConfirmed { order, customer, total, at }])
            }
            (Command::Confirm { .. }, Status::Confirmed) => Ok(vec![]),
            (Command::Reject { order, reason, at }, Status::Pending) => {
                Ok(vec![Event::OrderRejected { order, customer, total, reason, at }])
            }
            (Command::Reject { .. }, Status::Rejected) => Ok(vec![]),
            (Command::Ship { order, at }, Status::Confirmed) => {
                Ok(vec![Event::OrderShipped { order, customer, total, at }])
            }
            (Command::Ship { .. }, Status::Shipped) => Ok(vec![]),
            (Command::Deliver { order, at }, Status::Shipped) => {
                Ok(vec![Event::OrderDelivered { order, customer, total, at }])
            }
            (Command::Deliver { .. }, Status::Delivered) => Ok(vec![]),
            (Command::Cancel { by, as_merchandiser: false, .. }, _) if by != customer => {
                Err(Refusal::NotTheCustomer)
            }
            (Command::Cancel { order, by, at, .. }, Status::Pending | Status::Confirmed) => {
                let was = status;
                Ok(vec![Event::OrderCancelled { order, customer, total, was, by, at }])
            }
            (Command::Cancel { .. }, Status::Cancelled) => Ok(vec![]),
            (
                Command::Confirm { .. }
                | Command::Reject { .. }
                | Command::Ship { .. }
                | Command::Deliver { .. }
                | Command::Cancel { .. },
                _,
            ) => Err(Refusal::WrongStatus { status }),
        }
    }
}

fn place(
    order: OrderId,
    number: OrderNumber,
    customer: AccountId,
    lines: &[Line],
    at: Time,
) -> Result<Vec<Event>, Refusal> {
    if lines.len() > LINES_MAX {
        return Err(Refusal::TooManyLines { lines: lines.len() });
    }
    let total = total(lines)?;
    let mut chunks = lines.chunks(LINES_PER_EVENT_MAX).map(<[Line]>::to_vec);
    let mut events = vec![Event::OrderPlaced {
        order,
        number,
        customer,
        lines: chunks.next().unwrap_or_default(),
        line_count: lines.len() as u32,
        total,
        at,
    }];
    let firsts = (1..).map(|chunk| (chunk * LINES_PER_EVENT_MAX + 1) as u32);
    events.extend(firsts.zip(chunks).map(|(first_line, lines)| Event::OrderLinesPlaced {
        order,
        customer,
        first_line,
        lines,
        at,
    }));
    Ok(events)
}

fn total(lines: &[Line]) -> Result<Money, Refusal> {
    let currency = lines.first().ok_or(Refusal::Empty)?.unit_price.currency();
    let mut total = Money::zero(currency);
    let mut pieces: HashMap<ProductId, u32> = HashMap::new();
    for line in lines {
        if line.unit_price.currency() != currency {
            return Err(Refusal::MixedCurrencies);
        }
        let sum = line.unit_price.checked_mul(line.quantity).and_then(|sum| total.checked_add(sum));
        total = sum.ok_or(Refusal::TotalTooLarge)?;
        let product = line.product;
        let pieces = pieces.entry(product).or_default();
        *pieces += line.quantity.get();
        if *pieces > Quantity::MAX {
            return Err(Refusal::TooManyOfOne { product });
        }
    }
    Ok(total)
}

type Time = chrono::DateTime<chrono::Utc>;

impl Aggregate for Order {
    const TYPE: &'static str = "order";
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
        if let Event::OrderPlaced { customer, total, lines, .. } = event {
            let (status, lines) = (Status::Pending, Arc::new(lines));
            self.placed = Some(Placed { status, customer, total, lines });
            return;
        }
        let Some(placed) = &mut self.placed else {
            return;
        };
        match event {
            Event::OrderPlaced { .. } => {}
            Event::OrderLinesPlaced { lines, .. } => Arc::make_mut(&mut placed.lines).extend(lines),
            Event::OrderConfirmed { .. } => placed.status = Status::Confirmed,
            Event::OrderRejected { .. } => placed.status = Status::Rejected,
            Event::OrderShipped { .. } => placed.status = Status::Shipped,
            Event::OrderDelivered { .. } => placed.status = Status::Delivered,
            Event::OrderCancelled { .. } => placed.status = Status::Cancelled,
        }
    }
}

impl Recorded for Order {}
