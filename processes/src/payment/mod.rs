//! What an order costs, taken by somebody else before the order is confirmed.

mod http;

use async_trait::async_trait;
use domain::ErrorText;
use domain::order::OrderNumber;
use domain::{Money, OrderId, Reference};

use crate::outgoing::CallError;
pub use http::HttpPayment;

/// What is to be paid. The order is its key: whoever takes it takes it once.
#[derive(Debug, Clone)]
pub struct Due {
    pub order: OrderId,
    pub number: OrderNumber,
    pub amount: Money,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Taken { reference: Reference },
    Declined { reason: ErrorText },
}

/// Why it is not known whether a payment was taken, or given back.
#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    #[error("nobody is configured who takes or gives back payments")]
    NobodyConfigured,
    #[error("{0}")]
    Call(#[from] CallError),
    /// Asking again would meet the same answer.
    #[error("the provider answered {0}")]
    Refused(String),
    #[error("the provider's answer cannot be understood: {0}")]
    Unclear(String),
}

/// Takes payments and gives them back.
#[async_trait]
pub trait PaymentProvider: Send + Sync {
    /// Whether an order of this amount is paid before it is confirmed.
    fn is_needed(&self, amount: Money) -> bool;

    /// Whether asking now is of any use.
    fn is_available(&self) -> bool;

    /// Takes it; asked again, it tells what became of it. Attempts count from 1.
    async fn take(&self, due: &Due, attempt: u32) -> Result<Verdict, PaymentError>;

    /// Gives it back, if it was taken; from now on it will not be.
    async fn give_back(&self, due: &Due) -> Result<(), PaymentError>;
}

/// Orders are confirmed without a payment: it is seen to elsewhere, such as by an invoice.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPaymentNeeded;

#[async_trait]
impl PaymentProvider for NoPaymentNeeded {
    fn is_needed(&self, _: Money) -> bool {
        false
    }

    fn is_available(&self) -> bool {
        true
    }

    /// Only of an order that another provider was asked about, who is no longer configured.
    async fn take(&self, _: &Due, _: u32) -> Result<Verdict, PaymentError> {
        Err(PaymentError::NobodyConfigured)
    }

    async fn give_back(&self, _: &Due) -> Result<(), PaymentError> {
        Err(PaymentError::NobodyConfigured)
    }
}
