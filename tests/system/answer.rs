//! What came back.

use std::ops::Index;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;
use uuid::Uuid;

#[derive(Debug, Clone)]
pub struct Answer {
    pub asked: String,
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// JSON if it was; else the text as a JSON string.
    pub body: Value,
    /// Until it is as it must become, a read model may not even know what it is asked for.
    pub is_awaited: bool,
}

/// What an accepted command says.
#[derive(Debug, Clone)]
pub struct Receipt {
    pub position: i64,
    pub sequence: i64,
    pub body: Value,
}

impl Receipt {
    /// The id of what was created.
    pub fn id(&self) -> Uuid {
        let id = self.body["id"].as_str().or(self.body["stream"]["id"].as_str());
        id.and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("no id in {}", self.body))
    }
}

impl Answer {
    /// Of a command that was done.
    pub fn accepted(self) -> Receipt {
        assert!(self.status.is_success(), "{self}");
        let position = self.body["position"].as_i64().unwrap_or_else(|| panic!("{self}"));
        assert_eq!(self.header("consistency-token"), position.to_string(), "{self}");
        let sequence = self.body["sequence"].as_i64().unwrap_or_else(|| panic!("{self}"));
        Receipt { position, sequence, body: self.body }
    }

    /// Of a question that was answered.
    pub fn ok(self) -> Self {
        assert_eq!(self.status, StatusCode::OK, "{self}");
        self
    }

    /// Of a request that was turned down: a problem with this status and code.
    pub fn refused(self, status: u16, code: &str) -> Value {
        let is = (self.status.as_u16(), self.body["code"].as_str());
        assert_eq!(is, (status, Some(code)), "{self}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self}");
        assert_eq!(self.body["status"], status, "{self}");
        assert_eq!(self.body["type"], format!("/problems/{code}"), "{self}");
        assert!(self.body["trace_id"].is_string(), "{self}");
        self.body
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Index<&str> for Answer {
    type Output = Value;

    fn index(&self, field: &str) -> &Value {
        assert!(self.is_awaited || self.status.is_success(), "{self}");
        &self.body[field]
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} answered {}: {}", self.asked, self.status, self.body)
    }
}
