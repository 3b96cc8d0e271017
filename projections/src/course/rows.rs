//! The rows of courses, lessons and publications, read and written.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::publication::Outcome;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ProjectionError;
use crate::rows::{fetch, put};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct CourseRow {
    pub course: Uuid,
    pub instructor: Uuid,
    pub title: String,
    pub description: Option<String>,
    pub level: Option<domain::course::Level>,
    pub skills: Vec<String>,
    pub seats: Option<u32>,
    pub state: CourseState,
    pub created_at: DateTime<Utc>,
    pub published_at: Option<DateTime<Utc>>,
    pub changed_at: DateTime<Utc>,
    pub sequence: i64,
    pub position: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CourseState {
    Draft,
    Publishing,
    Published,
    Archived,
}

/// Without its text, which may be long and is only written when it changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct LessonRow {
    pub course: Uuid,
    pub lesson: Uuid,
    pub place: i32,
    pub title: String,
    pub minutes: Option<u16>,
}

#[derive(Debug, Serialize)]
pub(super) struct Body {
    pub course: Uuid,
    pub lesson: Uuid,
    pub body: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct WorkflowRow {
    pub workflow: Uuid,
    pub kind: String,
    pub course: Uuid,
    pub instructor: Uuid,
    pub state: WorkflowState,
    pub reason: Option<String>,
    pub current_step: Option<String>,
    pub steps_done: i32,
    pub steps: i32,
    pub by_step: Vec<StepRow>,
    pub started_at: DateTime<Utc>,
    pub changed_at: DateTime<Utc>,
    pub position: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum WorkflowState {
    Running,
    Completed,
    Failed,
}

/// One step of a workflow, in `by_step`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StepRow {
    pub name: String,
    pub state: StepState,
    pub attempts: u32,
    /// All attempts together.
    pub duration_ms: u64,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub error: Option<String>,
    pub next_retry_at: Option<DateTime<Utc>>,
    /// Of a step that takes long and is not done.
    pub progress: Option<Advanced>,
    pub outcome: Option<Outcome>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Advanced {
    pub done: u32,
    pub total: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum StepState {
    Waiting,
    Running,
    /// It failed and will be tried again.
    Retrying,
    Completed,
    Failed,
}

/// All rows of the courses and publications a batch touches. Lessons stand in their order.
#[derive(Debug, Default)]
pub(super) struct State {
    pub courses: BTreeMap<Uuid, CourseRow>,
    pub lessons: BTreeMap<Uuid, Vec<LessonRow>>,
    pub bodies: BTreeMap<(Uuid, Uuid), String>,
    pub removed: BTreeSet<(Uuid, Uuid)>,
    pub workflows: BTreeMap<Uuid, WorkflowRow>,
}

pub(super) async fn fetch_state(
    tx: &mut PgConnection,
    ids: &[Uuid],
) -> Result<State, ProjectionError> {
    let mut state = State::default();
    let rows: Vec<CourseRow> =
        fetch(tx, "select to_jsonb(c) - '{search,lesson_words,names}'::text[] from courses c where course = any($1)", ids)
            .await?;
    state.courses.extend(rows.into_iter().map(|row| (row.course, row)));
    let rows: Vec<LessonRow> = fetch(
        tx,
        "select to_jsonb(l) - 'body' from lessons l where course = any($1) order by place",
        ids,
    )
    .await?;
    for row in rows {
        state.lessons.entry(row.course).or_default().push(row);
    }
    let rows: Vec<WorkflowRow> = fetch(
        tx,
        "select to_jsonb(w) from workflows w where course = any($1) or workflow = any($1)",
        ids,
    )
    .await?;
    state.workflows.extend(rows.into_iter().map(|row| (row.workflow, row)));
    Ok(state)
}

pub(super) async fn write(tx: &mut PgConnection, state: State) -> Result<(), ProjectionError> {
    let touched: Vec<Uuid> = state.courses.keys().copied().collect();
    put(tx, UPSERT_COURSES, &state.courses.into_values().collect::<Vec<_>>()).await?;

    let (courses, lessons): (Vec<Uuid>, Vec<Uuid>) = state.removed.into_iter().unzip();
    if !courses.is_empty() {
        sqlx::query(
            "delete from lessons
              where (course, lesson) in (select * from unnest($1::uuid[], $2::uuid[]))",
        )
        .bind(courses)
        .bind(lessons)
        .execute(&mut *tx)
        .await?;
    }
    put(
        tx,
        "insert into lessons (course, lesson, place, title, minutes)
         select course, lesson, place, title, minutes
           from jsonb_populate_recordset(null::lessons, $1)
         on conflict (course, lesson) do update
            set (place, title, minutes) = (excluded.place, excluded.title, excluded.minutes)",
        &state.lessons.into_values().flatten().collect::<Vec<_>>(),
    )
    .await?;
    let bodies: Vec<Body> = state
        .bodies
        .into_iter()
        .map(|((course, lesson), body)| Body { course, lesson, body })
        .collect();
    put(
        tx,
        "update lessons l set body = written.body
           from jsonb_to_recordset($1) as written (course uuid, lesson uuid, body text)
          where (l.course, l.lesson) = (written.course, written.lesson)",
        &bodies,
    )
    .await?;
    if !touched.is_empty() {
        sqlx::query(LESSON_WORDS).bind(touched).execute(&mut *tx).await?;
    }
    put(tx, UPSERT_WORKFLOWS, &state.workflows.into_values().collect::<Vec<_>>()).await
}

const UPSERT_COURSES: &str = "
    insert into courses (course, instructor, title, description, level, skills, seats, state,
        created_at, published_at, changed_at, sequence, position)
    select course, instructor, title, description, level, skills, seats, state,
        created_at, published_at, changed_at, sequence, position
      from jsonb_populate_recordset(null::courses, $1)
    on conflict (course) do update
       set (title, description, level, skills, seats, state, published_at, changed_at, sequence)
         = (excluded.title, excluded.description, excluded.level, excluded.skills,
            excluded.seats, excluded.state, excluded.published_at, excluded.changed_at,
            excluded.sequence)";

/// Those in most lessons first, as many as fit: a tsvector has 1 MiB at most. Drafts, which nobody
/// finds, need not be read again whenever a lesson is added.
const LESSON_WORDS: &str = "
    update courses c
       set lesson_words = case when c.state in ('publishing', 'published') then coalesce((
             select array_to_tsvector(array_agg(lexeme))
               from (select lexeme, sum(octet_length(lexeme) + 4)
                              over (order by lessons desc, lexeme collate \"C\") as bytes
                       from (select word.lexeme, count(*) as lessons
                               from lessons l,
                                    unnest(described(l.title || ' ' || l.body)) word
                              where l.course = c.course
                              group by word.lexeme) counted) listed
              where bytes <= 500000), '') else '' end
     where c.course = any ($1)
       and (c.state in ('publishing', 'published') or c.lesson_words <> ''::tsvector)";

const UPSERT_WORKFLOWS: &str = "
    insert into workflows
    select * from jsonb_populate_recordset(null::workflows, $1)
    on conflict (workflow) do update
       set (state, reason, current_step, steps_done, steps, by_step, changed_at)
         = (excluded.state, excluded.reason, excluded.current_step, excluded.steps_done,
            excluded.steps, excluded.by_step, excluded.changed_at)";
