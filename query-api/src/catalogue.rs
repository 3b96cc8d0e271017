//! Browsing one catalogue: words, filters, an order, pages.

use processes::bayesian_average;
use serde::Deserialize;
use service_kit::Problem;
use service_kit::page::{Limit, Page, decode_cursor};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::words::{Words, push_without, push_words};

/// What differs between the catalogues, as SQL: the table is called `c`, its ratings `r`.
pub struct Catalogue {
    pub kind: &'static str,
    pub columns: &'static str,
    /// From `from` to the conditions that always hold.
    pub from: &'static str,
    pub id: &'static str,
    pub title: &'static str,
}

/// How a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// By how well `q` matches. Without `q`, newest first.
    Relevance,
    Newest,
    Title,
    /// By Bayesian average, best first.
    Rating,
    /// By number of ratings, most first.
    Popular,
}

/// What a client wants to see of a catalogue.
pub struct Browse {
    pub q: Option<String>,
    pub sort: Option<Sort>,
    pub limit: Limit,
    pub cursor: Option<String>,
    pub filters: Vec<Filter>,
    /// Whose ratings are shown as `my_rating`.
    pub reader: Option<Uuid>,
}

/// A condition with one value, such as `c.genres @> array[` value `]`; none without a value.
pub struct Filter {
    pub before: &'static str,
    pub value: Option<String>,
    pub after: &'static str,
}

/// The sort key of a row: a number, or the title; then the id.
type Key = (f64, String, Uuid);

#[derive(FromRow)]
struct Keyed<T> {
    #[sqlx(flatten)]
    row: T,
    sort_number: f64,
    sort_title: String,
    sort_id: Uuid,
}

pub async fn list<T>(
    db: &mut PgConnection,
    catalogue: &Catalogue,
    browse: Browse,
) -> Result<Page<T>, Problem>
where
    T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    let Words { sought, without } = browse.q.as_deref().map(Words::of).unwrap_or_default();
    let q = Some(sought.as_str()).filter(|sought| !sought.is_empty());
    let sort = match browse.sort {
        None | Some(Sort::Relevance) if q.is_some() => Sort::Relevance,
        None | Some(Sort::Relevance) => Sort::Newest,
        Some(sort) => sort,
    };
    let list = format!("{} by {sort:?}", catalogue.kind);
    let after: Option<Key> = decode_cursor(&list, browse.cursor.as_deref())?;
    let Catalogue { columns, from, id, title, .. } = catalogue;

    let mut sql = QueryBuilder::<Postgres>::new(format!(
        "select {columns}, (select score from readmodel.reader_ratings
                             where (kind, item) = ('{}', {id}) and reader = ",
        catalogue.kind,
    ));
    sql.push_bind(browse.reader).push(") as my_rating, ");
    push_number(&mut sql, catalogue, sort, q);
    sql.push(format!(" as sort_number, {title} as sort_title, {id} as sort_id {from}"));
    if let Some(q) = q {
        sql.push(" and c.search @@ ");
        push_words(&mut sql, q);
    }
    push_without(&mut sql, without.as_deref());
    for Filter { before, value, after } in browse.filters {
        if let Some(value) = value {
            sql.push(" and ").push(before).push_bind(value).push(after);
        }
    }
    if let Some(key) = after {
        push_after(&mut sql, catalogue, sort, q, key);
    }
    sql.push(match sort {
        Sort::Newest => " order by c.position desc".to_owned(),
        Sort::Title => format!(" order by {title}, {id}"),
        Sort::Relevance | Sort::Rating | Sort::Popular => {
            format!(" order by sort_number desc, {id} desc")
        }
    });
    sql.push(" limit ").push_bind(browse.limit.rows());

    let rows: Vec<Keyed<T>> = sql.build_query_as().fetch_all(db).await?;
    let page = Page::of(&list, rows, browse.limit, |row| {
        (row.sort_number, row.sort_title.clone(), row.sort_id)
    });
    Ok(page.map(|keyed| keyed.row))
}

/// Only rows behind the key, in terms that an index can use where there is one.
fn push_after(
    sql: &mut QueryBuilder<'_, Postgres>,
    catalogue: &Catalogue,
    sort: Sort,
    q: Option<&str>,
    (number, title, id): Key,
) {
    match sort {
        Sort::Newest => {
            sql.push(" and c.position < ").push_bind(number as i64);
        }
        Sort::Title => {
            sql.push(format!(" and ({}, {}) > (", catalogue.title, catalogue.id));
            sql.push_bind(title).push(", ").push_bind(id).push(")");
        }
        Sort::Relevance | Sort::Rating | Sort::Popular => {
            sql.push(" and (");
            push_number(sql, catalogue, sort, q);
            sql.push(format!(", {}) < (", catalogue.id));
            sql.push_bind(number).push(", ").push_bind(id).push(")");
        }
    }
}

fn push_number(
    sql: &mut QueryBuilder<'_, Postgres>,
    catalogue: &Catalogue,
    sort: Sort,
    q: Option<&str>,
) {
    match sort {
        Sort::Title => sql.push("0::float8"),
        Sort::Newest => sql.push("c.position::float8"),
        Sort::Popular => sql.push("coalesce(r.ratings, 0)::float8"),
        Sort::Rating => sql.push(bayesian_average(
            &format!(
                "coalesce((select sum(points)::float8 / nullif(sum(ratings), 0)
                             from readmodel.item_ratings where kind = '{}'), 5)",
                catalogue.kind
            ),
            "coalesce(r.points, 0)",
            "coalesce(r.ratings, 0)",
        )),
        Sort::Relevance => {
            sql.push("ts_rank(c.search, ");
            push_words(sql, q.unwrap_or_default());
            sql.push(")::float8")
        }
    };
}
