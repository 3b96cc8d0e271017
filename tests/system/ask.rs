//! A request being put together; awaiting it sends it.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use reqwest::RequestBuilder;
use serde_json::Value;

use super::{Answer, Receipt};

pub struct Ask(RequestBuilder);

impl Ask {
    pub fn new(request: RequestBuilder) -> Self {
        Self(request)
    }

    pub fn body(self, body: Value) -> Self {
        Self(self.0.json(&body))
    }

    /// A body that may be anything.
    pub fn text(self, content_type: &str, text: impl Into<reqwest::Body>) -> Self {
        Self(self.0.header("content-type", content_type).body(text))
    }

    pub fn header(self, name: &str, value: impl ToString) -> Self {
        Self(self.0.header(name, value.to_string()))
    }

    /// As it is once this command has taken effect.
    pub fn after(self, receipt: impl std::borrow::Borrow<Receipt>) -> Self {
        self.header("consistency-token", receipt.borrow().position).header("prefer", "wait=5")
    }
}

impl Ask {
    /// The same request once more.
    pub fn again(&self) -> Self {
        Self(self.0.try_clone().unwrap())
    }

    /// Sends the request and leaves the answer to be read as it comes.
    pub async fn open(self) -> reqwest::Response {
        self.0.send().await.unwrap()
    }

    /// None if nobody answered.
    pub async fn try_send(self) -> Option<Answer> {
        let (client, request) = self.0.build_split();
        let request = request.unwrap();
        let asked = format!("{} {}", request.method(), request.url());
        let response = client.execute(request).await.ok()?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.ok()?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Some(Answer { asked, status, headers, body, is_awaited: false })
    }
}

impl IntoFuture for Ask {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.try_send().await.expect("the system answers") })
    }
}
