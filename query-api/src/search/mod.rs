//! Finding books, courses and products by their words and by what they mean, best match first; titles
//! and wishes while typing.
//!
//! What lessons say lets a course be found, but nothing of it is quoted: not everybody may read it.

mod highlights;
mod mistyped;
mod some_words;
mod sources;
mod suggest;
mod wanted;

use std::collections::HashSet;

use axum::extract::State;
use axum::response::Response;
use domain::{Currency, ItemId, ItemKind, Money, Tag};
use retrieval::{Hit, text_hash};
use serde::{Deserialize, Serialize};
use service_kit::page::{Limit, Page, decode_cursor, encode_cursor};
use service_kit::{Problem, Query, schema};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::book::audience_name;
use crate::item::{self, Item};
use crate::words::Words;
use crate::{Answer, App, Asked};
use highlights::{Highlights, highlights};
use mistyped::Mistyped;
use sources::{Absent, Question, Sources, by_words, rank};
use wanted::Wanted;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(search)).merge(suggest::routes())
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Params {
    /// Words to look for, as in a search engine: `"exact phrase"`, `or`, `-without`. Items that say
    /// the same in other words are found too.
    q: String,
    /// `book`, `course` or `product`; without it, all three.
    #[param(inline, value_type = Option<schema::ItemKind>)]
    kind: Option<ItemKind>,
    /// Only items of this genre, skill, category or tag.
    #[param(inline, value_type = Option<schema::Tag>)]
    category: Option<Tag>,
    /// Only books for these, and what is labelled so.
    #[param(inline, value_type = Option<schema::Audience>)]
    audience: Option<domain::book::Audience>,
    /// In minor units: only products that cost at least this.
    #[param(minimum = 0, maximum = 1_000_000_000_000_000_u64)]
    price_min: Option<i64>,
    /// In minor units: only products that cost at most this.
    #[param(minimum = 0, maximum = 1_000_000_000_000_000_u64)]
    price_max: Option<i64>,
    /// Only products with a price in this currency of ISO 4217, such as `GBP`.
    currency: Option<String>,
    #[serde(default)]
    #[param(value_type = Option<u16>)]
    limit: Limit,
    cursor: Option<String>,
}

impl Params {
    fn wanted(&self, without: Option<String>) -> Result<Wanted, Problem> {
        let amount = |field: &str, minor: Option<i64>| match minor {
            Some(minor) => Money::new(minor, Currency::GBP)
                .map(|money| Some(money.minor()))
                .map_err(|error| Problem::invalid(format!("/query/{field}"), error)),
            None => Ok(None),
        };
        let currency = self.currency.as_deref().map(str::parse::<Currency>).transpose();
        let currency = currency.map_err(|error| Problem::invalid("/query/currency", error))?;
        Ok(Wanted {
            kind: self.kind,
            category: self.category.as_ref().map(Tag::to_string),
            audience: self.audience.map(audience_name),
            price_min: amount("price_min", self.price_min)?,
            price_max: amount("price_max", self.price_max)?,
            currency: currency.map(|currency| currency.to_string()),
            without,
        })
    }
}

/// A page of what was found, and who found it. There are no more than the best 200 of each source.
#[derive(Debug, Serialize, ToSchema)]
struct Results {
    items: Vec<Found>,
    /// The cursor of the next page; absent on the last one.
    next: Option<String>,
    /// `full-text`, `some-words` (of a sentence), `meaning`, `typo` (words much like those): who answered;
    /// `popular` alone where only words to be without are said.
    sources: Vec<&'static str>,
    /// Who could not be asked.
    without: Vec<Absent>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Found {
    #[serde(flatten)]
    item: Item,
    /// How well it matches: of the ranks that its sources gave it.
    score: f64,
    /// The first of `sources`.
    source: &'static str,
    /// `full-text`, `some-words`, `meaning`, `typo` or `popular`: who found it.
    sources: Vec<&'static str>,
    highlights: Highlights,
}

/// Where a page ends: the item, and its place should it be there no more.
type End = (ItemId, usize);

/// What `/search` finds by words alone, for those who measure it.
pub async fn found_by_words(db: &mut PgConnection, q: &str) -> Result<Vec<Hit<ItemId>>, Problem> {
    let Words { sought, without } = Words::of(q);
    let wanted = Wanted { without, ..Wanted::default() };
    let (mut found, some) = by_words(db, &sought, &wanted).await?;
    let known: HashSet<ItemId> = found.iter().map(|hit| hit.id).collect();
    found.extend(some.into_iter().flatten().filter(|hit| !known.contains(&hit.id)));
    Ok(found)
}

#[utoipa::path(
    get, path = "/search", tag = "search", params(Params), security(()),
    responses((status = 200, description = "What was found", body = Results))
)]
async fn search(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let words = Words::of(&params.q);
    if words.say_nothing() {
        return Err(Problem::invalid("/query/q", "what are you looking for?"));
    }
    let Words { sought, without } = words;
    let wanted = params.wanted(without)?;
    // Places in one answer say nothing in another's.
    let list = hex::encode(text_hash(&format!("{sought} {wanted:?}")));
    let after: Option<End> = decode_cursor(&list, params.cursor.as_deref())?;
    let reader = asked.account().map(|account| account.uuid());
    let uri = asked.uri.clone();
    let asked = asked.beside(app.meaning().now());
    let meant = app.meaning().of(&sought).await;
    let meaning = app.meaning();
    app.read(&asked, item::READS, move |mut view| async move {
        let db = view.db();
        let mistyped = Mistyped::text(&sought);
        let question =
            Question { words: &sought, meaning: meant, mistyped: &mistyped, wanted: &wanted };
        let ranking = rank(db, meaning, question).await?;
        let begin = after.map_or(0, |(last, place)| {
            let is_last = |ranked: &sources::Ranked| ranked.item == last;
            ranking.found.iter().position(is_last).map_or(place, |place| place + 1)
        });
        let end = begin.saturating_add(params.limit.get());
        let has_more = end < ranking.found.len();
        let found: Vec<_> =
            ranking.found.into_iter().skip(begin).take(params.limit.get()).collect();
        let next = found.last().filter(|_| has_more);
        let next = next.map(|last| encode_cursor(&list, &(last.item, end)));
        let ids: Vec<ItemId> = found.iter().map(|ranked| ranked.item).collect();
        let mut marked = highlights(db, &sought, &ids).await?;
        let named = ids.iter().map(|item| (item.kind.name().to_owned(), item.id));
        let mut items = item::fetch(db, reader, named).await?;
        let items = found.into_iter().filter_map(|ranked| {
            let item = items.remove(&(ranked.item.kind.name().to_owned(), ranked.item.id))?;
            Some(Found {
                item,
                score: ranked.score,
                source: ranked.sources.first().copied().unwrap_or_default(),
                sources: ranked.sources,
                highlights: marked.remove(&ranked.item).unwrap_or_default(),
            })
        });
        let page = Page { items: items.collect(), next };
        let link = page.link(&uri);
        let Page { items, next } = page;
        let Sources { sources, without } = ranking.asked;
        Ok(Answer::json(&Results { items, next, sources, without })?.linked(link))
    })
    .await
}
