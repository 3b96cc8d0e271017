//! The catalogue of courses and the page of each, with its lessons.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use domain::course::Level;
use domain::{ItemKind, Role, Tag};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service_kit::page::{Limit, Page};
use service_kit::{Path, Problem, Query, schema};
use sqlx::FromRow;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::catalogue::{self, Browse, Catalogue, Filter, Sort};
use crate::file::{self, Attached, attached, uploaded_cover};
use crate::item::{self, RatingSummary};
use crate::{Answer, App, Asked, Reads};

const READS: Reads = &["courses", "item_ratings", "likes", "enrollments", "profiles", "files"];

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(courses)).routes(routes!(course))
}

#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Course {
    id: Uuid,
    title: String,
    description: Option<String>,
    /// The uploaded cover, below the site's address.
    cover_url: Option<String>,
    /// `beginner`, `intermediate` or `advanced`
    level: Option<String>,
    skills: Vec<String>,
    instructor: Uuid,
    #[schema(value_type = Option<String>)]
    instructor_name: Option<Value>,
    /// `draft`, `publishing`, `published` or `archived`
    state: String,
    /// Null: any number of students.
    seats: Option<i32>,
    enrolled: i64,
    lesson_count: i64,
    #[sqlx(flatten)]
    rating: RatingSummary,
    /// What I gave it, if I ask with a token.
    #[sqlx(default)]
    my_rating: Option<i16>,
    likes: i64,
    created_at: DateTime<Utc>,
    published_at: Option<DateTime<Utc>>,
    changed_at: DateTime<Utc>,
    #[serde(skip)]
    sequence: i64,
}

const COLUMNS: &str = concat!(
    uploaded_cover!("course", "c.course"),
    " as cover_url,
    c.course as id, c.title, c.description, c.level, c.skills, c.instructor,
    teacher.display_name as instructor_name, c.state, c.seats,
    (select count(*) from readmodel.enrollments e
      where e.course = c.course and e.state <> 'withdrawn') as enrolled,
    (select count(*) from readmodel.lessons where course = c.course) as lesson_count,
    coalesce(r.ratings, 0) as ratings,
    round(r.points::numeric / nullif(r.ratings, 0), 4)::float8 as average,
    coalesce(l.likes, 0) as likes,
    c.created_at, c.published_at, c.changed_at, c.sequence"
);

const COURSES: Catalogue = Catalogue {
    kind: "course",
    columns: COLUMNS,
    from: "from readmodel.courses c
           left join readmodel.profiles teacher on teacher.account = c.instructor
           left join readmodel.item_ratings r on (r.kind, r.item) = ('course', c.course)
           left join readmodel.like_counts l on (l.kind, l.target) = ('course', c.course)
          where c.state = 'published'",
    id: "c.course",
    title: "c.title",
};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Params {
    /// Words to look for, as in a search engine: `"exact phrase"`, `or`, `-without`.
    q: Option<String>,
    #[param(inline, value_type = Option<schema::Tag>)]
    skill: Option<Tag>,
    /// The same as `skill`.
    #[param(inline, value_type = Option<schema::Tag>)]
    genre: Option<Tag>,
    /// `beginner`, `intermediate` or `advanced`
    #[param(inline, value_type = Option<schema::Level>)]
    level: Option<Level>,
    #[param(inline)]
    sort: Option<Sort>,
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
    cursor: Option<String>,
}

#[utoipa::path(
    get, path = "/courses", tag = "courses", params(Params), security(()),
    responses((status = 200, description = "Published courses", body = Page<Course>))
)]
async fn courses(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let reader = asked.account().map(|account| account.uuid());
    let uri = asked.uri.clone();
    app.read(&asked, READS, move |mut view| async move {
        let named = |tag: Option<Tag>| tag.map(|tag| tag.to_string());
        let level = params.level.map(|level| match level {
            Level::Beginner => "beginner".to_owned(),
            Level::Intermediate => "intermediate".to_owned(),
            Level::Advanced => "advanced".to_owned(),
        });
        let browse = Browse {
            q: params.q,
            sort: params.sort,
            limit: params.limit,
            cursor: params.cursor,
            reader,
            filters: vec![
                Filter { before: "c.skills @> array[", value: named(params.skill), after: "]" },
                Filter { before: "c.skills @> array[", value: named(params.genre), after: "]" },
                Filter { before: "c.level = ", value: level, after: "" },
            ],
        };
        let page: Page<Course> = catalogue::list(view.db(), &COURSES, browse).await?;
        Answer::page(&uri, &page)
    })
    .await
}

