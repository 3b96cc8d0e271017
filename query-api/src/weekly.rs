//! The lists that are fixed once a day: of the last week, the last month and of all time.

use axum::extract::State;
use axum::response::Response;
use chrono::NaiveDate;
use domain::weekly::{ITEMS_MAX, Period};
use domain::{ItemKind, Tag};
use serde::{Deserialize, Serialize};
use service_kit::page::{Limit, Page, decode_cursor};
use service_kit::{Problem, Query, schema};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::item::{CATALOGUE, COLUMNS};
use crate::top::Ranked;
use crate::{Answer, App, Asked, Reads, Select};

const READS: Reads = &["weekly_lists", "books", "courses", "products", "item_ratings"];

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(weekly))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Params {
    /// `book` (unless told), `course` or `product`
    #[param(inline, value_type = Option<schema::ItemKind>)]
    kind: Option<ItemKind>,
    /// `week` (unless told), `month` or `all`
    #[param(inline, value_type = Option<schema::Period>)]
    period: Option<Period>,
    /// One of the hundred that are rated most within the period; without it, all.
    #[param(inline, value_type = Option<schema::Tag>)]
    genre: Option<Tag>,
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
    cursor: Option<String>,
}

/// The list of a day.
#[derive(Debug, Serialize, ToSchema)]
struct WeeklyList {
    /// It counts what was rated before this day (UTC) began. Null while there is no list yet.
    day: Option<NaiveDate>,
    #[schema(value_type = schema::ItemKind)]
    kind: ItemKind,
    #[schema(value_type = schema::Period)]
    period: Period,
    genre: Option<String>,
    /// Without what can no longer be had.
    items: Vec<Ranked>,
    /// The cursor of the next page; absent on the last one.
    next: Option<String>,
}

#[utoipa::path(
    get, path = "/lists/weekly", tag = "recommendations", params(Params), security(()),
    responses((status = 200, description = "The best rated, as they stand today", body = WeeklyList))
)]
async fn weekly(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let (kind, period) =
        (params.kind.unwrap_or(ItemKind::Book), params.period.unwrap_or(Period::Week));
    let genre = params.genre.map(|genre| genre.to_string());
    let list = format!("weekly {kind} {period:?} {genre:?}");
    let after: Option<i64> = decode_cursor(&list, params.cursor.as_deref())?;
    let limit = params.limit;
    let reader = asked.account().map(|account| account.uuid());
    app.read_rows(
        &asked,
        READS,
        Select { rows: &select(), order: "rank" },
        |query| {
            query
                .bind(kind.name())
                .bind(period.name())
                .bind(genre.clone().unwrap_or_default())
                .bind(reader)
                .bind(after)
                .bind(limit.rows().min(ITEMS_MAX as i64 + 1))
        },
        |places: Vec<Place>| {
            let day = places.first().map(|place| place.day);
            let items = places.into_iter().filter_map(|place| place.ranked).collect();
            let page = Page::of(&list, items, limit, |ranked| ranked.rank);
            let link = page.link(&asked.uri);
            let Page { items, next } = page;
            let genre = genre.clone();
            Ok(Answer::json(&WeeklyList { day, kind, period, genre, items, next })?.linked(link))
        },
    )
    .await
}

/// A place of the list of a day; none of a list without anything on it.
struct Place {
    day: NaiveDate,
    ranked: Option<Ranked>,
}

impl<'r> FromRow<'r, PgRow> for Place {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        let rank: Option<i64> = row.try_get("rank")?;
        let ranked = rank.map(|_| Ranked::from_row(row)).transpose()?;
        Ok(Self { day: row.try_get("day")?, ranked })
    }
}

fn select() -> String {
    format!(
        "select d.day, listed.*
           from readmodel.weekly_days d
           left join lateral (
                select p.rank, {COLUMNS}, p.score, p.ratings as ratings_in_period
                  from readmodel.weekly_places p
                  join {CATALOGUE} c on (c.kind, c.item) = (p.kind, p.item) and c.shown
                  left join readmodel.item_ratings r on (r.kind, r.item) = (c.kind, c.item)
                  left join readmodel.reader_ratings mine
                    on (mine.reader, mine.kind, mine.item) = ($4, c.kind, c.item)
                 where (p.kind, p.period, p.genre) = (d.kind, d.period, $3)
                   and ($5::bigint is null or p.rank > $5)
                 order by p.rank limit $6) listed on true
          where (d.kind, d.period) = ($1, $2)"
    )
}
