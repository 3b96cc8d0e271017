//! The answer to an accepted command: its receipt.

use axum::http::header::{ETAG, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use eventstore::Receipt;
use serde_json::{Map, Value};

use crate::header::{CONSISTENCY_TOKEN, IDEMPOTENCY_REPLAYED};

/// What a command did, as status, headers and body.
#[derive(Debug, Clone)]
pub struct Accepted {
    status: StatusCode,
    receipt: Receipt,
    id: Option<String>,
    location: Option<String>,
    extra: Map<String, Value>,
}

impl Accepted {
    /// 200 with the receipt.
    pub fn done(receipt: Receipt) -> Self {
        Self { status: StatusCode::OK, receipt, id: None, location: None, extra: Map::new() }
    }

    /// 201: the stream is new; its id is the thing's id unless [`id`](Self::id) says otherwise.
    pub fn created(receipt: Receipt, location: impl Into<String>) -> Self {
        let id = Some(receipt.stream.aggregate_id.clone());
        let location = Some(location.into());
        Self { status: StatusCode::CREATED, receipt, id, location, extra: Map::new() }
    }

    /// 202: the rest is the work of a process; `location` tells how far it got.
    #[expect(clippy::self_named_constructors, reason = "it is what HTTP calls 202")]
    pub fn accepted(receipt: Receipt, location: impl Into<String>) -> Self {
        let location = Some(location.into());
        Self { status: StatusCode::ACCEPTED, receipt, id: None, location, extra: Map::new() }
    }

    pub fn id(mut self, id: impl ToString) -> Self {
        self.id = Some(id.to_string());
        self
    }

    /// A further member of the body.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }

    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }
}

/// The receipt as JSON: the body of every accepted command.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = Receipt)]
pub struct ReceiptBody {
    pub stream: StreamBody,
    /// The stream's sequence after the command.
    pub sequence: i64,
    /// The position of the command's last event in the log: the consistency token.
    pub position: i64,
    /// What was created, if something was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Present, and true, when there was nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unchanged: Option<bool>,
    #[serde(flatten)]
    #[schema(ignore)]
    extra: Map<String, Value>,
}

#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = Stream)]
pub struct StreamBody {
    pub r#type: String,
    pub id: String,
}

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        let Self { status, receipt, id, location, extra } = self;
        // A request that changed nothing created nothing, whoever sent it first.
        let status = if receipt.unchanged { StatusCode::OK } else { status };
        let body = ReceiptBody {
            stream: StreamBody {
                r#type: receipt.stream.aggregate_type,
                id: receipt.stream.aggregate_id,
            },
            sequence: receipt.sequence,
            position: receipt.position,
            id,
            unchanged: receipt.unchanged.then_some(true),
            extra,
        };
        let mut response = (status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONSISTENCY_TOKEN, HeaderValue::from(receipt.position));
        if let Ok(etag) = HeaderValue::try_from(format!("\"{}\"", receipt.sequence)) {
            headers.insert(ETAG, etag);
        }
        if let Some(Ok(location)) = location.map(HeaderValue::try_from) {
            headers.insert(LOCATION, location);
        }
        if receipt.replayed {
            headers.insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}
