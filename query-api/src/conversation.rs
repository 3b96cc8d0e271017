//! What I asked the assistant, and its answers. They are for who asked, alone.

mod telling;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use service_kit::page::{Page, Paging, decode_cursor};
use service_kit::{Path, Problem, Query, header};
use sqlx::{FromRow, PgConnection};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{Answer, App, Asked, Reads};

const READS: Reads = &["conversations"];

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(mine)).routes(routes!(conversation)).routes(routes!(answer))
}

/// A row of my conversations.
#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Conversation {
    id: Uuid,
    /// `{"kind": "course", "course": <id>}` or `{"kind": "shop"}`
    #[schema(value_type = Object)]
    about: Value,
    /// What it began with.
    #[schema(value_type = Option<String>)]
    first_question: Option<Value>,
    questions: i32,
    started_at: DateTime<Utc>,
    last_asked_at: DateTime<Utc>,
    #[serde(skip)]
    position: i64,
}

/// A question with what became of it.
#[derive(Debug, Serialize, FromRow, ToSchema)]
#[schema(as = AssistantAnswer)]
struct Asking {
    id: Uuid,
    conversation: Uuid,
    #[schema(value_type = Object)]
    about: Value,
    /// Null once I have been erased; so are `text` and `citations`.
    #[schema(value_type = Option<String>)]
    question: Option<Value>,
    /// `WAITING` or `ANSWERED`
    state: String,
    /// `[1]` in it is the first of the citations.
    #[schema(value_type = Option<String>)]
    text: Option<Value>,
    /// Each is of a `kind`: a `lesson` with its id, `title`, the `headings` above the `quote`, and the
    /// `file` it is from if that is not the lesson itself; or a `product` with its id, `name`,
    /// `price` and perhaps a `quote`. Quotes are word for word.
    #[schema(value_type = Option<Vec<Object>>)]
    citations: Option<Value>,
    /// `extractive`: quotations alone; `model`: in the words of a model.
    provider: Option<String>,
    /// Its name, if it was a model.
    model: Option<String>,
    /// Why it is not the answer of the model that was asked: `not-called`, `unreachable`,
    /// `timed-out`, `failed`, `broke-off` or `unusable`.
    fallback_reason: Option<String>,
    /// As I rated it.
    helpful: Option<bool>,
    asked_at: DateTime<Utc>,
    answered_at: Option<DateTime<Utc>>,
    #[serde(skip)]
    sequence: i64,
    #[serde(skip)]
    position: i64,
}

/// `$1` is who asks.
const ASKED: &str = "
    select a.answer as id, a.conversation, c.about, a.question,
           case when a.answered_at is null then 'WAITING' else 'ANSWERED' end as state,
           a.text, a.citations, a.provider, a.model, a.fallback_reason, a.helpful, a.asked_at,
           a.answered_at, c.sequence, a.position
      from readmodel.answers a
      join readmodel.conversations c using (conversation)
     where a.asker = $1";

#[utoipa::path(
    get, path = "/conversations", tag = "assistant", params(Paging),
    responses((status = 200, description = "Mine, newest first", body = Page<Conversation>))
)]
async fn mine(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Paging>,
) -> Result<Response, Problem> {
    let me = asked.member()?.uuid();
    let before: Option<i64> = decode_cursor("conversations", params.cursor.as_deref())?;
    let uri = asked.uri.clone();
    app.read(&asked, READS, move |mut view| async move {
        let rows: Vec<Conversation> = sqlx::query_as(
            "select conversation as id, about, first_question, questions, started_at,
                    last_asked_at, position
               from readmodel.conversations
              where asker = $1 and ($2::bigint is null or position < $2)
              order by position desc limit $3",
        )
        .bind(me)
        .bind(before)
        .bind(params.limit.rows())
        .fetch_all(view.db())
        .await?;
        let page = Page::of("conversations", rows, params.limit, |row| row.position);
        Answer::page(&uri, &page)
    })
    .await
}

#[utoipa::path(
    get, path = "/conversations/{id}", tag = "assistant", params(("id" = Uuid, Path), Paging),
    responses((status = 200, description = "What was asked and answered in it, oldest first",
               body = Page<Asking>))
)]
async fn conversation(
    State(app): State<App>,
    asked: Asked,
    Path(id): Path<Uuid>,
    Query(params): Query<Paging>,
) -> Result<Response, Problem> {
    let me = asked.member()?.uuid();
    let after: Option<i64> = decode_cursor("conversation", params.cursor.as_deref())?;
    let uri = asked.uri.clone();
    app.read(&asked, READS, move |mut view| async move {
        must_be_mine(view.db(), id, me).await?;
        let rows: Vec<Asking> = sqlx::query_as(&format!(
            "{ASKED} and a.conversation = $2 and ($3::bigint is null or a.position > $3)
              order by a.position limit $4",
        ))
        .bind(me)
        .bind(id)
        .bind(after)
        .bind(params.limit.rows())
        .fetch_all(view.db())
        .await?;
        let page = Page::of("conversation", rows, params.limit, |row| row.position);
        Answer::page(&uri, &page)
    })
    .await
}

async fn must_be_mine(db: &mut PgConnection, conversation: Uuid, me: Uuid) -> Result<(), Problem> {
    let is_mine: bool = sqlx::query_scalar(
        "select exists (select from readmodel.conversations
                         where conversation = $1 and asker = $2)",
    )
    .bind(conversation)
    .bind(me)
    .fetch_one(db)
    .await?;
    let unknown =
        || Problem::not_found("conversation-unknown", "there is no such conversation of yours");
    if is_mine { Ok(()) } else { Err(unknown()) }
}

#[utoipa::path(
    get, path = "/answers/{id}", tag = "assistant",
    params(("id" = Uuid, Path),
           ("Last-Event-ID" = Option<String>, Header,
            description = "Of a stream: goes on after this event")),
    responses(
        (status = 200, description = "What became of the question; as a stream, what becomes of it: \
                                      `token` with a piece of the `text`, `citation` with its \
                                      `number`, `done`, and `error` if what was sent does not stand",
         content((Asking = "application/json"), (String = "text/event-stream"))),
        (status = 204, description = "The stream was heard to its end"))
)]
async fn answer(
    State(app): State<App>,
    asked: Asked,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let me = asked.member()?.uuid();
    let last = asked.headers.get(header::LAST_EVENT_ID).map(|id| id.to_str().unwrap_or_default());
    let last = last.map(str::parse).transpose()?;
    if asked.wants_events() {
        return telling::told(app, asked, id, me, last).await;
    }
    app.read(&asked, READS, move |mut view| async move {
        let found = find(view.db(), id, me).await?;
        Ok(Answer::json(&found)?.of_sequence(found.sequence))
    })
    .await
}

async fn find(db: &mut PgConnection, answer: Uuid, me: Uuid) -> Result<Asking, Problem> {
    let found = sqlx::query_as(&format!("{ASKED} and a.answer = $2"))
        .bind(me)
        .bind(answer)
        .fetch_optional(db)
        .await?;
    found.ok_or_else(|| Problem::not_found("answer-unknown", "there is no such answer of yours"))
}
