//! Order fulfilment: reserve every product of an order, have it paid, then confirm it; or release
//! and reject, and give back what was paid.
//!
//! Every product is asked for, whatever the others answered. A release is thereby never followed by
//! a reservation of the same order, even if two programs work on it at once: all reservations are
//! decided, under their command ids, before the first release is.

mod payment;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use cqrs_es::Aggregate;
use domain::fulfilment::{Command, Fulfilment, Need, State};
use domain::order::{self, Order, Reason, Short};
use domain::stock::{self, Stock};
use domain::{OrderId, ProductId, Quantity};
use eventstore::{Log, Receipt, RecordedEvent};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;

use crate::cause::Cause;
use crate::failure::{Failure, answer};
use crate::payment::PaymentProvider;
use crate::process::Process;

/// Answers of the stock recorded in one event.
const RECORDED_MAX: usize = 200;
/// Commands of one order waiting for the log at a time; they share its commits.
const COMMANDS_MAX: usize = 64;

pub(crate) struct OrderFulfilment {
    payments: Arc<dyn PaymentProvider>,
}

impl OrderFulfilment {
    pub(crate) const fn new(payments: Arc<dyn PaymentProvider>) -> Self {
        Self { payments }
    }
}

/// What something follows from.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum Cue {
    #[serde(rename = "OrderPlaced")]
    Placed { order: OrderId },
    #[serde(rename = "OrderCancelled")]
    Cancelled { order: OrderId },
    #[serde(rename = "OrderShipped")]
    Shipped { order: OrderId },
}

#[async_trait]
impl Process for OrderFulfilment {
    fn name(&self) -> &'static str {
        "fulfilment"
    }

    fn reacts_to(&self, event: &RecordedEvent) -> bool {
        event.stream.aggregate_type == Order::TYPE
            && ["OrderPlaced", "OrderCancelled", "OrderShipped"].contains(&&*event.event_type)
    }

    async fn react(&self, log: &Log, cause: &Cause) -> Result<(), Failure> {
        let instance = |order| Instance { log, cause, order, payments: &*self.payments };
        match cause.event.decode()? {
            Cue::Placed { order } => instance(order).fulfil().await,
            Cue::Cancelled { order } => instance(order).cancel().await,
            Cue::Shipped { order } => instance(order).ship().await,
        }
    }
}

struct Instance<'a> {
    log: &'a Log,
    cause: &'a Cause,
    order: OrderId,
    payments: &'a dyn PaymentProvider,
}

