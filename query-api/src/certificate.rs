//! The public page that tells whether a certificate is genuine.

mod page;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use service_kit::{Path, Problem};
use sqlx::FromRow;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{Answer, App, Asked};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(certificate))
}

/// Who completed what, and when.
#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Certificate {
    id: Uuid,
    /// Null once the person has been erased.
    #[schema(value_type = Option<String>)]
    student_name: Option<Value>,
    course: Uuid,
    course_title: Option<String>,
    issued_at: DateTime<Utc>,
}

#[utoipa::path(
    get, path = "/certificates/{id}", tag = "enrollments", params(("id" = Uuid, Path)),
    security(()), responses((
        status = 200, description = "It is genuine; as HTML, to be printed on A4",
        content((Certificate = "application/json"), (String = "text/html")),
    ))
)]
async fn certificate(
    State(app): State<App>,
    asked: Asked,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let html = asked.wants_html();
    app.read(&asked, &["enrollments", "courses", "profiles"], move |mut view| async move {
        let certificate: Option<Certificate> = sqlx::query_as(
            "select certificate as id, p.display_name as student_name, t.course,
                    c.title as course_title, t.issued_at
               from readmodel.certificates t
               left join readmodel.profiles p on p.account = t.student
               left join readmodel.courses c on c.course = t.course
              where certificate = $1",
        )
        .bind(id)
        .fetch_optional(view.db())
        .await?;
        let certificate = certificate.ok_or_else(|| {
            Problem::not_found("certificate-unknown", "no such certificate was ever issued")
        })?;
        if html { Answer::html(&certificate, page::SHEET) } else { Answer::json(&certificate) }
    })
    .await
}
