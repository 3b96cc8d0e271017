//! A server of the chat API on a port of this machine, who speaks as a test tells it to.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

const KEY: &str = "a secret";

/// What it says if nothing keeps it from it.
pub const WORDS: [&str; 4] = ["The owner ", "frees ", "it. ", "[1]"];
const DONE: &str = "data: [DONE]\n\n";
/// After the words, why they end, and that they do.
const LAST: usize = WORDS.len() + 2;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mood {
    Speaks,
    /// It begins, and waits for another mood to go on with.
    Holds,
    /// The connection is cut after the second word.
    BreaksOff,
    /// It ends there, as if that were all.
    Ends,
    /// It says that it is done there, as one does who leaves an answer for another.
    Leaves,
    /// It says there that the rest is withheld.
    Withholds,
    Fails(u16),
    /// It never answers.
    Hangs,
    /// What it sends is no chunk of an answer.
    Babbles,
    /// Its answer is empty.
    Nothing,
}

pub struct Speaker {
    /// What comes before `/chat/completions`.
    pub url: String,
    mood: watch::Sender<Mood>,
    asked: Arc<Mutex<Vec<Value>>>,
}

#[derive(Clone)]
struct Desk {
    mood: watch::Receiver<Mood>,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Speaker {
    pub async fn open(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("it has an address");
        let (mood, moods) = watch::channel(mood);
        let asked = Arc::default();
        let desk = Desk { mood: moods, asked: Arc::clone(&asked) };
        let routes = Router::new().route("/v1/chat/completions", post(complete)).with_state(desk);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url: format!("http://{address}/v1"), mood, asked }
    }

    pub const fn key(&self) -> &'static str {
        KEY
    }

    pub fn becomes(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    /// What it was asked, oldest first.
    pub fn asked(&self) -> Vec<Value> {
        self.asked.lock().expect("nobody panics with it").clone()
    }
}

async fn complete(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    assert_eq!(headers["authorization"], format!("Bearer {KEY}"));
    assert!(body["stream"] == true && body["model"].is_string(), "{body}");
    desk.asked.lock().expect("nobody panics with it").push(body);
    let mood = *desk.mood.borrow();
    match mood {
        Mood::Fails(status) => {
            let status = StatusCode::from_u16(status).expect("it is a status");
            (status, Json(json!({ "error": { "message": "not now" } }))).into_response()
        }
        Mood::Hangs => {
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
        Mood::Babbles => "data: well\n\n".into_response(),
        Mood::Nothing => format!("data: {}\n\n{DONE}", end("stop")).into_response(),
        _ => spoken(desk.mood),
    }
}

fn spoken(mood: watch::Receiver<Mood>) -> Response {
    let begun =
        stream::once(async { piece(&json!({ "choices": [{ "delta": { "role": "a" } }] })) });
    let words = stream::unfold((mood, 0), |(mut mood, said)| async move {
        // What was said so far goes out first.
        tokio::task::yield_now().await;
        let is_told = mood.wait_for(|mood| said == 0 || *mood != Mood::Holds).await;
        let mood_now = *is_told.ok()?;
        let (text, next) = match (mood_now, WORDS.get(said)) {
            (Mood::BreaksOff, _) if said == 2 => (Err(io::Error::other("cut")), said + 1),
            (Mood::Ends, _) if said == 2 => return None,
            (Mood::Leaves, _) if said == 2 => (Ok(Bytes::from(DONE)), LAST),
            (Mood::Withholds, _) if said == 2 => (piece(&end("content_filter")), WORDS.len() + 1),
            (_, Some(word)) => {
                let chunk = json!({ "choices": [{ "index": 0, "delta": { "content": word } }] });
                (piece(&chunk), said + 1)
            }
            _ if said == WORDS.len() => (piece(&end("stop")), said + 1),
            _ if said < LAST => (Ok(Bytes::from(DONE)), LAST),
            _ => return None,
        };
        Some((text, (mood, next)))
    });
    let body = Body::from_stream(begun.chain(words));
    ([("content-type", "text/event-stream")], body).into_response()
}

fn end(why: &str) -> Value {
    json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": why }] })
}

fn piece(chunk: &Value) -> Result<Bytes, io::Error> {
    Ok(Bytes::from(format!("data: {chunk}\r\n\r\n")))
}
