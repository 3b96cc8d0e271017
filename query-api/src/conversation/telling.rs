//! An answer as it is being given, as Server-Sent Events: `token`, `citation`, `done`, `error`.
//!
//! The id of an event says how much of which text the client has. Whoever comes back with it goes on
//! from there, during the answer and ever after; the text that is then told is the stored one. If
//! that begins otherwise, because a model broke off or began anew, an `error` says so first.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use service_kit::auth::Bearer;
use service_kit::{Freshness, Problem};
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use uuid::Uuid;

use super::{READS, find};
use crate::view::{Positions, View};
use crate::{App, Asked, opened};

const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often it is looked for more: less often the longer there was nothing.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const LOOK_PAUSE_MAX: Duration = Duration::from_millis(500);
/// Answers that are told at once, by this program.
const TELLERS_MAX: usize = 512;
/// How often it is looked whether the session still stands.
const STANDING_EVERY: Duration = Duration::from_millis(500);
/// Then the client comes back, if it still wants to know.
const TOLD_MAX: Duration = Duration::from_secs(120);
/// Events that wait for a slow client.
const WAITING_MAX: usize = 64;

static TELLERS: Semaphore = Semaphore::const_new(TELLERS_MAX);

/// How far a client is: so many bytes of a text that begins so, and so many of its citations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    bytes: usize,
    citations: usize,
    is_done: bool,
    mark: String,
}

impl Place {
    fn at(text: &str, bytes: usize) -> Self {
        let mark = hex::encode(&Sha256::digest(&text.as_bytes()[..bytes])[..4]);
        Self { bytes, citations: 0, is_done: false, mark }
    }

    fn start() -> Self {
        Self::at("", 0)
    }

    /// Whether it is a place in this text.
    fn is_in(&self, text: &str) -> bool {
        text.is_char_boundary(self.bytes) && Self::at(text, self.bytes).mark == self.mark
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, citations, is_done, mark } = self;
        write!(f, "{bytes}.{citations}.{}.{mark}", u8::from(*is_done))
    }
}

impl FromStr for Place {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let parsed = || {
            let mut parts = text.trim().splitn(4, '.');
            let bytes = parts.next()?.parse().ok()?;
            let citations = parts.next()?.parse().ok()?;
            let is_done = parts.next()? == "1";
            Some(Self { bytes, citations, is_done, mark: parts.next()?.to_owned() })
        };
        let wrong = || Problem::malformed("bad-header", "Last-Event-ID is of another stream");
        parsed().ok_or_else(wrong)
    }
}

/// An answer as far as it is known, opened.
#[derive(Debug, Default, Deserialize)]
struct Known {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    citations: Option<Vec<Value>>,
    state: String,
    provider: Option<String>,
    model: Option<String>,
    fallback_reason: Option<String>,
}

pub(super) async fn told(
    app: App,
    asked: Asked,
    answer: Uuid,
    me: Uuid,
    last: Option<Place>,
) -> Result<Response, Problem> {
    let marks = app.progress().reached(READS, asked.freshness).await?;
    let known = known(&app, answer, me).await?;
    let heard = last.as_ref().is_some_and(|last| {
        last.is_done && known.text.as_deref().is_some_and(|text| last.is_in(text))
    });
    if heard {
        // What tells a browser not to come back again.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let turn = TELLERS.try_acquire().map_err(|_| {
        Problem::busy("busy", "too many answers are being told; ask for this one without a stream")
    })?;
    let (sender, events) = mpsc::channel(WAITING_MAX);
    let place = last.unwrap_or_else(Place::start);
    let bearer = asked.bearer().cloned();
    tokio::spawn(async move {
        let _turn = turn;
        let teller = Teller { app, answer, me, bearer, sender, place };
        // It ends early when the client has gone.
        let _ = teller.tell(known, marks).await;
    });
    let events = ReceiverStream::new(events).map(Ok::<Event, Infallible>);
    let beat = KeepAlive::new().interval(HEARTBEAT).text("heartbeat");
    let mut response = Sse::new(events).keep_alive(beat).into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn known(app: &App, answer: Uuid, me: Uuid) -> Result<Known, Problem> {
    let mut view = View::open(app.pool(), READS).await?;
    let found = find(view.db(), answer, me).await?;
    let json = serde_json::to_string(&found).map_err(Problem::internal)?;
    let json = opened::open(app.keys(), &json).await?.unwrap_or(json);
    serde_json::from_str(&json).map_err(Problem::internal)
}

/// What a model has said so far.
async fn draft(app: &App, answer: Uuid) -> Result<Option<String>, Problem> {
    let draft: Option<Value> =
        sqlx::query_scalar("select text from processes.drafts where answer = $1")
            .bind(answer)
            .fetch_optional(app.pool())
            .await?;
    let Some(draft) = draft else { return Ok(None) };
    let json = draft.to_string();
    let json = opened::open(app.keys(), &json).await?.unwrap_or(json);
    serde_json::from_str(&json).map_err(Problem::internal)
}

