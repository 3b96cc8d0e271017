//! How far a long-running piece of work got, such as a publication.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use domain::Role;
use domain::publication::Outcome;
use serde::{Deserialize, Serialize};
use service_kit::{Path, Problem};
use sqlx::FromRow;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{Answer, App, Asked};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(workflow))
}

#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Workflow {
    id: Uuid,
    /// `publication`
    kind: String,
    course: Uuid,
    /// `RUNNING`, `COMPLETED` or `FAILED`
    state: String,
    /// Why it failed.
    reason: Option<String>,
    current_step: Option<String>,
    steps_done: i32,
    steps: i32,
    /// Of all steps, and of what is done of the one under way.
    percent: i32,
    /// Every step in its order; none of what was brought in from elsewhere.
    #[sqlx(json)]
    by_step: Vec<Step>,
    started_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    #[serde(skip)]
    instructor: Uuid,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = WorkflowStep)]
struct Step {
    name: String,
    /// `WAITING`, `RUNNING`, `RETRYING`, `COMPLETED` or `FAILED`
    state: String,
    /// Those that have ended.
    attempts: u32,
    /// All attempts together.
    duration_ms: u64,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    /// What the last attempt met, unless the step is done.
    error: Option<String>,
    next_retry_at: Option<DateTime<Utc>>,
    /// Of a step that takes long: how much of it is done, until all is.
    #[serde(default)]
    progress: Option<Advanced>,
    /// What it can show for itself.
    #[schema(value_type = Option<Object>)]
    outcome: Option<Outcome>,
}

/// Files of `extract`, passages of `embed`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = WorkflowProgress)]
struct Advanced {
    done: u32,
    total: u32,
}

#[utoipa::path(
    get, path = "/workflows/{id}", tag = "courses", params(("id" = Uuid, Path)),
    responses((status = 200, description = "How far it is", body = Workflow))
)]
async fn workflow(
    State(app): State<App>,
    asked: Asked,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let reader = asked.member()?.uuid();
    let is_operator = asked.has(Role::Operator);
    app.read(&asked, &["courses"], move |mut view| async move {
        let workflow: Option<Workflow> = sqlx::query_as(
            "select workflow as id, kind, course, state, reason, current_step, steps_done, steps,
                    case state when 'COMPLETED' then 100
                               else (steps_done * 100 + coalesce(
                                        (by_step -> steps_done -> 'progress' ->> 'done')::int * 100
                                      / (by_step -> steps_done -> 'progress' ->> 'total')::int, 0))
                                    / greatest(steps, 1) end as percent,
                    by_step, started_at, changed_at, instructor
               from readmodel.workflows where workflow = $1",
        )
        .bind(id)
        .fetch_optional(view.db())
        .await?;
        let workflow = workflow
            .filter(|workflow| workflow.instructor == reader || is_operator)
            .ok_or_else(|| Problem::not_found("workflow-unknown", "there is no such workflow"))?;
        Answer::json(&workflow)
    })
    .await
}
