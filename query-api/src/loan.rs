//! What I borrowed, and for those who keep the books: what is out and what is overdue.
//!
//! A copy is due at the end of a day, so these answers change with events and with the day.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use domain::ItemKind;
use serde::{Deserialize, Serialize};
use service_kit::page::{Limit, Page, decode_cursor};
use service_kit::{Problem, Query};
use sqlx::{FromRow, PgConnection};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::item::{self, Item};
use crate::{Answer, App, Asked, Reads};

const READS: Reads = &["loans", "books", "courses", "products", "item_ratings"];

/// With what has become of the readers.
const ALL_READS: Reads = &["loans", "profiles", "books", "courses", "products", "item_ratings"];

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(mine)).routes(routes!(loans))
}

/// A book that was borrowed.
#[derive(Debug, Serialize, ToSchema)]
struct Loan {
    #[serde(flatten)]
    item: Item,
    borrowed_at: DateTime<Utc>,
    /// The end of the last day.
    due_at: DateTime<Utc>,
    /// Still out, and should be back.
    overdue: bool,
    returned_at: Option<DateTime<Utc>>,
}

/// A book that is out, and who has it.
#[derive(Debug, Serialize, ToSchema)]
struct LoanOut {
    reader: Uuid,
    /// `active`, or gone: `deactivated` or `erased`. A merchandiser takes the copy back for them.
    reader_state: Option<String>,
    #[serde(flatten)]
    loan: Loan,
}

#[derive(Debug, FromRow)]
struct Row {
    reader: Uuid,
    #[sqlx(default)]
    reader_state: Option<String>,
    book: Uuid,
    borrowed_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
    overdue: bool,
    returned_at: Option<DateTime<Utc>>,
    position: i64,
}

const COLUMNS: &str = "l.reader, l.book, l.borrowed_at, l.due_at,
    l.returned_at is null and l.due_at <= $1 as overdue, l.returned_at, l.position";

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Mine {
    /// `true`: what I have returned; else what I have.
    #[serde(default)]
    #[param(value_type = Option<bool>)]
    returned: bool,
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
    cursor: Option<String>,
}

#[utoipa::path(
    get, path = "/accounts/me/loans", tag = "loans", params(Mine),
    responses((status = 200, description = "What I borrowed, newest first", body = Page<Loan>))
)]
async fn mine(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Mine>,
) -> Result<Response, Problem> {
    let reader = asked.member()?.uuid();
    let list = if params.returned { "my-returned-loans" } else { "my-loans" };
    let after: Option<i64> = decode_cursor(list, params.cursor.as_deref())?;
    let (uri, now) = (asked.uri.clone(), asked.now);
    app.read(&asked, READS, move |mut view| async move {
        let rows: Vec<Row> = sqlx::query_as(&format!(
            "select {COLUMNS} from readmodel.loans l
              where reader = $2 and (returned_at is not null) = $3
                and ($4::bigint is null or position < $4)
              order by position desc limit $5",
        ))
        .bind(now)
        .bind(reader)
        .bind(params.returned)
        .bind(after)
        .bind(params.limit.rows())
        .fetch_all(view.db())
        .await?;
        let page = Page::of(list, rows, params.limit, |row| row.position);
        let page = with_books(view.db(), reader, page).await?.map(|out| out.loan);
        Answer::page(&uri, &page)
    })
    .await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Params {
    /// `true`: only what should be back.
    #[serde(default)]
    #[param(value_type = Option<bool>)]
    overdue: bool,
    /// `true`: only what those have whose account is no longer in use.
    #[serde(default)]
    #[param(value_type = Option<bool>)]
    gone: bool,
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
    cursor: Option<String>,
}

#[utoipa::path(
    get, path = "/loans", tag = "loans", params(Params),
    security(("bearer" = ["merchandiser"]), ("bearer" = ["operator"])),
    responses((status = 200, description = "What is out, longest first", body = Page<LoanOut>))
)]
async fn loans(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let keeper = asked.member()?.uuid();
    let after: Option<i64> = decode_cursor("loans", params.cursor.as_deref())?;
    let (uri, now) = (asked.uri.clone(), asked.now);
    app.read(&asked, ALL_READS, move |mut view| async move {
        let rows: Vec<Row> = sqlx::query_as(&format!(
            "select {COLUMNS}, p.state as reader_state
               from readmodel.loans l
               left join readmodel.profiles p on p.account = l.reader
              where l.returned_at is null and (not $2 or l.due_at <= $1)
                and (not $5 or p.state <> 'active')
                and ($3::bigint is null or l.position > $3)
              order by l.position limit $4",
        ))
        .bind(now)
        .bind(params.overdue)
        .bind(after)
        .bind(params.limit.rows())
        .bind(params.gone)
        .fetch_all(view.db())
        .await?;
        let page = Page::of("loans", rows, params.limit, |row| row.position);
        Answer::page(&uri, &with_books(view.db(), keeper, page).await?)
    })
    .await
}

/// `asking`: whose ratings are shown.
async fn with_books(
    db: &mut PgConnection,
    asking: Uuid,
    page: Page<Row>,
) -> Result<Page<LoanOut>, Problem> {
    let key = |book: Uuid| (ItemKind::Book.name().to_owned(), book);
    let items = item::fetch(db, Some(asking), page.items.iter().map(|row| key(row.book))).await?;
    let loans = page.items.into_iter().filter_map(|row| {
        let Row { reader, reader_state, book, borrowed_at, due_at, overdue, returned_at, .. } = row;
        // Readers may have one book, and a reader the same one again.
        let item = items.get(&key(book))?.clone();
        let loan = Loan { item, borrowed_at, due_at, overdue, returned_at };
        Some(LoanOut { reader, reader_state, loan })
    });
    Ok(Page { items: loans.collect(), next: page.next })
}
