//! My courses and how far I got.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use service_kit::page::{Limit, Page, decode_cursor};
use service_kit::{Path, Problem, Query};
use sqlx::FromRow;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{Answer, App, Asked, Reads};

const READS: Reads = &["courses", "enrollments", "item_ratings"];

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(mine)).routes(routes!(progress))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Params {
    #[param(inline)]
    state: Option<Standing>,
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
    cursor: Option<String>,
}

/// How it stands between a student and a course.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Standing {
    Enrolled,
    Withdrawn,
    Completed,
}

impl Standing {
    const fn name(self) -> &'static str {
        match self {
            Self::Enrolled => "enrolled",
            Self::Withdrawn => "withdrawn",
            Self::Completed => "completed",
        }
    }
}

/// One of my courses.
#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Enrollment {
    course: Uuid,
    title: String,
    /// What I gave the course.
    my_rating: Option<i16>,
    /// `enrolled`, `withdrawn` or `completed`
    state: String,
    completed_lessons: i64,
    lessons: i64,
    percent: i64,
    /// Where to go on: the first lesson that is not completed. Null once all are.
    next_lesson: Option<Uuid>,
    enrolled_at: DateTime<Utc>,
    withdrawn_at: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    certificate: Option<Uuid>,
    #[serde(skip)]
    sequence: i64,
    #[serde(skip)]
    position: i64,
}

/// Counts lessons as the course is now: one removed since no longer counts, a new one is open. Who
/// has completed the course stays at 100.
const ENROLLMENTS: &str = "
    select e.course, c.title, mine.score as my_rating, e.state, l.completed_lessons, l.lessons,
           case when e.completed_at is not null then 100
                else l.completed_lessons * 100 / greatest(l.lessons, 1) end as percent,
           l.next_lesson, e.enrolled_at, e.withdrawn_at, e.completed_at, e.certificate, e.sequence, e.position
      from readmodel.enrollments e
      join readmodel.courses c on c.course = e.course
      left join readmodel.reader_ratings mine
             on (mine.reader, mine.kind, mine.item) = (e.student, 'course', e.course)
     cross join lateral (
           select count(*) as lessons, count(done.lesson) as completed_lessons,
                  (array_agg(l.lesson order by l.place) filter (where done.lesson is null))[1]
                      as next_lesson
             from readmodel.lessons l
             left join readmodel.lesson_completions done
               on (done.student, done.course, done.lesson) = (e.student, l.course, l.lesson)
            where l.course = e.course) l";

#[utoipa::path(
    get, path = "/accounts/me/enrollments", tag = "enrollments", params(Params),
    responses((status = 200, description = "My courses, newest first", body = Page<Enrollment>))
)]
async fn mine(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let student = asked.member()?.uuid();
    let after: Option<i64> = decode_cursor("my-enrollments", params.cursor.as_deref())?;
    let uri = asked.uri.clone();
    app.read(&asked, READS, move |mut view| async move {
        let rows: Vec<Enrollment> = sqlx::query_as(&format!(
            "{ENROLLMENTS}
              where e.student = $1 and ($2::text is null or e.state = $2)
                and ($3::bigint is null or e.position < $3)
              order by e.position desc limit $4",
        ))
        .bind(student)
        .bind(params.state.map(Standing::name))
        .bind(after)
        .bind(params.limit.rows())
        .fetch_all(view.db())
        .await?;
        let page = Page::of("my-enrollments", rows, params.limit, |row| row.position);
        Answer::page(&uri, &page)
    })
    .await
}

/// How far I got in a course, lesson by lesson.
#[derive(Debug, Serialize, ToSchema)]
struct Progress {
    #[serde(flatten)]
    enrollment: Enrollment,
    by_lesson: Vec<LessonProgress>,
}

#[derive(Debug, Serialize, FromRow, ToSchema)]
struct LessonProgress {
    lesson: Uuid,
    position: i32,
    title: String,
    completed: bool,
    score: Option<i16>,
    completed_at: Option<DateTime<Utc>>,
}

#[utoipa::path(
    get, path = "/courses/{id}/progress", tag = "enrollments", params(("id" = Uuid, Path)),
    responses((status = 200, description = "My progress", body = Progress))
)]
async fn progress(
    State(app): State<App>,
    asked: Asked,
    Path(course): Path<Uuid>,
) -> Result<Response, Problem> {
    let student = asked.member()?.uuid();
    app.read(&asked, READS, move |mut view| async move {
        let enrollment: Option<Enrollment> =
            sqlx::query_as(&format!("{ENROLLMENTS} where (e.student, e.course) = ($1, $2)"))
                .bind(student)
                .bind(course)
                .fetch_optional(view.db())
                .await?;
        let enrollment = enrollment.ok_or_else(|| {
            Problem::not_found("not-enrolled", "you have never enrolled in this course")
        })?;
        let by_lesson: Vec<LessonProgress> = sqlx::query_as(
            "select l.lesson, l.place as position, l.title, done.lesson is not null as completed,
                    done.score, done.completed_at
               from readmodel.lessons l
               left join readmodel.lesson_completions done
                 on (done.student, done.course, done.lesson) = ($1, l.course, l.lesson)
              where l.course = $2 order by l.place",
        )
        .bind(student)
        .bind(course)
        .fetch_all(view.db())
        .await?;
        let sequence = enrollment.sequence;
        Ok(Answer::json(&Progress { enrollment, by_lesson })?.of_sequence(sequence))
    })
    .await
}