/// A course with its files and its lessons. Text and files of these are for those who take the course or teach it.
#[derive(Debug, Serialize, ToSchema)]
struct CoursePage {
    #[serde(flatten)]
    course: Course,
    files: Vec<Attached>,
    lessons: Vec<Lesson>,
    /// Whether I like it, if I ask with a token.
    liked_by_me: Option<bool>,
    /// `enrolled`, `withdrawn` or `completed`, if I ever enrolled.
    my_enrollment: Option<String>,
}

#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Lesson {
    id: Uuid,
    position: i32,
    title: String,
    minutes: Option<i32>,
    /// Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[sqlx(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<Attached>>,
}

#[derive(FromRow)]
struct Mine {
    my_rating: Option<i16>,
    liked_by_me: Option<bool>,
    my_enrollment: Option<String>,
    #[sqlx(json)]
    files: Vec<Attached>,
}

#[utoipa::path(
    get, path = "/courses/{id}", tag = "courses", params(("id" = Uuid, Path)), security(()),
    responses((status = 200, description = "A course", body = CoursePage))
)]
async fn course(
    State(app): State<App>,
    asked: Asked,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let reader = asked.account().map(|account| account.uuid());
    let is_operator = asked.has(Role::Operator);
    app.read(&asked, READS, move |mut view| async move {
        let course: Option<Course> = sqlx::query_as(&format!(
            "select {COLUMNS}
               from readmodel.courses c
               left join readmodel.profiles teacher on teacher.account = c.instructor
               left join readmodel.item_ratings r on (r.kind, r.item) = ('course', c.course)
               left join readmodel.like_counts l on (l.kind, l.target) = ('course', c.course)
              where c.course = $1",
        ))
        .bind(id)
        .fetch_optional(view.db())
        .await?;
        let course = course.ok_or_else(|| item::unknown(ItemKind::Course))?;
        let teaches = reader == Some(course.instructor) || is_operator;
        if !teaches {
            item::must_exist(view.db(), ItemKind::Course, id).await?;
        }
        let mine: Mine = sqlx::query_as(concat!(
            "select (select score from readmodel.reader_ratings
                      where (reader, kind, item) = ($2, 'course', $1)) as my_rating,
                    case when $2::uuid is not null
                         then exists (select from readmodel.likes
                                       where (reader, kind, target) = ($2, 'course', $1))
                    end as liked_by_me,
                    (select state from readmodel.enrollments
                      where (student, course) = ($2, $1)) as my_enrollment, ",
            attached!("course", "$1"),
        ))
        .bind(id)
        .bind(reader)
        .fetch_one(view.db())
        .await?;
        let takes = matches!(mine.my_enrollment.as_deref(), Some("enrolled" | "completed"));
        let mut lessons: Vec<Lesson> = sqlx::query_as(
            "select lesson as id, place as position, title, minutes,
                    case when $2 then body end as text
               from readmodel.lessons where course = $1 order by place",
        )
        .bind(id)
        .bind(teaches || takes)
        .fetch_all(view.db())
        .await?;
        if teaches || takes {
            let mut files = file::of_lessons(view.db(), id).await?;
            for lesson in &mut lessons {
                lesson.files = Some(files.remove(&lesson.id).unwrap_or_default());
            }
        }
        let sequence = course.sequence;
        let Mine { my_rating, liked_by_me, my_enrollment, files } = mine;
        let course = Course { my_rating, ..course };
        let page = CoursePage { course, files, lessons, liked_by_me, my_enrollment };
        Ok(Answer::json(&page)?.of_sequence(sequence))
    })
    .await
}
