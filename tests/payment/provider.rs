//! A provider of payments and SMS on a port of this machine: what it does with a payment hangs on
//! its amount. It can go away and come back at the same address.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::system::WAIT_MAX;

/// Prices that are no price like any other.
pub const DECLINED: u64 = 402;
/// Taken, and the answer is an error the first time.
pub const LOST: u64 = 500;
/// Taken, and no answer comes the first time.
pub const HELD: u64 = 504;

/// What it remembers.
#[derive(Debug, Default, Clone)]
pub struct Books {
    /// How often it was asked for a payment.
    pub asked: BTreeMap<String, u32>,
    /// Whose money it has.
    pub charged: BTreeMap<String, u64>,
    pub given_back: Vec<String>,
    /// Messages by key.
    pub messages: BTreeMap<String, Value>,
    pub message_attempts: u32,
}

type Desk = Arc<watch::Sender<Books>>;

pub struct Provider {
    address: SocketAddr,
    books: Desk,
    open: Mutex<Option<JoinHandle<()>>>,
}

impl Provider {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let provider = Self { address, books: Arc::default(), open: Mutex::new(None) };
        provider.serve(listener);
        provider
    }

    /// Its connections are cut, and nobody listens any more.
    pub async fn disappear(&self) {
        let serving = self.open.lock().unwrap().take().unwrap();
        serving.abort();
        assert!(serving.await.unwrap_err().is_cancelled());
    }

    pub async fn come_back(&self) {
        self.serve(TcpListener::bind(self.address).await.unwrap());
    }

    pub fn payments(&self) -> String {
        format!("http://{}/payments", self.address)
    }

    pub fn messages(&self) -> String {
        format!("http://{}/messages", self.address)
    }

    pub fn books(&self) -> Books {
        self.books.borrow().clone()
    }

    pub async fn until(&self, so: impl FnMut(&Books) -> bool) -> Books {
        let mut books = self.books.subscribe();
        let so = timeout(WAIT_MAX, books.wait_for(so)).await;
        so.unwrap_or_else(|_| panic!("it stays so: {:?}", self.books())).unwrap().clone()
    }

    fn serve(&self, listener: TcpListener) {
        let routes = Router::new()
            .route("/payments", post(take))
            .route("/payments/{key}", delete(give_back))
            .route("/messages", post(carry))
            .with_state(self.books.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        *self.open.lock().unwrap() = Some(serving);
    }
}

fn key(headers: &HeaderMap) -> String {
    assert_eq!(headers["authorization"], "Bearer known");
    headers["idempotency-key"].to_str().unwrap().to_owned()
}

async fn take(State(books): State<Desk>, headers: HeaderMap, Json(asked): Json<Value>) -> Response {
    let key = key(&headers);
    assert_eq!(asked["order"], key);
    let amount = asked["amount"]["minor"].as_u64().unwrap();
    let mut times = 0;
    books.send_modify(|books| {
        times = *books.asked.entry(key.clone()).and_modify(|times| *times += 1).or_insert(1);
        if amount != DECLINED {
            books.charged.insert(key.clone(), amount);
        }
    });
    match (amount, times) {
        (DECLINED, _) => {
            let reason = json!({ "reason": "the card has expired" });
            (StatusCode::PAYMENT_REQUIRED, Json(reason)).into_response()
        }
        (LOST, 1) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        (HELD, 1) => std::future::pending().await,
        _ => Json(json!({ "status": "paid", "reference": format!("pay-{key}") })).into_response(),
    }
}

async fn give_back(State(books): State<Desk>, Path(key): Path<String>) -> StatusCode {
    let mut had = None;
    books.send_modify(|books| {
        had = books.charged.remove(&key);
        books.given_back.push(key);
    });
    if had.is_some() { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }
}

/// The first message is lost on its way here.
async fn carry(
    State(books): State<Desk>,
    headers: HeaderMap,
    Json(message): Json<Value>,
) -> StatusCode {
    let mut status = StatusCode::ACCEPTED;
    books.send_modify(|books| {
        books.message_attempts += 1;
        match books.message_attempts {
            1 => status = StatusCode::SERVICE_UNAVAILABLE,
            _ => drop(books.messages.insert(key(&headers), message)),
        }
    });
    status
}
