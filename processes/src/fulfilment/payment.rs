//! The payment, between reserving and confirming; and its undoing, after everything else.
//!
//! That it is asked for is recorded before it is: whatever happens then, an order that comes to
//! nothing owes its customer a refund. A customer waits some seconds for a provider who does not
//! answer, and not at all for one who is known to be down.

use chrono::{TimeDelta, Utc};
use domain::fulfilment::{Command, Fulfilment, Paying, Payment, State};
use domain::order::{Order, Status};
use domain::{ErrorText, Money};

use super::{Instance, Time};
use crate::failure::Failure;
use crate::notification::things;
use crate::payment::{Due, PaymentError, Verdict};
use crate::retry::{RETRIES, wait_until};

/// No attempt begins later after the first one. Together with the longest that an attempt may take
/// (`outgoing::LIMITS`) this leaves a second for the stock to be back within 15 s.
const PATIENCE: TimeDelta = TimeDelta::seconds(8);
/// More steps than a payment can have: being asked for, five attempts, the end.
const STEPS_MAX: usize = 8;

impl Instance<'_> {
    /// Until it is taken, declined or given up; at once, where none is needed.
    pub(super) async fn pay(&self) -> Result<(), Failure> {
        if self.state().await?.payment() == Payment::NotAsked && !self.is_needed().await? {
            return Ok(());
        }
        let due = self.due().await?;
        for _ in 0..STEPS_MAX {
            wait_until(self.state().await?.retry_at()).await;
            // It may have been cancelled meanwhile.
            let order = self.log.load::<Order>(self.order).await?.state;
            let fulfilment = self.state().await?;
            let waits = order.status() == Some(Status::Pending);
            if !waits || fulfilment.state() != State::Reserving {
                return Ok(());
            }
            match fulfilment.payment() {
                Payment::NotAsked if !self.payments.is_available() => {
                    self.give_up(
                        "the provider failed too often and is not asked".to_owned().into(),
                    )
                    .await?;
                }
                Payment::NotAsked => {
                    self.paying("payment", Paying::Request { amount: due.amount }).await?;
                }
                Payment::Asked { since } => self.attempt(&due, &fulfilment, since).await?,
                Payment::Taken | Payment::Declined | Payment::Refunded => return Ok(()),
            }
        }
        Err(Failure::Lasting(format!("the payment of order {} goes in circles", self.order)))
    }

    /// What was taken, or may have been, for an order that comes to nothing.
    ///
    /// Neither the stock nor the customer waits for it. While the provider does not take it back,
    /// the order is parked, tried again ever more rarely, and shown to operators.
    pub(super) async fn refund(&self) -> Result<(), Failure> {
        if !self.state().await?.refund_due() {
            return Ok(());
        }
        if let Err(error) = self.payments.give_back(&self.due().await?).await {
            let order = self.order;
            return Err(Failure::Lasting(format!("order {order} is owed its payment: {error}")));
        }
        self.paying("refunded", Paying::Refunded).await
    }

    /// Nobody is charged for history.
    async fn is_needed(&self) -> Result<bool, Failure> {
        let amount = self.amount().await?;
        Ok(!self.cause.is_history() && self.payments.is_needed(amount))
    }

    async fn due(&self) -> Result<Due, Failure> {
        let (order, amount) = (self.order, self.amount().await?);
        let number = things::order_number(self.log, order).await?;
        Ok(Due { order, number, amount })
    }

    async fn amount(&self) -> Result<Money, Failure> {
        let order = self.log.load::<Order>(self.order).await?.state;
        order.total().ok_or_else(|| Failure::lasting("what was never placed has no total"))
    }

    async fn attempt(
        &self,
        due: &Due,
        fulfilment: &Fulfilment,
        since: Time,
    ) -> Result<(), Failure> {
        let attempt = fulfilment.failed() + 1;
        let error = match self.payments.take(due, attempt).await {
            Ok(Verdict::Taken { reference }) => {
                let took = Paying::Took { amount: due.amount, reference };
                return self.paying("paid", took).await;
            }
            Ok(Verdict::Declined { reason }) => {
                return self.paying("declined", Paying::Declined { reason }).await;
            }
            // It was asked of somebody who is to be configured again, or to be asked by hand.
            Err(error @ PaymentError::NobodyConfigured) => return Err(Failure::lasting(error)),
            Err(error) => error,
        };
        let is_permanent = matches!(error, PaymentError::Refused(_));
        let error = ErrorText::from(error.to_string());
        let again = RETRIES.pause_after(attempt).map(|pause| Utc::now() + pause);
        match again.filter(|again| *again <= since + PATIENCE) {
            Some(retry_at) if !is_permanent && self.payments.is_available() => {
                let failed = Paying::Failed { error, retry_at };
                self.paying(&format!("unpaid:{attempt}"), failed).await
            }
            _ => self.give_up(error).await,
        }
    }

    async fn give_up(&self, error: ErrorText) -> Result<(), Failure> {
        tracing::error!(
            order.id = %self.order,
            "the payment of order {} is given up: {}", self.order, error.as_str(),
        );
        self.paying("give-up", Paying::GiveUp { error }).await
    }

    async fn paying(&self, name: &str, step: Paying) -> Result<(), Failure> {
        self.step(name, |at| Command::Pay { order: self.order, step, at }).await
    }
}
