//! The catalogue of books and the page of each.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use domain::{Language, Tag};
use serde::{Deserialize, Serialize, Serializer};
use service_kit::page::{Limit, Page};
use service_kit::{Path, Problem, Query, schema};
use sqlx::FromRow;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::catalogue::{self, Browse, Catalogue, Filter, Sort};
use crate::file::{Attached, attached, uploaded_cover};
use crate::item::{self, RatingSummary};
use crate::{Answer, App, Asked, Reads, Select};

const READS: Reads = &["books", "item_ratings", "likes", "files", "loans"];

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(books)).routes(routes!(book))
}

#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Book {
    id: Uuid,
    title: String,
    authors: Vec<String>,
    isbn: Option<String>,
    publisher: Option<String>,
    /// Negative before our era.
    published_year: Option<i32>,
    #[sqlx(flatten)]
    #[serde(serialize_with = "Series::or_null")]
    #[schema(value_type = Option<schema::Series>)]
    series: Series,
    genres: Vec<String>,
    audience: String,
    language: Option<String>,
    description: Option<String>,
    /// The uploaded cover, below the site's address; else that of the catalogue, somewhere.
    cover_url: Option<String>,
    #[sqlx(flatten)]
    rating: RatingSummary,
    /// What I gave it, if I ask with a token.
    my_rating: Option<i16>,
    /// How many there are to lend.
    copies: i64,
    /// How many can be borrowed now.
    available: i64,
    likes: i64,
    withdrawn: bool,
    added_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    #[serde(skip)]
    sequence: i64,
}

#[derive(Debug, Serialize, FromRow)]
struct Series {
    #[sqlx(rename = "series_name")]
    name: Option<String>,
    #[sqlx(rename = "series_number")]
    number: Option<f64>,
}

impl Series {
    /// Null, like whatever else is not known of a book.
    fn or_null<S: Serializer>(series: &Self, serializer: S) -> Result<S::Ok, S::Error> {
        series.name.as_ref().map(|_| series).serialize(serializer)
    }
}

const COLUMNS: &str = concat!(
    "c.book as id, c.title, c.authors, c.isbn, c.publisher, c.published_year,
    c.series_name, c.series_number, c.genres, c.audience, c.language, c.description,
    coalesce(",
    uploaded_cover!("book", "c.book"),
    ", c.cover_url) as cover_url,
    coalesce(r.ratings, 0) as ratings,
    round(r.points::numeric / nullif(r.ratings, 0), 4)::float8 as average,
    coalesce(k.copies, 0) as copies,
    case when c.withdrawn then 0 else coalesce(k.copies - k.lent, 0) end as available,
    coalesce(l.likes, 0) as likes,
    c.withdrawn, c.added_at, c.changed_at, c.sequence"
);

const BOOKS: Catalogue = Catalogue {
    kind: "book",
    columns: COLUMNS,
    from: "from readmodel.books c
           left join readmodel.book_copies k on k.book = c.book
           left join readmodel.item_ratings r on (r.kind, r.item) = ('book', c.book)
           left join readmodel.like_counts l on (l.kind, l.target) = ('book', c.book)
          where not c.withdrawn",
    id: "c.book",
    title: "c.title",
};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Params {
    /// Words to look for, as in a search engine: `"exact phrase"`, `or`, `-without`.
    q: Option<String>,
    #[param(inline, value_type = Option<schema::Tag>)]
    genre: Option<Tag>,
    author: Option<String>,
    /// `general`, `kids`, `teens` or `adults`
    #[param(inline, value_type = Option<schema::Audience>)]
    audience: Option<domain::book::Audience>,
    #[param(inline, value_type = Option<schema::Language>)]
    language: Option<Language>,
    publisher: Option<String>,
    /// All books of a series.
    series: Option<String>,
    #[param(inline)]
    sort: Option<Sort>,
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
    cursor: Option<String>,
}

#[utoipa::path(
    get, path = "/books", tag = "books", params(Params), security(()),
    responses((status = 200, description = "Books of the catalogue", body = Page<Book>))
)]
async fn books(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let reader = asked.account().map(|account| account.uuid());
    let uri = asked.uri.clone();
    app.read(&asked, READS, move |mut view| async move {
        let audience = params.audience.map(|audience| audience_name(audience).to_owned());
        let genre = params.genre.map(|genre| genre.to_string());
        let language = params.language.map(|language| language.to_string());
        let browse = Browse {
            q: params.q,
            sort: params.sort,
            limit: params.limit,
            cursor: params.cursor,
            reader,
            filters: vec![
                Filter { before: "c.genres @> array[", value: genre, after: "]" },
                Filter { before: "c.authors @> array[", value: params.author, after: "]" },
                Filter { before: "c.audience = ", value: audience, after: "" },
                Filter { before: "c.language = ", value: language, after: "" },
                Filter { before: "c.publisher = ", value: params.publisher, after: "" },
                Filter { before: "c.series_name = ", value: params.series, after: "" },
            ],
        };
        let page: Page<Book> = catalogue::list(view.db(), &BOOKS, browse).await?;
        Answer::page(&uri, &page)
    })
    .await
}

const FILES: &str = attached!("book", "c.book");

/// A book with its files, and whether I like it if I ask with a token.
#[derive(Debug, Serialize, FromRow, ToSchema)]
struct BookPage {
    #[sqlx(flatten)]
    #[serde(flatten)]
    book: Book,
    liked_by_me: Option<bool>,
    #[sqlx(json)]
    files: Vec<Attached>,
}

#[utoipa::path(
    get, path = "/books/{id}", tag = "books", params(("id" = Uuid, Path)), security(()),
    responses((status = 200, description = "A book", body = BookPage))
)]
async fn book(
    State(app): State<App>,
    asked: Asked,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let reader = asked.account().map(|account| account.uuid());
    let select = format!(
        "select {COLUMNS}, {FILES}, mine.score as my_rating,
                case when $2::uuid is not null
                     then exists (select from readmodel.likes
                                   where (reader, kind, target) = ($2, 'book', c.book))
                end as liked_by_me
           from readmodel.books c
           left join readmodel.book_copies k on k.book = c.book
           left join readmodel.item_ratings r on (r.kind, r.item) = ('book', c.book)
           left join readmodel.like_counts l on (l.kind, l.target) = ('book', c.book)
           left join readmodel.reader_ratings mine
             on (mine.reader, mine.kind, mine.item) = ($2, 'book', c.book)
          where c.book = $1",
    );
    app.read_rows(
        &asked,
        READS,
        Select { rows: &select, order: "id" },
        |query| query.bind(id).bind(reader),
        |mut pages: Vec<BookPage>| {
            let page = pages.pop().ok_or_else(|| item::unknown(domain::ItemKind::Book))?;
            Ok(Answer::json(&page)?.of_sequence(page.book.sequence))
        },
    )
    .await
}

pub fn audience_name(audience: domain::book::Audience) -> &'static str {
    match audience {
        domain::book::Audience::General => "general",
        domain::book::Audience::Kids => "kids",
        domain::book::Audience::Teens => "teens",
        domain::book::Audience::Adults => "adults",
    }
}
