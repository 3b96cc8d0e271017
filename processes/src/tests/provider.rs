//! A provider of payments on a port of this machine, who behaves as a test tells him.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::payment::HttpPayment;

use super::DEADLINE;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mood {
    Pays,
    Declines,
    /// It takes the money, and its answer gets lost.
    PaysAndFails,
    Fails,
    /// It never answers.
    Hangs,
}

/// What it was asked, and what it has of whom.
#[derive(Debug, Default, Clone)]
pub struct Books {
    /// Calls under each key, with their bodies.
    pub asked: BTreeMap<String, Vec<Value>>,
    /// Whose money it has. A key is charged once.
    pub charged: BTreeMap<String, u32>,
    pub given_back: Vec<String>,
}

pub struct Provider {
    pub url: String,
    mood: watch::Sender<Mood>,
    books: Arc<Mutex<Books>>,
    calls: Arc<watch::Sender<u32>>,
}

#[derive(Clone)]
struct Desk {
    mood: watch::Receiver<Mood>,
    books: Arc<Mutex<Books>>,
    calls: Arc<watch::Sender<u32>>,
}

impl Provider {
    pub async fn open(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("it has an address");
        let (mood, moods) = watch::channel(mood);
        let (books, calls) = (Arc::default(), Arc::new(watch::channel(0).0));
        let desk = Desk { mood: moods, books: Arc::clone(&books), calls: Arc::clone(&calls) };
        let routes = Router::new()
            .route("/payments", post(take))
            .route("/payments/{key}", delete(give_back))
            .with_state(desk);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url: format!("http://{address}/payments"), mood, books, calls }
    }

    pub fn client(&self) -> HttpPayment {
        client(&self.url)
    }

    pub fn becomes(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    pub fn books(&self) -> Books {
        self.books.lock().expect("nobody panics with the books").clone()
    }

    pub async fn until_asked(&self, times: u32) {
        let mut calls = self.calls.subscribe();
        let asked = timeout(DEADLINE, calls.wait_for(|calls| *calls >= times)).await;
        assert!(asked.is_ok(), "it was asked {} times", *self.calls.borrow());
    }
}

pub fn client(url: &str) -> HttpPayment {
    let address = url.parse().expect("it is an address");
    HttpPayment::new(address, Some("secret")).expect("it can be called")
}

async fn take(State(desk): State<Desk>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    assert_eq!(headers["authorization"], "Bearer secret");
    let key = headers["idempotency-key"].to_str().expect("it is text").to_owned();
    let mood = *desk.mood.borrow();
    {
        let mut books = desk.books.lock().expect("nobody panics with the books");
        books.asked.entry(key.clone()).or_default().push(body);
        if matches!(mood, Mood::Pays | Mood::PaysAndFails) && !books.charged.contains_key(&key) {
            books.charged.insert(key.clone(), 1);
        }
    }
    desk.calls.send_modify(|calls| *calls += 1);
    match mood {
        Mood::Pays => {
            Json(json!({ "status": "paid", "reference": format!("pay-{key}") })).into_response()
        }
        Mood::Declines => {
            let reason = json!({ "reason": "the card has expired" });
            (StatusCode::PAYMENT_REQUIRED, Json(reason)).into_response()
        }
        Mood::PaysAndFails | Mood::Fails => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Mood::Hangs => {
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
    }
}

async fn give_back(State(desk): State<Desk>, Path(key): Path<String>) -> StatusCode {
    if !matches!(*desk.mood.borrow(), Mood::Pays | Mood::Declines) {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    let mut books = desk.books.lock().expect("nobody panics with the books");
    books.given_back.push(key.clone());
    match books.charged.remove(&key) {
        Some(_) => StatusCode::NO_CONTENT,
        None => StatusCode::NOT_FOUND,
    }
}
