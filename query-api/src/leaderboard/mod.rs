//! Leaderboards by name: what counts, over which period and of what is a setting.

mod boards;
mod standings;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use domain::ItemKind;
use domain::weekly::Period;
use serde::Serialize;
use service_kit::page::{Page, Paging, decode_cursor};
use service_kit::{Path, Problem, Query, schema};
use sqlx::FromRow;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::item::{self, Item};
use crate::{Answer, App, Asked};
pub use boards::Leaderboards;
use boards::{Counts, Leaderboard};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(leaderboards)).routes(routes!(leaderboard))
}

/// The sort key of a place: its score, as bits, so that it comes back as it went; what was counted;
/// the item.
type Key = (u64, i64, String);

/// Every leaderboard, by name.
#[derive(Debug, Serialize, ToSchema)]
struct Boards {
    items: Vec<Board>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Board {
    name: String,
    counts: Counts,
    #[schema(value_type = schema::Period)]
    period: Period,
    /// Null: every kind.
    #[schema(value_type = Option<schema::ItemKind>)]
    kind: Option<ItemKind>,
    /// Only items of this genre, skill, category or tag.
    genre: Option<String>,
}

impl Board {
    fn of(name: &str, board: &Leaderboard) -> Self {
        let &Leaderboard { counts, period, kind, ref genre } = board;
        Self { name: name.to_owned(), counts, period, kind, genre: genre.clone().map(String::from) }
    }
}

/// A leaderboard, best first.
#[derive(Debug, Serialize, ToSchema)]
struct Standings {
    #[serde(flatten)]
    board: Board,
    /// Null: all that ever happened counts.
    since: Option<DateTime<Utc>>,
    items: Vec<Placed>,
    /// The cursor of the next page; absent on the last one.
    next: Option<String>,
}

#[derive(Debug, Serialize, FromRow, ToSchema)]
struct Placed {
    rank: i64,
    #[sqlx(flatten)]
    #[serde(flatten)]
    item: Item,
    /// What the item is placed by: a count, or an average of ratings.
    score: f64,
    /// So many times within the period.
    counted: i64,
}

#[utoipa::path(
    get, path = "/leaderboards", tag = "recommendations", security(()),
    responses((status = 200, description = "Which there are", body = Boards))
)]
async fn leaderboards(State(app): State<App>, asked: Asked) -> Result<Response, Problem> {
    let boards = app.leaderboards().iter().map(|(name, board)| Board::of(name, board));
    let boards = Boards { items: boards.collect() };
    app.read(&asked, item::READS, move |_| async move { Answer::json(&boards) }).await
}

#[utoipa::path(
    get, path = "/leaderboards/{name}", tag = "recommendations", security(()),
    params(("name" = String, Path, description = "As `GET /leaderboards` lists them"), Paging),
    responses((status = 200, description = "The best, in pages", body = Standings))
)]
async fn leaderboard(
    State(app): State<App>,
    asked: Asked,
    Path(name): Path<String>,
    Query(Paging { limit, cursor }): Query<Paging>,
) -> Result<Response, Problem> {
    let Some(board) = app.leaderboards().get(&name).cloned() else {
        return Err(Problem::not_found("leaderboard-unknown", "no leaderboard has this name"));
    };
    let list = format!("leaderboard {name}");
    let after: Option<Key> = decode_cursor(&list, cursor.as_deref())?;
    let reader = asked.account().map(|account| account.uuid());
    let (uri, today) = (asked.uri.clone(), asked.now.date_naive());
    app.read(&asked, board.counts.reads(), move |mut view| async move {
        let placed = standings::page(view.db(), &board, today, reader, after, limit).await?;
        let page = Page::of(&list, placed, limit, |placed| {
            (placed.score.to_bits(), placed.counted, placed.item.item.clone())
        });
        let link = page.link(&uri);
        let (board, since) = (Board::of(&name, &board), board.period.since(today));
        let Page { items, next } = page;
        Ok(Answer::json(&Standings { board, since, items, next })?.linked(link))
    })
    .await
}
