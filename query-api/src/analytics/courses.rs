//! What happens in each course.

use axum::extract::State;
use axum::response::Response;
use chrono::NaiveDate;
use domain::ItemKind;
use serde::{Deserialize, Serialize};
use service_kit::page::{Limit, Page, decode_cursor};
use service_kit::{Path, Problem, Query};
use sqlx::FromRow;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::range::{By, Format, Params, Range};
use super::table::{cell, csv};
use super::{Bucket, Listed, Series, as_csv, buckets};
use crate::{Answer, App, Asked, Reads, item};

const READS: Reads = &["analytics", "courses"];

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    /// First day; 29 days before `to` unless told.
    from: Option<NaiveDate>,
    /// Last day; today unless told.
    to: Option<NaiveDate>,
    /// `UTC`, the time zone of all days.
    tz: Option<String>,
    /// `json` or `csv`; without it, what Accept asks for.
    #[param(inline)]
    format: Option<Format>,
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
    cursor: Option<String>,
}

/// What happened in a course in the range.
#[derive(Debug, Serialize, FromRow, ToSchema)]
struct CourseNumbers {
    course: Uuid,
    title: String,
    enrollments: i64,
    withdrawals: i64,
    completions: i64,
}

#[utoipa::path(
    get, path = "/analytics/courses", tag = "analytics", params(ListParams),
    security(("bearer" = ["analyst"]), ("bearer" = ["auditor"]), ("bearer" = ["operator"])),
    responses((status = 200, description = "Enrollments, withdrawals and completions per course, \
               most enrollments first", body = Listed<CourseNumbers>))
)]
pub(super) async fn courses(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<ListParams>,
) -> Result<Response, Problem> {
    let ListParams { from, to, tz, format, limit, cursor } = params;
    let params = Params { from, to, tz, format, by: By::Day };
    let as_csv = params.wants_csv() || asked.wants_csv();
    let as_of = asked.now;
    let (from, to) = Range::of(params, as_of)?.days();
    let after: Option<(i64, Uuid)> = decode_cursor("course-numbers", cursor.as_deref())?;
    let (number, course) = after.unzip();
    let uri = asked.uri.clone();
    app.read(&asked, READS, move |mut view| async move {
        let rows: Vec<CourseNumbers> = sqlx::query_as(
            "select * from (
                 select n.course, c.title,
                        coalesce(sum(n.n) filter (where measure = 'enrollments'), 0)::bigint
                            as enrollments,
                        coalesce(sum(n.n) filter (where measure = 'withdrawals'), 0)::bigint
                            as withdrawals,
                        coalesce(sum(n.n) filter (where measure = 'completions'), 0)::bigint
                            as completions
                   from readmodel.daily_course_counts n
                   join readmodel.courses c using (course)
                  where n.day between $1 and $2
                  group by n.course, c.title) numbers
              where $3::bigint is null or (enrollments, course) < ($3, $4)
              order by enrollments desc, course desc limit $5",
        )
        .bind(from)
        .bind(to)
        .bind(number)
        .bind(course)
        .bind(limit.rows())
        .fetch_all(view.db())
        .await?;
        let page = Page::of("course-numbers", rows, limit, |row| (row.enrollments, row.course));
        if !as_csv {
            return Listed::answer(&uri, as_of, page);
        }
        let header = "course,title,enrollments,withdrawals,completions";
        let text = csv(header, &page.items, |row| {
            let CourseNumbers { course, title, enrollments, withdrawals, completions } = row;
            format!("{course},{},{enrollments},{withdrawals},{completions}", cell(title))
        });
        Ok(Answer::csv(text).linked(page.link(&uri)))
    })
    .await
}

#[utoipa::path(
    get, path = "/analytics/courses/{id}", tag = "analytics",
    params(("id" = Uuid, Path), Params),
    security(("bearer" = ["analyst"]), ("bearer" = ["auditor"]), ("bearer" = ["operator"])),
    responses((status = 200, description = "Enrollments, withdrawals and completions of a course",
               body = Series<Bucket>))
)]
pub(super) async fn course(
    State(app): State<App>,
    asked: Asked,
    Path(course): Path<Uuid>,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let csv = params.wants_csv() || asked.wants_csv();
    let range = Range::of(params, asked.now)?;
    app.read(&asked, READS, move |mut view| async move {
        item::must_exist(view.db(), ItemKind::Course, course).await?;
        let numbers: Vec<(NaiveDate, String, i64)> = sqlx::query_as(
            "select date_trunc($3, days.day)::date as start, measure,
                    coalesce(sum(c.n), 0)::bigint
               from generate_series($1::timestamp, $2::timestamp, '1 day') as days (day)
              cross join unnest('{enrollments,withdrawals,completions}'::text[]) as asked (measure)
               left join (select * from readmodel.daily_course_counts where course = $4) c
                    using (measure, day)
              group by start, measure",
        )
        .bind(range.first())
        .bind(range.last())
        .bind(range.by.name())
        .bind(course)
        .fetch_all(view.db())
        .await?;
        let buckets = buckets(&range, numbers);
        if csv { Ok(Answer::csv(as_csv(&buckets))) } else { Answer::json(&range.series(buckets)) }
    })
    .await
}
