//! What happens now, as Server-Sent Events: one stream for all topics of a client.
//!
//! A notice says what happened to what, never more: the client asks again with the position as its
//! Consistency-Token, which the read models have passed already. Each client gets what it may see.

mod hub;
mod notice;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::response::sse::{Event, KeepAlive, Sse};
use domain::Role;
use futures::StreamExt;
use serde::Deserialize;
use serde_json::json;
use service_kit::auth::Bearer;
use service_kit::{Problem, Query, header};
use tokio::sync::{broadcast, mpsc};
use tokio::time::MissedTickBehavior;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{App, Asked};
use hub::Joined;
pub use hub::Live;
use notice::{Notice, Reader, Topic, notices};

const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often a connection makes sure that its session has not ended: a log-out or a new password
/// takes effect within 2 s.
const STANDING_EVERY: Duration = Duration::from_millis(500);
/// A client further behind than this begins anew.
const REPLAY_MAX: i64 = 10_000;
const REPLAY_PAGE: i64 = 500;
/// Notices that wait for a slow client; a slower one holds back only itself.
const WAITING_MAX: usize = 64;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(live))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Params {
    /// Comma-separated: `account`, `follows`, `books`, `courses`, `products`, `ratings`,
    /// `comments`, `likes`, `enrollments`, `favourites`, `loans`, `stock`, `cart`, `orders`,
    /// `conversations`, `workflows`, `activity` (analysts); or one thing of a topic, such as `orders:<id>`,
    /// `ratings:book:<id>` or `likes:comment:<id>`. Without it, all that the caller may see.
    topics: Option<String>,
}

#[utoipa::path(
    get, path = "/live", tag = "live",
    params(Params, ("Last-Event-ID" = Option<i64>, Header,
                    description = "Goes on after this position, or sends `reset`")),
    responses((status = 200, description = "`id` is the position, `event` the topic; also `open`, \
                                            `reset` and `shutdown`",
               content_type = "text/event-stream", body = String))
)]
async fn live(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let account = asked.member()?;
    let topics = params.topics.as_deref().map(notice::parse_topics).transpose()?;
    let reader = Reader { account: account.uuid(), roles: asked.roles().to_vec() };
    if topics.iter().flatten().any(|(topic, _)| *topic == Topic::Activity) {
        asked.require_any(&[Role::Analyst, Role::Operator, Role::Auditor])?;
    }
    let last = match asked.headers.get(header::LAST_EVENT_ID) {
        None => None,
        Some(value) => {
            let position = value.to_str().ok().and_then(|text| text.trim().parse::<i64>().ok());
            Some(position.filter(|position| *position >= 0).ok_or_else(|| {
                Problem::malformed("bad-header", "Last-Event-ID must be a position")
            })?)
        }
    };
    let bearer = asked.bearer().cloned();
    let joined = app.live().join().await?;
    let (sender, events) = mpsc::channel(WAITING_MAX);
    tokio::spawn(async move {
        let client = Client { app, reader, bearer, topics, sender };
        // The only end that is nobody's wish is that of the client, who has gone.
        let _ = client.serve(joined, last).await;
    });
    let events = ReceiverStream::new(events).map(Ok::<Event, Infallible>);
    let beat = KeepAlive::new().interval(HEARTBEAT).text("heartbeat");
    Ok(Sse::new(events).keep_alive(beat).into_response())
}

/// One connection.
struct Client {
    app: App,
    reader: Reader,
    bearer: Option<Bearer>,
    /// `None`: everything the reader may see.
    topics: Option<Vec<(Topic, Option<String>)>>,
    sender: mpsc::Sender<Event>,
}

/// The client has gone.
struct Gone;

impl Client {
    async fn serve(&self, joined: Joined, last: Option<i64>) -> Result<(), Gone> {
        let Joined { position, mut batches } = joined;
        match last {
            Some(last) if (position - REPLAY_MAX..=position).contains(&last) => {
                if self.replay(last, position).await?.is_err() {
                    self.event("reset", position).await?;
                }
            }
            Some(_) => self.event("reset", position).await?,
            None => self.event("open", position).await?,
        }
        let shutdown = self.app.kit().shutdown().clone();
        let mut seen = position;
        let mut look = tokio::time::interval(STANDING_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let received = tokio::select! {
                _ = look.tick() => {
                    if !self.still_stands().await {
                        // The client comes back with its token and is told what is wrong with it.
                        return self.event("reset", seen).await;
                    }
                    continue;
                }
                () = shutdown.cancelled() => return self.event("shutdown", seen).await,
                () = self.sender.closed() => return Err(Gone),
                received = batches.recv() => received,
            };
            match received {
                Ok(batch) => {
                    if batch.iter().any(|notice| notice.changes_standing_of(self.reader.account)) {
                        // Roles may have gone: the client comes back with its token to be judged.
                        return self.event("reset", seen).await;
                    }
                    seen = self.send(&batch, seen).await?;
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    // What was missed is in the log; the client comes back for it.
                    return Ok(());
                }
                Err(broadcast::error::RecvError::Closed) => {
                    return self.event("shutdown", seen).await;
                }
            }
        }
    }

    /// Nobody is told anything on old knowledge: no answer from the database is a no.
    async fn still_stands(&self) -> bool {
        let Some(bearer) = &self.bearer else { return true };
        matches!(self.app.kit().still_stands(bearer).await, Ok(true))
    }

    /// What happened after `last` and up to `until`, from the log.
    async fn replay(&self, last: i64, until: i64) -> Result<Result<(), sqlx::Error>, Gone> {
        let log = self.app.reader();
        let mut after = last;
        while after < until {
            let page = match log.range(after, until, REPLAY_PAGE).await {
                Ok(page) => page,
                Err(error) => return Ok(Err(error)),
            };
            let Some(end) = page.last().map(|event| event.position) else { break };
            let notices: Vec<Notice> = page.iter().flat_map(notices).collect();
            self.send(&notices, after).await?;
            after = end;
        }
        Ok(Ok(()))
    }

    /// Sends what is new, wanted and permitted; the last position among all of them.
    async fn send(&self, notices: &[Notice], after: i64) -> Result<i64, Gone> {
        let mut seen = after;
        for notice in notices.iter().filter(|notice| notice.position > after) {
            seen = notice.position;
            if self.wants(notice) && notice.may_be_seen_by(&self.reader) {
                let event = Event::default()
                    .id(notice.position.to_string())
                    .event(notice.topic.name())
                    .data(notice.json().to_string());
                self.sender.send(event).await.map_err(|_| Gone)?;
            }
        }
        Ok(seen)
    }

    fn wants(&self, notice: &Notice) -> bool {
        match &self.topics {
            None => true,
            Some(topics) => topics.iter().any(|(topic, about)| {
                *topic == notice.topic && about.as_ref().is_none_or(|about| *about == notice.about)
            }),
        }
    }

    async fn event(&self, name: &str, position: i64) -> Result<(), Gone> {
        let event = Event::default()
            .id(position.to_string())
            .event(name)
            .data(json!({ "position": position }).to_string());
        self.sender.send(event).await.map_err(|_| Gone)
    }
}

/// Notices of one batch, shared by all connections.
type Batch = Arc<Vec<Notice>>;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_description_lists_every_topic_and_no_other() {
        let parameters = Params::into_params(|| None);
        let told = parameters[0].description.as_deref().unwrap_or_default();
        let (list, _) = told.split_once("; or").unwrap_or_default();
        let told: BTreeSet<&str> = list.split('`').skip(1).step_by(2).collect();
        assert_eq!(told, Topic::ALL.map(Topic::name).into());
    }
}
