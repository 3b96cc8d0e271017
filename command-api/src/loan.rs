//! Readers borrow books and bring them back.

use axum::extract::State;
use domain::book::{self, Book};
use domain::loan::{Command, Copies, CopySet, Refusal};
use domain::{AccountId, BookId};
use eventstore::{Context, Decision, Facts, Log, Receipt};
use serde::Deserialize;
use service_kit::{
    Accepted, Json, Member, Merchandiser, Only, OrRefuse, Path, Problem, ReceiptBody, Undecided,
    schema,
};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::book::refused as book_refused;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(put_copies))
        .routes(routes!(put, delete))
        .routes(routes!(delete_for))
}

/// Also of a withdrawn book: its copies leave the house one by one.
pub async fn set_copies(
    log: &Log,
    context: &Context,
    book: BookId,
    copies: Copies,
) -> Result<Receipt, Problem> {
    let at = context.now;
    log.decide::<CopySet, _, _, _>(context, |facts| async move {
        if facts.load::<Book>(book).await?.is_new() {
            return Err(Undecided::Unprepared(book_refused(book::Refusal::Unknown)));
        }
        Ok(Decision::new(book, Command::SetCopies { book, copies, at }))
    })
    .await
    .or_refuse(refused)
}

pub async fn borrow(
    log: &Log,
    context: &Context,
    book: BookId,
    reader: AccountId,
) -> Result<Receipt, Problem> {
    let at = context.now;
    log.decide::<CopySet, _, _, Undecided<Refusal>>(context, |facts| async move {
        must_be_listed(&facts, book).await?;
        Ok(Decision::new(book, Command::Borrow { book, reader, at }))
    })
    .await
    .or_refuse(refused)
}

/// Also of a book that has gone from the catalogue: the copy comes back all the same.
pub async fn give_back(
    log: &Log,
    context: &Context,
    book: BookId,
    reader: AccountId,
) -> Result<Receipt, Problem> {
    let command = Command::Return { book, reader, at: context.now };
    log.execute::<CopySet>(book, command, context).await.or_refuse(refused)
}

async fn must_be_listed(facts: &Facts, book: BookId) -> Result<(), Undecided<Refusal>> {
    let why = match facts.load::<Book>(book).await?.state {
        Book::Listed { .. } => return Ok(()),
        Book::Absent => book::Refusal::Unknown,
        Book::Withdrawn => book::Refusal::Withdrawn,
    };
    Err(Undecided::Unprepared(book_refused(why)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetCopies {
    /// Never fewer than are out.
    #[schema(value_type = schema::Copies)]
    copies: Copies,
}

/// Set how many copies of a book there are to lend.
#[utoipa::path(
    put, path = "/books/{id}/copies", tag = "loans", request_body = SetCopies,
    params(("id" = Uuid, Path)),
    security(("bearer" = ["merchandiser"])),
    responses((status = 200, description = "Set", body = ReceiptBody))
)]
async fn put_copies(
    State(app): State<App>,
    caller: Only<Merchandiser>,
    Path(book): Path<BookId>,
    Json(SetCopies { copies }): Json<SetCopies>,
) -> Result<Accepted, Problem> {
    set_copies(&app.log, caller.context(), book, copies).await.map(Accepted::done)
}

/// Borrow a book for three weeks. Asking again does not prolong it.
#[utoipa::path(
    put, path = "/books/{id}/loan", tag = "loans", params(("id" = Uuid, Path)),
    responses((status = 200, description = "Borrowed", body = ReceiptBody))
)]
async fn put(
    State(app): State<App>,
    caller: Only<Member>,
    Path(book): Path<BookId>,
) -> Result<Accepted, Problem> {
    borrow(&app.log, caller.context(), book, caller.account).await.map(Accepted::done)
}

/// Return a book.
#[utoipa::path(
    delete, path = "/books/{id}/loan", tag = "loans", params(("id" = Uuid, Path)),
    responses((status = 200, description = "Returned", body = ReceiptBody))
)]
async fn delete(
    State(app): State<App>,
    caller: Only<Member>,
    Path(book): Path<BookId>,
) -> Result<Accepted, Problem> {
    give_back(&app.log, caller.context(), book, caller.account).await.map(Accepted::done)
}

/// Take a copy back for a reader, also for one who cannot ask any more: deactivated or erased.
#[utoipa::path(
    delete, path = "/books/{id}/loans/{reader}", tag = "loans",
    params(("id" = Uuid, Path), ("reader" = Uuid, Path)),
    security(("bearer" = ["merchandiser"])),
    responses((status = 200, description = "Returned", body = ReceiptBody))
)]
async fn delete_for(
    State(app): State<App>,
    caller: Only<Merchandiser>,
    Path((book, reader)): Path<(BookId, AccountId)>,
) -> Result<Accepted, Problem> {
    give_back(&app.log, caller.context(), book, reader).await.map(Accepted::done)
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::CopiesOut { out } => Problem::conflict("copies-out", refusal).with("out", out),
        Refusal::NoCopyLeft => Problem::conflict("no-copy-left", refusal),
        Refusal::NotBorrowed => Problem::conflict("not-borrowed", refusal),
    }
}
