//! Finding books, courses and products by their words, best match first; titles while typing.

use axum::extract::State;
use axum::response::Response;
use domain::ItemKind;
use serde::{Deserialize, Serialize};
use service_kit::page::{Limit, Page, decode_cursor};
use service_kit::{Problem, Query, schema};
use sqlx::{FromRow, Postgres, QueryBuilder};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::catalogue::push_words;
use crate::item::{self, CATALOGUE, COLUMNS, Item};
use crate::{Answer, App, Asked};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(search)).routes(routes!(suggest))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Params {
    /// Words to look for, as in a search engine: `"exact phrase"`, `or`, `-without`.
    q: String,
    /// `book`, `course` or `product`; without it, all three.
    #[param(inline, value_type = Option<schema::ItemKind>)]
    kind: Option<ItemKind>,
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
    cursor: Option<String>,
}

#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Found {
    #[sqlx(flatten)]
    #[serde(flatten)]
    item: Item,
    /// How well it matches.
    score: f64,
    /// `full-text`
    source: String,
}

#[utoipa::path(
    get, path = "/search", tag = "search", params(Params), security(()),
    responses((status = 200, description = "What was found", body = Page<Found>))
)]
async fn search(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let q = params.q.trim().to_owned();
    if q.is_empty() {
        return Err(Problem::invalid("/query/q", "what are you looking for?"));
    }
    let after: Option<(f64, Uuid)> = decode_cursor("search", params.cursor.as_deref())?;
    let reader = asked.account().map(|account| account.uuid());
    let uri = asked.uri.clone();
    app.read(&asked, item::READS, move |mut view| async move {
        let mut sql = QueryBuilder::<Postgres>::new(format!(
            "select {COLUMNS}, c.score, 'full-text' as source
               from (select *, ts_rank(search, "
        ));
        push_words(&mut sql, &q);
        sql.push(format!(")::float8 as score from {CATALOGUE} c where shown and search @@ "));
        push_words(&mut sql, &q);
        sql.push(
            ") c left join readmodel.item_ratings r on (r.kind, r.item) = (c.kind, c.item)
                 left join readmodel.reader_ratings mine
                   on (mine.kind, mine.item, mine.reader) = (c.kind, c.item, ",
        );
        sql.push_bind(reader).push(") where true");
        if let Some(kind) = params.kind {
            sql.push(" and c.kind = ").push_bind(kind.name());
        }
        if let Some((score, id)) = after {
            sql.push(" and (c.score, c.item) < (").push_bind(score);
            sql.push(", ").push_bind(id).push(")");
        }
        sql.push(" order by c.score desc, c.item desc limit ").push_bind(params.limit.rows());
        let rows: Vec<Found> = sql.build_query_as().fetch_all(view.db()).await?;
        let page = Page::of("search", rows, params.limit, |row| (row.score, row.item.id));
        Answer::page(&uri, &page)
    })
    .await
}

/// Suggestions of one answer.
const SUGGESTIONS_MAX: i64 = 10;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Typed {
    /// The beginning of a title, as typed so far.
    q: String,
    /// `book`, `course` or `product`; without it, all three.
    #[param(inline, value_type = Option<schema::ItemKind>)]
    kind: Option<ItemKind>,
}

/// Titles that go on from what was typed.
#[derive(Debug, Serialize, ToSchema)]
struct Suggestions {
    items: Vec<Suggestion>,
}

#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Suggestion {
    item: String,
    kind: String,
    id: Uuid,
    title: String,
}

#[utoipa::path(
    get, path = "/search/suggest", tag = "search", params(Typed), security(()),
    responses((status = 200, description = "Titles, most rated first", body = Suggestions))
)]
async fn suggest(
    State(app): State<App>,
    asked: Asked,
    Query(Typed { q, kind }): Query<Typed>,
) -> Result<Response, Problem> {
    let words =
        title_words(&q).ok_or_else(|| Problem::invalid("/query/q", "what are you looking for?"))?;
    app.read(&asked, item::READS, move |mut view| async move {
        let items: Vec<Suggestion> = sqlx::query_as(&format!(
            "select c.kind || ':' || c.item as item, c.kind, c.item as id, c.title
               from {CATALOGUE} c
               left join readmodel.item_ratings r on (r.kind, r.item) = (c.kind, c.item)
              where shown and search @@ to_tsquery('simple', $1)
                and ($2::text is null or c.kind = $2)
              order by coalesce(r.ratings, 0) desc, c.title, c.item limit $3",
        ))
        .bind(words)
        .bind(kind.map(ItemKind::name))
        .bind(SUGGESTIONS_MAX)
        .fetch_all(view.db())
        .await?;
        Answer::json(&Suggestions { items })
    })
    .await
}

/// As a tsquery over titles (weight A): every word, the last one perhaps unfinished.
fn title_words(q: &str) -> Option<String> {
    let words: Vec<String> = q
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| format!("'{}':A", word.to_lowercase()))
        .collect();
    let (last, before) = words.split_last()?;
    let unfinished = last.replace(":A", ":*A");
    Some(before.iter().chain([&unfinished]).map(String::as_str).collect::<Vec<_>>().join(" & "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_word_may_be_unfinished() {
        assert_eq!(title_words("The sec").as_deref(), Some("'the':A & 'sec':*A"));
        assert_eq!(title_words("o'b & !\\").as_deref(), Some("'o':A & 'b':*A"));
        assert_eq!(title_words(" ' "), None);
    }
}
