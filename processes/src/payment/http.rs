//! A provider asked over HTTP. `docs/PROVIDERS.md` is the contract.

use async_trait::async_trait;
use domain::{Money, Reference};
use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::{Due, PaymentError, PaymentProvider, Verdict};
use crate::outgoing::{Address, AddressError, Answer, Call, Client, LIMITS};

#[derive(Debug)]
pub struct HttpPayment {
    client: Client,
}

#[derive(Deserialize)]
struct Paid {
    status: String,
    reference: Reference,
}

#[derive(Default, Deserialize)]
struct Declined {
    reason: Option<String>,
}

impl HttpPayment {
    pub fn new(address: Address, token: Option<&str>) -> Result<Self, AddressError> {
        Ok(Self { client: Client::new("payment", address, token, LIMITS)? })
    }
}

#[async_trait]
impl PaymentProvider for HttpPayment {
    /// Nothing is not paid.
    fn is_needed(&self, amount: Money) -> bool {
        amount.minor() > 0
    }

    fn is_available(&self) -> bool {
        self.client.is_callable()
    }

    async fn take(&self, due: &Due, attempt: u32) -> Result<Verdict, PaymentError> {
        let json = json!({
            "order": due.order, "number": due.number, "amount": due.amount, "attempt": attempt,
        });
        let key = due.order.to_string();
        let call = Call { method: Method::POST, path: "", key: Some(&key), json: Some(json) };
        let answer = self.client.call(call).await?;
        match answer.status {
            status if status.is_success() => paid(&answer),
            StatusCode::PAYMENT_REQUIRED | StatusCode::CONFLICT => {
                let said: Declined = answer.json().unwrap_or_default();
                let reason = said.reason.unwrap_or_else(|| answer.status.to_string());
                Ok(Verdict::Declined { reason: reason.into() })
            }
            status => Err(PaymentError::Refused(status.to_string())),
        }
    }

    async fn give_back(&self, due: &Due) -> Result<(), PaymentError> {
        let key = due.order.to_string();
        let path = format!("/{key}");
        let call = Call { method: Method::DELETE, path: &path, key: Some(&key), json: None };
        let answer = self.client.call(call).await?;
        match answer.status {
            status if status.is_success() => Ok(()),
            // It was never taken.
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(()),
            status => Err(PaymentError::Refused(status.to_string())),
        }
    }
}

fn paid(answer: &Answer) -> Result<Verdict, PaymentError> {
    match answer.json() {
        Some(Paid { status, reference }) if status == "paid" => Ok(Verdict::Taken { reference }),
        Some(Paid { status, .. }) => Err(PaymentError::Unclear(format!("its status is {status}"))),
        None => Err(PaymentError::Unclear("it has no status and reference".to_owned())),
    }
}
