//! The catalogue of books.

use axum::extract::State;
use axum::http::StatusCode;
use domain::book::{
    Audience, Authors, Book, Command, Details, Isbn, Refusal, Revision, Series, Year,
};
use domain::{BookId, Language, Name, Patch, Tags, Text, Title, WebAddress};
use eventstore::{Context, Log, Receipt};
use serde::Deserialize;
use service_kit::{
    Accepted, BASE, Json, Merchandiser, Only, OrRefuse, Path, Problem, ReceiptBody, schema,
};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::App;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(post)).routes(routes!(patch, delete))
}

pub async fn add(
    log: &Log,
    context: &Context,
    book: BookId,
    details: Details,
) -> Result<Receipt, Problem> {
    let command = Command::Add { book, details: Box::new(details), at: context.now };
    log.execute::<Book>(book, command, context).await.or_refuse(refused)
}

pub async fn revise(
    log: &Log,
    context: &Context,
    book: BookId,
    revision: Revision,
) -> Result<Receipt, Problem> {
    let command = Command::Revise { book, revision: Box::new(revision), at: context.now };
    log.execute::<Book>(book, command, context).await.or_refuse(refused)
}

pub async fn withdraw(log: &Log, context: &Context, book: BookId) -> Result<Receipt, Problem> {
    let command = Command::Withdraw { book, at: context.now };
    log.execute::<Book>(book, command, context).await.or_refuse(refused)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AddBook {
    /// Chosen by the client if it wants to; else by us.
    #[schema(value_type = Option<Uuid>)]
    id: Option<BookId>,
    #[schema(value_type = schema::Title)]
    title: Title,
    /// At least one.
    #[schema(value_type = schema::Authors)]
    authors: Authors,
    /// 10 or 13 digits with a right check digit.
    #[schema(value_type = Option<String>, min_length = 10, max_length = 32)]
    isbn: Option<Isbn>,
    #[schema(value_type = Option<schema::Name>)]
    publisher: Option<Name>,
    /// Negative before our era.
    #[schema(value_type = Option<schema::Year>)]
    published_year: Option<Year>,
    #[schema(value_type = Option<schema::Series>)]
    series: Option<Series>,
    #[serde(default)]
    #[schema(value_type = schema::Tags)]
    genres: Tags,
    /// general, kids, teens or adults.
    #[serde(default)]
    #[schema(value_type = schema::Audience)]
    audience: Audience,
    #[schema(value_type = Option<String>, pattern = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
    language: Option<Language>,
    #[schema(value_type = Option<schema::Text>)]
    description: Option<Text>,
    #[schema(value_type = Option<schema::WebAddress>)]
    cover_url: Option<WebAddress>,
}

/// Add a book to the catalogue.
#[utoipa::path(
    post, path = "/books", tag = "books", request_body = AddBook,
    security(("bearer" = ["merchandiser"])),
    responses((status = 201, description = "Added", body = ReceiptBody))
)]
async fn post(
    State(app): State<App>,
    caller: Only<Merchandiser>,
    Json(body): Json<AddBook>,
) -> Result<Accepted, Problem> {
    let book = body.id.unwrap_or_else(|| Uuid::now_v7().into());
    let details = Details {
        title: body.title,
        authors: body.authors,
        isbn: body.isbn,
        publisher: body.publisher,
        published_year: body.published_year,
        series: body.series,
        genres: body.genres,
        audience: body.audience,
        language: body.language,
        description: body.description,
        cover_url: body.cover_url,
    };
    let receipt = add(&app.log, caller.context(), book, details).await?;
    let location = format!("{BASE}/books/{}", receipt.stream.aggregate_id);
    Ok(Accepted::created(receipt, location))
}

/// Absent fields stay as they are; null removes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReviseBook {
    #[schema(value_type = Option<schema::Title>)]
    title: Option<Title>,
    #[schema(value_type = Option<schema::Authors>)]
    authors: Option<Authors>,
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 10, max_length = 32)]
    isbn: Patch<Isbn>,
    #[serde(default)]
    #[schema(value_type = Option<schema::Name>)]
    publisher: Patch<Name>,
    #[serde(default)]
    #[schema(value_type = Option<schema::Year>)]
    published_year: Patch<Year>,
    #[serde(default)]
    #[schema(value_type = Option<schema::Series>)]
    series: Patch<Series>,
    #[schema(value_type = Option<schema::Tags>)]
    genres: Option<Tags>,
    #[schema(value_type = Option<schema::Audience>)]
    audience: Option<Audience>,
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
    language: Patch<Language>,
    #[serde(default)]
    #[schema(value_type = Option<schema::Text>)]
    description: Patch<Text>,
    #[serde(default)]
    #[schema(value_type = Option<schema::WebAddress>)]
    cover_url: Patch<WebAddress>,
}

/// Change the named fields of a book.
#[utoipa::path(
    patch, path = "/books/{id}", tag = "books", request_body = ReviseBook,
    params(("id" = Uuid, Path)),
    security(("bearer" = ["merchandiser"])),
    responses((status = 200, description = "Revised", body = ReceiptBody))
)]
async fn patch(
    State(app): State<App>,
    caller: Only<Merchandiser>,
    Path(id): Path<BookId>,
    Json(body): Json<ReviseBook>,
) -> Result<Accepted, Problem> {
    let revision = Revision {
        title: body.title,
        authors: body.authors,
        isbn: body.isbn,
        publisher: body.publisher,
        published_year: body.published_year,
        series: body.series,
        genres: body.genres,
        audience: body.audience,
        language: body.language,
        description: body.description,
        cover_url: body.cover_url,
    };
    revise(&app.log, caller.context(), id, revision).await.map(Accepted::done)
}

/// Take a book out of the catalogue, for good.
#[utoipa::path(
    delete, path = "/books/{id}", tag = "books", params(("id" = Uuid, Path)),
    security(("bearer" = ["merchandiser"])),
    responses((status = 200, description = "Withdrawn", body = ReceiptBody))
)]
async fn delete(
    State(app): State<App>,
    caller: Only<Merchandiser>,
    Path(id): Path<BookId>,
) -> Result<Accepted, Problem> {
    withdraw(&app.log, caller.context(), id).await.map(Accepted::done)
}

/// Also for those who need a book for something else.
pub(crate) fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Unknown => Problem::not_found("book-unknown", refusal),
        Refusal::AlreadyAdded => Problem::conflict("book-exists", refusal),
        Refusal::Withdrawn => Problem::new(StatusCode::GONE, "book-withdrawn", refusal),
    }
}
