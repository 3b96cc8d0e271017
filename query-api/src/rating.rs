//! How readers rate an item, and how I rated what.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use domain::ItemKind;
use serde::{Deserialize, Serialize};
use service_kit::page::{Limit, Page, decode_cursor};
use service_kit::{Path, Problem, Query, schema};
use sqlx::FromRow;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::item::{self, Item};
use crate::{Answer, App, Asked};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(ratings)).routes(routes!(mine))
}

/// An item's ratings. One that nobody has rated yet has none: that is an answer too.
#[derive(Debug, Serialize, ToSchema)]
struct Ratings {
    count: i64,
    average: Option<f64>,
    /// How many gave 0, 1, ... 10 points.
    histogram: [i64; 11],
    /// What I gave, if I ask with a token.
    mine: Option<i16>,
}

#[utoipa::path(
    get, path = "/{kind}/{id}/ratings", tag = "ratings", security(()),
    params(("kind" = String, Path, description = "books, courses or products"),
           ("id" = Uuid, Path)),
    responses((status = 200, description = "How readers rate it", body = Ratings))
)]
async fn ratings(
    State(app): State<App>,
    asked: Asked,
    Path((kind, id)): Path<(String, Uuid)>,
) -> Result<Response, Problem> {
    let kind = item::kind_of_path(&kind)?;
    let reader = asked.account().map(|account| account.uuid());
    app.read(
        &asked,
        &["books", "courses", "products", "item_ratings"],
        move |mut view| async move {
            item::must_exist(view.db(), kind, id).await?;
            let scores: Vec<(i16, i64)> = sqlx::query_as(
                "select score, ratings from readmodel.item_scores where (kind, item) = ($1, $2)",
            )
            .bind(kind.name())
            .bind(id)
            .fetch_all(view.db())
            .await?;
            let mine: Option<i16> = sqlx::query_scalar(
                "select score from readmodel.reader_ratings
              where (reader, kind, item) = ($1, $2, $3)",
            )
            .bind(reader)
            .bind(kind.name())
            .bind(id)
            .fetch_optional(view.db())
            .await?;
            Answer::json(&Ratings { mine, ..counted(&scores) })
        },
    )
    .await
}

fn counted(scores: &[(i16, i64)]) -> Ratings {
    let mut histogram = [0; 11];
    let (mut count, mut points) = (0, 0);
    for (score, ratings) in scores {
        if let Some(bar) = usize::try_from(*score).ok().and_then(|at| histogram.get_mut(at)) {
            *bar += ratings;
        }
        count += ratings;
        points += i64::from(*score) * ratings;
    }
    let average = (count > 0).then(|| (points as f64 / count as f64 * 1e4).round() / 1e4);
    Ratings { count, average, histogram, mine: None }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
    cursor: Option<String>,
    /// `book`, `course` or `product`
    #[param(inline, value_type = Option<schema::ItemKind>)]
    kind: Option<ItemKind>,
}

/// One of my ratings.
#[derive(Debug, Serialize, ToSchema)]
struct Mine {
    #[serde(flatten)]
    item: Item,
    score: i16,
    rated_at: DateTime<Utc>,
}

#[derive(Debug, FromRow)]
struct Row {
    kind: String,
    item: Uuid,
    score: i16,
    rated_at: DateTime<Utc>,
    position: i64,
}

#[utoipa::path(
    get, path = "/accounts/me/ratings", tag = "ratings", params(Params),
    responses((status = 200, description = "What I rated, newest first", body = Page<Mine>))
)]
async fn mine(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let reader = asked.member()?.uuid();
    let after: Option<i64> = decode_cursor("my-ratings", params.cursor.as_deref())?;
    let uri = asked.uri.clone();
    app.read(&asked, item::READS, move |mut view| async move {
        let rows: Vec<Row> = sqlx::query_as(
            "select kind, item, score, rated_at, position from readmodel.reader_ratings
              where reader = $1 and ($2::text is null or kind = $2)
                and ($3::bigint is null or position < $3)
              order by position desc limit $4",
        )
        .bind(reader)
        .bind(params.kind.map(ItemKind::name))
        .bind(after)
        .bind(params.limit.rows())
        .fetch_all(view.db())
        .await?;
        let page = Page::of("my-ratings", rows, params.limit, |row| row.position);
        let ids = page.items.iter().map(|row| (row.kind.clone(), row.item));
        let mut items = item::fetch(view.db(), Some(reader), ids).await?;
        let next = page.next;
        let mine =
            page.items.into_iter().filter_map(|Row { kind, item, score, rated_at, .. }| {
                let item = items.remove(&(kind, item))?;
                Some(Mine { item, score, rated_at })
            });
        Answer::page(&uri, &Page { items: mine.collect(), next })
    })
    .await
}
