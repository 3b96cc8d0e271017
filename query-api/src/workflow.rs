//! How far a long-running piece of work got, such as a publication.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use domain::Role;
use serde::Serialize;
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
    current_step: Option<String>,
    steps_done: i32,
    steps: i32,
    percent: i32,
    started_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    #[serde(skip)]
    instructor: Uuid,
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
            "select workflow as id, kind, course, state, current_step, steps_done, steps,
                    steps_done * 100 / greatest(steps, 1) as percent, started_at, changed_at,
                    instructor
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
