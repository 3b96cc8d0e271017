//! What people ask the assistant, and its answers.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::conversation::{
    About, Citation, Conversation, Event, FallbackReason, Provider, Question, Reply,
};
use domain::{Personal, Reference};
use eventstore::RecordedEvent;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::rows::{fetch, put};
use crate::{Projection, ProjectionError};

pub struct Conversations;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Row {
    conversation: Uuid,
    asker: Uuid,
    about: About,
    first_question: Personal<Question>,
    questions: u32,
    started_at: DateTime<Utc>,
    last_asked_at: DateTime<Utc>,
    sequence: i64,
    position: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Answer {
    answer: Uuid,
    conversation: Uuid,
    asker: Uuid,
    question: Personal<Question>,
    text: Option<Personal<Reply>>,
    citations: Option<Personal<Vec<Citation>>>,
    provider: Option<Provider>,
    model: Option<Reference>,
    fallback_reason: Option<FallbackReason>,
    helpful: Option<bool>,
    asked_at: DateTime<Utc>,
    answered_at: Option<DateTime<Utc>>,
    position: i64,
}

/// Rows as they stand after a batch.
#[derive(Debug, Default)]
struct Changes {
    conversations: BTreeMap<Uuid, Row>,
    answers: BTreeMap<Uuid, Answer>,
}

/// The answer that an event is about.
#[derive(Deserialize)]
struct Named {
    answer: Uuid,
}

#[async_trait]
impl Projection for Conversations {
    fn name(&self) -> &'static str {
        "conversations"
    }

    fn version(&self) -> u32 {
        1
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Conversation::TYPE]
    }

    fn schema(&self) -> &'static str {
        include_str!("conversation.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let mut changes = known(batch, tx).await?;
        for event in batch {
            fold(&mut changes, event)?;
        }
        write(tx, changes).await
    }
}

async fn known(
    batch: &[&RecordedEvent],
    tx: &mut PgConnection,
) -> Result<Changes, ProjectionError> {
    let ids: Vec<Uuid> =
        batch.iter().filter_map(|event| event.stream.aggregate_id.parse().ok()).collect();
    let answers: Result<Vec<Uuid>, _> =
        batch.iter().map(|event| event.decode().map(|Named { answer }| answer)).collect();
    let rows: Vec<Row> =
        fetch(tx, "select to_jsonb(c) from conversations c where conversation = any($1)", &ids)
            .await?;
    let answers: Vec<Answer> =
        fetch(tx, "select to_jsonb(a) from answers a where answer = any($1)", &answers?).await?;
    Ok(Changes {
        conversations: rows.into_iter().map(|row| (row.conversation, row)).collect(),
        answers: answers.into_iter().map(|row| (row.answer, row)).collect(),
    })
}

fn fold(changes: &mut Changes, event: &RecordedEvent) -> Result<(), ProjectionError> {
    let decoded: Event = event.decode()?;
    if let Event::QuestionAsked { conversation, answer, asker, about, question, at } = decoded {
        let row = changes.conversations.entry(conversation.uuid()).or_insert_with(|| Row {
            conversation: conversation.uuid(),
            asker: asker.uuid(),
            about,
            first_question: question.clone(),
            questions: 0,
            started_at: at,
            last_asked_at: at,
            sequence: event.sequence,
            position: event.position,
        });
        row.questions += 1;
        (row.last_asked_at, row.sequence) = (at, event.sequence);
        let row = Answer {
            answer: answer.uuid(),
            conversation: conversation.uuid(),
            asker: asker.uuid(),
            question,
            text: None,
            citations: None,
            provider: None,
            model: None,
            fallback_reason: None,
            helpful: None,
            asked_at: at,
            answered_at: None,
            position: event.position,
        };
        changes.answers.insert(answer.uuid(), row);
        return Ok(());
    }
    let (Event::QuestionAsked { conversation, answer, .. }
    | Event::AnswerGiven { conversation, answer, .. }
    | Event::AnswerRated { conversation, answer, .. }) = &decoded;
    let row = changes.conversations.get_mut(&conversation.uuid());
    let row = row.zip(changes.answers.get_mut(&answer.uuid()));
    let (conversation, row) =
        row.ok_or_else(|| ProjectionError::event(event, "it was never asked"))?;
    conversation.sequence = event.sequence;
    match decoded {
        Event::AnswerGiven { text, citations, provider, model, fallback_reason, at, .. } => {
            (row.text, row.citations) = (Some(text), Some(citations));
            (row.provider, row.model) = (Some(provider), model);
            (row.fallback_reason, row.answered_at) = (fallback_reason, Some(at));
        }
        Event::AnswerRated { helpful, .. } => row.helpful = Some(helpful),
        Event::QuestionAsked { .. } => {}
    }
    Ok(())
}

async fn write(tx: &mut PgConnection, changes: Changes) -> Result<(), ProjectionError> {
    put(
        tx,
        "insert into conversations
         select * from jsonb_populate_recordset(null::conversations, $1)
         on conflict (conversation) do update
            set (questions, last_asked_at, sequence)
              = (excluded.questions, excluded.last_asked_at, excluded.sequence)",
        &changes.conversations.into_values().collect::<Vec<_>>(),
    )
    .await?;
    put(
        tx,
        "insert into answers
         select * from jsonb_populate_recordset(null::answers, $1)
         on conflict (answer) do update
            set (text, citations, provider, model, fallback_reason, helpful, answered_at)
              = (excluded.text, excluded.citations, excluded.provider, excluded.model,
                 excluded.fallback_reason, excluded.helpful, excluded.answered_at)",
        &changes.answers.into_values().collect::<Vec<_>>(),
    )
    .await
}