struct Teller {
    app: App,
    answer: Uuid,
    me: Uuid,
    bearer: Option<Bearer>,
    sender: mpsc::Sender<Event>,
    place: Place,
}

/// The client has gone, or must go.
struct Gone;

impl From<Problem> for Gone {
    /// It comes back with its last id.
    fn from(problem: Problem) -> Self {
        tracing::warn!(
            code = problem.code(),
            "an answer is not told further: {}",
            problem.detail()
        );
        Self
    }
}

impl Teller {
    /// `marks` were those of the read models when it was looked for the answer, or earlier.
    async fn tell(mut self, mut known: Known, mut marks: Positions) -> Result<(), Gone> {
        let shutdown = self.app.kit().shutdown().clone();
        let begun = Instant::now();
        let (mut looked, mut told) = (begun, begun);
        while known.state == "WAITING" {
            if let Some(text) = draft(&self.app, self.answer).await? {
                if !text.is_empty() && text.len() != self.place.bytes {
                    told = Instant::now();
                }
                self.text(&text, false).await?;
            }
            if shutdown.is_cancelled() {
                return Ok(());
            }
            if begun.elapsed() > TOLD_MAX {
                let detail = "the answer takes long; whoever asks again goes on from here";
                let delayed = json!({ "code": "delayed", "detail": detail });
                return self.event("error", &delayed).await;
            }
            if looked.elapsed() > STANDING_EVERY {
                self.must_stand().await?;
                looked = Instant::now();
            }
            let pause = (told.elapsed() / 8).clamp(LOOK_EVERY, LOOK_PAUSE_MAX);
            tokio::select! {
                () = self.sender.closed() => return Err(Gone),
                () = sleep(pause) => {}
            }
            // Everybody who waits shares one look at the marks.
            let now = self.app.progress().reached(READS, Freshness::default()).await?;
            if now != marks {
                known = self::known(&self.app, self.answer, self.me).await?;
                marks = now;
            }
        }
        let text = known.text.unwrap_or_default();
        self.text(&text, true).await?;
        let citations = known.citations.unwrap_or_default();
        for (number, citation) in (1..).zip(citations).skip(self.place.citations) {
            self.place.citations = number;
            self.event("citation", &json!({ "number": number, "citation": citation })).await?;
        }
        self.place.is_done = true;
        let (provider, model, reason) = (known.provider, known.model, known.fallback_reason);
        let done = json!({
            "answer": self.answer, "provider": provider, "model": model, "fallback_reason": reason,
        });
        self.event("done", &done).await
    }

    /// Nobody is told anything on old knowledge.
    async fn must_stand(&self) -> Result<(), Gone> {
        let Some(bearer) = &self.bearer else { return Ok(()) };
        let stands = matches!(self.app.kit().still_stands(bearer).await, Ok(true));
        if stands { Ok(()) } else { Err(Gone) }
    }

    /// What the client lacks of it: word by word once it is whole, in one piece while it grows.
    async fn text(&mut self, text: &str, is_whole: bool) -> Result<(), Gone> {
        if !self.place.is_in(text) {
            self.place = Place::start();
            let detail = "what was sent so far does not stand: the answer begins anew";
            self.event("error", &json!({ "code": "superseded", "detail": detail })).await?;
        }
        let rest = &text[self.place.bytes..];
        let pieces: Vec<&str> = match is_whole {
            true => rest.split_inclusive(char::is_whitespace).collect(),
            false => Some(rest).filter(|rest| !rest.is_empty()).into_iter().collect(),
        };
        for piece in pieces {
            self.place = Place::at(text, self.place.bytes + piece.len());
            self.event("token", &json!({ "text": piece })).await?;
        }
        Ok(())
    }

    async fn event(&self, name: &str, data: &Value) -> Result<(), Gone> {
        let event = Event::default().id(self.place.to_string()).event(name).data(data.to_string());
        self.sender.send(event).await.map_err(|_| Gone)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_place_is_known_again_in_a_text_that_begins_the_same() {
        let place = Place::at("Each value has one owner.", 10);
        let again: Place = place.to_string().parse().unwrap();
        assert_eq!(again, place);
        assert!(again.is_in("Each value is freed."));
        assert!(!again.is_in("A borrow lends a value."));
        assert!(!again.is_in("Each"));
        assert!(!Place { bytes: 1, ..place }.is_in("é"));
        assert!(Place::start().is_in("") && Place::start().is_in("é"));
        for wrong in ["", "7", "a.b.c.d", "1.2", "-1.0.0.x"] {
            assert!(wrong.parse::<Place>().is_err(), "{wrong}");
        }
    }
}
