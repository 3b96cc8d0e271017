//! SMS by a provider that is asked over HTTP. `docs/PROVIDERS.md` is the contract.

use std::time::Duration;

use async_trait::async_trait;
use domain::account::Channel;
use hyper::Method;
use serde_json::json;

use super::carrier::{Carrier, NotCarried};
use super::recipient::Recipient;
use super::words::Words;
use crate::outgoing::{Address, AddressError, Call, Client, LIMITS};

/// Two messages of 153 characters in the alphabet of telephones, sent as one.
const CHARS_MAX: usize = 306;

#[derive(Debug)]
pub struct HttpSms {
    client: Client,
}

impl HttpSms {
    pub fn new(address: Address, token: Option<&str>) -> Result<Self, AddressError> {
        Ok(Self { client: Client::new("sms", address, token, LIMITS)? })
    }
}

#[async_trait]
impl Carrier for HttpSms {
    fn channel(&self) -> Channel {
        Channel::Sms
    }

    fn keeps_back_for(&self) -> Duration {
        self.client.keeps_back_for()
    }

    async fn carry(&self, to: &Recipient, words: Words, id: &str) -> Result<(), NotCarried> {
        let refused = |said: String, is_permanent| NotCarried { said: said.into(), is_permanent };
        let Some(phone) = &to.phone else {
            return Err(refused("there is no telephone number".to_owned(), true));
        };
        let json = json!({ "to": phone.to_string(), "text": cut(&words.text) });
        let call = Call { method: Method::POST, path: "", key: Some(id), json: Some(json) };
        match self.client.call(call).await {
            Ok(answer) if answer.status.is_success() => Ok(()),
            Ok(answer) => Err(refused(format!("the provider answered {}", answer.status), true)),
            Err(error) => Err(refused(error.to_string(), false)),
        }
    }
}

/// A title may be longer than a message.
fn cut(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(CHARS_MAX) {
        None => text.to_owned(),
        Some(_) => text.chars().take(CHARS_MAX - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        assert_eq!(cut(" Your order is on its way.\n"), "Your order is on its way.");
        let long = cut(&"ß".repeat(400));
        assert_eq!(long.chars().count(), CHARS_MAX);
        assert!(long.ends_with("ß…"), "{long}");
    }
}