impl Instance<'_> {
    async fn fulfil(&self) -> Result<(), Failure> {
        let needs = self.needs().await?;
        let start = |at| Command::Start { order: self.order, needs, at };
        // Also makes sure that what is cached of this fulfilment is what the log says.
        self.step("start", start).await?;
        self.reserve().await?;
        self.pay().await?;
        let fulfilment = self.state().await?;
        match (fulfilment.state(), fulfilment.reason()) {
            (State::Reserving, _) => self.confirm().await?,
            (State::Rejecting, Some(reason)) => {
                self.release().await?;
                self.reject(reason).await?;
            }
            // Only the last step is missing, or none.
            (State::Released, Some(reason)) => self.reject(reason).await?,
            (State::Cancelling, _) => self.release().await?,
            (State::Confirmed | State::Released | State::Shipped, _) => {}
            (State::Absent | State::Rejecting, _) => {
                return Err(Failure::lasting("a fulfilment starts, and rejects for a reason"));
            }
        }
        self.refund().await
    }

    /// Asks for everything that has no answer yet.
    async fn reserve(&self) -> Result<(), Failure> {
        let open = self.state().await?.open();
        for needs in open.chunks(RECORDED_MAX) {
            let answers: Vec<Result<ProductId, Short>> = stream::iter(needs.to_vec())
                .map(|need| self.ask(need))
                .buffered(COMMANDS_MAX)
                .try_collect()
                .await?;
            let reserved = answers.iter().filter_map(|answer| answer.ok()).collect();
            let refused = answers.iter().filter_map(|answer| answer.err()).collect();
            let record = |at| Command::Record { order: self.order, reserved, refused, at };
            self.step(&format!("record:{}", needs[0].product), record).await?;
        }
        Ok(())
    }

    /// The stock's answer to one need.
    async fn ask(
        &self,
        Need { product, quantity }: Need,
    ) -> Result<Result<ProductId, Short>, Failure> {
        let order = self.order;
        let context = self.cause.context(&format!("reserve:{product}"));
        let command = stock::Command::Reserve { product, order, quantity, at: context.now };
        let receipt = answer(self.log.execute::<Stock>(product, command, &context).await)?
            .map_err(|refusal| Failure::Lasting(format!("stock of {product}: {refusal}")))?;
        let reserved = self.log.load::<Stock>(product).await?.state.reservation(order);
        if reserved == Some(quantity) {
            return Ok(Ok(product));
        }
        self.told(product, quantity, &receipt).await
    }

    /// What the event of the reservation said, when the stock holds none for the order.
    async fn told(
        &self,
        product: ProductId,
        quantity: Quantity,
        receipt: &Receipt,
    ) -> Result<Result<ProductId, Short>, Failure> {
        let after = receipt.sequence - 1;
        let events = self.log.reader().stream(&receipt.stream, after, 1).await?;
        let event = events.first();
        let event = event.ok_or_else(|| Failure::Lasting(format!("{receipt:?} has no event")))?;
        let event: stock::Event = event.decode()?;
        Ok(match event {
            stock::Event::ReservationRefused { level, .. } => Err(Short {
                product,
                wanted: quantity.get(),
                available: level.available().try_into().unwrap_or_default(),
            }),
            // It was reserved then; another program has finished the order since.
            _ => Ok(product),
        })
    }

    async fn confirm(&self) -> Result<(), Failure> {
        let context = self.cause.context("confirm");
        let command = order::Command::Confirm { order: self.order, at: context.now };
        match answer(self.log.execute::<Order>(self.order, command, &context).await)? {
            Ok(_) => self.step("confirmed", |at| Command::Confirm { order: self.order, at }).await,
            Err(order::Refusal::WrongStatus { .. }) => {
                // Cancelled meanwhile; that event's own reaction will find nothing left to do.
                self.step("cancel", |at| Command::Cancel { order: self.order, at }).await?;
                self.release().await
            }
            Err(refusal) => Err(Failure::Lasting(format!("order {}: {refusal}", self.order))),
        }
    }

    async fn reject(&self, reason: &Reason) -> Result<(), Failure> {
        let reason = reason.clone();
        let context = self.cause.context("reject");
        let command = order::Command::Reject { order: self.order, reason, at: context.now };
        match answer(self.log.execute::<Order>(self.order, command, &context).await)? {
            // Or cancelled meanwhile, which needs no rejection any more.
            Ok(_) | Err(order::Refusal::WrongStatus { .. }) => Ok(()),
            Err(refusal) => Err(Failure::Lasting(format!("order {}: {refusal}", self.order))),
        }
    }

    async fn cancel(&self) -> Result<(), Failure> {
        self.step("cancel", |at| Command::Cancel { order: self.order, at }).await?;
        match self.state().await?.state() {
            State::Cancelling | State::Rejecting => self.release().await?,
            // Placed before this process was installed, or released already.
            _ => {}
        }
        self.refund().await
    }

    /// Gives back whatever was reserved, and says so once it is done.
    async fn release(&self) -> Result<(), Failure> {
        let order = self.order;
        let reserved = self.state().await?.reserved().clone();
        self.each("release", reserved, |product, at| stock::Command::Release {
            product,
            order,
            at,
        })
        .await?;
        self.step("released", |at| Command::Release { order, at }).await
    }

    async fn ship(&self) -> Result<(), Failure> {
        let order = self.order;
        let products = self.needs().await?.into_iter().map(|need| need.product);
        self.each("ship", products, |product, at| stock::Command::Ship { product, order, at })
            .await?;
        self.step("shipped", |at| Command::Ship { order, at }).await
    }

    /// One command to the stock of each product.
    async fn each(
        &self,
        step: &str,
        products: impl IntoIterator<Item = ProductId>,
        command: impl Fn(ProductId, Time) -> stock::Command,
    ) -> Result<(), Failure> {
        let commands: Vec<(ProductId, eventstore::Context, stock::Command)> = products
            .into_iter()
            .map(|product| {
                let context = self.cause.context(&format!("{step}:{product}"));
                let command = command(product, context.now);
                (product, context, command)
            })
            .collect();
        stream::iter(commands)
            .map(|(product, context, command)| async move {
                let result = self.log.execute::<Stock>(product, command, &context).await;
                if let Err(refusal) = answer(result)? {
                    // The order was shipped without us, or before we were there.
                    tracing::warn!(
                        order.id = %self.order, product.id = %product,
                        "order {} could not {step} {product}: {refusal}", self.order,
                    );
                }
                Ok(())
            })
            .buffer_unordered(COMMANDS_MAX)
            .try_collect()
            .await
    }

    /// All lines about one product are one need.
    async fn needs(&self) -> Result<Vec<Need>, Failure> {
        let order = self.log.load::<Order>(self.order).await?.state;
        let mut pieces: BTreeMap<ProductId, u32> = BTreeMap::new();
        for line in order.lines() {
            *pieces.entry(line.product).or_default() += line.quantity.get();
        }
        let mut needs = Vec::with_capacity(pieces.len());
        for (product, pieces) in pieces {
            let quantity = Quantity::try_from(pieces).map_err(Failure::lasting)?;
            needs.push(Need { product, quantity });
        }
        Ok(needs)
    }

    async fn state(&self) -> Result<Fulfilment, Failure> {
        Ok(self.log.load::<Fulfilment>(self.order).await?.state)
    }

    /// Records one step. What the state machine refuses was done in another order: say so, go on.
    async fn step(&self, step: &str, command: impl FnOnce(Time) -> Command) -> Result<(), Failure> {
        let context = self.cause.context(step);
        let command = command(context.now);
        let result = self.log.execute::<Fulfilment>(self.order, command, &context).await;
        if let Err(refusal) = answer(result)? {
            tracing::warn!(
                order.id = %self.order, step,
                "step {step} of order {} was refused: {refusal}", self.order,
            );
        }
        Ok(())
    }
}

type Time = chrono::DateTime<chrono::Utc>;
