//! Titles that go on from what was typed; and what fits a wish, such as "something warm for winter
//! under 50 pounds": what it says in so many words is understood by rules, the rest is looked for.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::Response;
use domain::{ItemId, ItemKind, Wish};
use retrieval::Vector;
use serde::{Deserialize, Serialize};
use service_kit::{Problem, Query, schema};
use sqlx::{FromRow, PgConnection};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::mistyped::Mistyped;
use super::sources::{Absent, Question, Ranked, Ranking, Sources, rank};
use super::wanted::Wanted;
use crate::item::{self, CATALOGUE, ItemPrice};
use crate::meaning::{Meaning, Without};
use crate::words::{Words, folded};
use crate::{Answer, App, Asked};

/// Suggestions of one answer.
const SUGGESTIONS_MAX: usize = 10;
/// So many words are a wish, even if no rule understands any.
const WISH_WORDS_MIN: usize = 3;
/// Words of a category, such as "young adult fantasy".
const CATEGORY_WORDS_MAX: usize = 3;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(suggest))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Typed {
    /// The beginning of a title as typed so far, or a wish in plain English.
    q: String,
    /// `book`, `course` or `product`; without it, all three.
    #[param(inline, value_type = Option<schema::ItemKind>)]
    kind: Option<ItemKind>,
}

/// Titles that go on from what was typed, then what fits the wish.
#[derive(Debug, Serialize, ToSchema)]
struct Suggestions {
    items: Vec<Suggestion>,
    /// What a wish says in so many words, if it says anything.
    understood: Option<Understood>,
    /// Who answered for the wish: `full-text`, `meaning`, `typo`, or `popular` if no words are left.
    sources: Vec<&'static str>,
    /// Who could not be asked.
    without: Vec<Absent>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Suggestion {
    item: String,
    kind: String,
    id: Uuid,
    title: String,
    /// What I gave it, if I ask with a token.
    my_rating: Option<i16>,
    #[serde(skip_serializing_if = "ItemPrice::is_none")]
    price: ItemPrice,
    /// `title` for one that goes on from what was typed, else who found it.
    source: &'static str,
}

/// Only what is fulfilled by every item that was found for the wish.
#[derive(Debug, Serialize, ToSchema)]
struct Understood {
    kind: Option<&'static str>,
    /// A genre, skill, category or tag.
    category: Option<String>,
    /// `kids`, `teens` or `adults`
    audience: Option<&'static str>,
    /// In minor units.
    price_min: Option<i64>,
    price_max: Option<i64>,
    currency: Option<String>,
    /// What is left, looked for by words and meaning.
    rest: String,
}

#[utoipa::path(
    get, path = "/search/suggest", tag = "search", params(Typed), security(()),
    responses((
        status = 200, body = Suggestions,
        description = "Titles, most rated first; then what fits the wish, best first"
    ))
)]
async fn suggest(
    State(app): State<App>,
    asked: Asked,
    Query(Typed { q, kind }): Query<Typed>,
) -> Result<Response, Problem> {
    let Words { sought, without } = Words::of(&q);
    let words = title_words(&folded(&sought))
        .ok_or_else(|| Problem::invalid("/query/q", "what are you looking for?"))?;
    let wish = Wish::of(&sought);
    let is_wish = wish.is_understood() || without.is_some() || wish.rest.len() >= WISH_WORDS_MIN;
    let (asked, meant) = match is_wish {
        true => {
            let asked = asked.beside(app.meaning().now());
            (asked, Some(app.meaning().of(&wish.meant()).await))
        }
        false => (asked, None),
    };
    let meaning = app.meaning();
    let reader = asked.account().map(|account| account.uuid());
    app.read(&asked, item::READS, move |mut view| async move {
        let db = view.db();
        // Nobody types what a title is without.
        let mut items = match &without {
            None => completions(db, reader, &words, kind).await?,
            Some(_) => Vec::new(),
        };
        let (mut understood, mut sources) = (None, Sources::default());
        // What is no more than the title of something needs no more than that.
        if let Some(meant) = meant.filter(|_| wish.is_understood() || items.is_empty()) {
            let (ranking, wanted) = fulfilled(db, meaning, &wish, kind, meant, without).await?;
            sources = ranking.asked;
            add(db, reader, &mut items, ranking.found).await?;
            understood = wish.is_understood().then(|| understood_of(wanted, &wish));
        }
        let Sources { sources, without } = sources;
        Answer::json(&Suggestions { items, understood, sources, without })
    })
    .await
}

async fn completions(
    db: &mut PgConnection,
    reader: Option<Uuid>,
    words: &str,
    kind: Option<ItemKind>,
) -> Result<Vec<Suggestion>, Problem> {
    #[derive(FromRow)]
    struct Row {
        kind: String,
        id: Uuid,
        title: String,
        my_rating: Option<i16>,
        #[sqlx(flatten)]
        price: ItemPrice,
    }
    let rows: Vec<Row> = sqlx::query_as(&format!(
        "select c.kind, c.item as id, c.title, mine.score as my_rating, c.price_minor, c.currency
           from {CATALOGUE} c
           left join readmodel.item_ratings r on (r.kind, r.item) = (c.kind, c.item)
           left join readmodel.reader_ratings mine
             on (mine.reader, mine.kind, mine.item) = ($4, c.kind, c.item)
          where shown and search @@ to_tsquery('simple', $1)
            and ($2::text is null or c.kind = $2)
          order by coalesce(r.ratings, 0) desc, c.title, c.item limit $3",
    ))
    .bind(words)
    .bind(kind.map(ItemKind::name))
    .bind(SUGGESTIONS_MAX as i64)
    .bind(reader)
    .fetch_all(db)
    .await?;
    let suggestion = |Row { kind, id, title, my_rating, price }: Row| {
        let item = format!("{kind}:{id}");
        Suggestion { item, kind, id, title, my_rating, price, source: "title" }
    };
    Ok(rows.into_iter().map(suggestion).collect())
}

/// What was found for the wish, after the titles.
async fn add(
    db: &mut PgConnection,
    reader: Option<Uuid>,
    items: &mut Vec<Suggestion>,
    found: Vec<Ranked>,
) -> Result<(), Problem> {
    let known: BTreeSet<Uuid> = items.iter().map(|item| item.id).collect();
    let new = found.into_iter().filter(|ranked| !known.contains(&ranked.item.id));
    let new: Vec<_> = new.take(SUGGESTIONS_MAX - items.len()).collect();
    let key = |item: ItemId| (item.kind.name().to_owned(), item.id);
    let mut found = item::fetch(db, reader, new.iter().map(|ranked| key(ranked.item))).await?;
    items.extend(new.into_iter().filter_map(|ranked| {
        let item = found.remove(&key(ranked.item))?;
        Some(Suggestion {
            item: item.item,
            kind: item.kind,
            id: item.id,
            title: item.title,
            my_rating: item.my_rating,
            price: item.price,
            source: ranked.sources.first().copied().unwrap_or_default(),
        })
    }));
    Ok(())
}

/// Only products have a price.
fn wanted(wish: &Wish, kind: Option<ItemKind>) -> Wanted {
    Wanted {
        kind: kind.or(wish.kind).or(wish.has_price().then_some(ItemKind::Product)),
        audience: wish.audience,
        price_min: wish.price_min,
        price_max: wish.price_max,
        currency: wish.currency.map(str::to_owned),
        ..Wanted::default()
    }
}

/// What was found for the wish, and what of it is true of all that was found.
async fn fulfilled(
    db: &mut PgConnection,
    meaning: &Meaning,
    wish: &Wish,
    kind: Option<ItemKind>,
    meant: Result<Vector, Without>,
    without: Option<String>,
) -> Result<(Ranking, Wanted), Problem> {
    let label = category(db, &wish.rest, wanted(wish, kind).kind).await?;
    // A wish is fulfilled by some of its words.
    let telling = telling(db, &wish.rest).await?;
    let (words, mistyped) = (telling.join(" or "), Mistyped::words(&telling));
    let mut attempts =
        attempts(Wanted { category: label, without, ..wanted(wish, kind) }, kind.is_some())
            .into_iter()
            .peekable();
    while let Some(wanted) = attempts.next() {
        // "Books under 20 pounds" may be products, but not any.
        let words = match wish.kind.filter(|kind| words.is_empty() && wanted.kind != Some(*kind)) {
            Some(kind) => kind.name(),
            None => &words,
        };
        let question =
            Question { words, meaning: meant.clone(), mistyped: &mistyped, wanted: &wanted };
        let ranking = rank(db, meaning, question).await?;
        if !ranking.found.is_empty() || attempts.peek().is_none() {
            return Ok((ranking, wanted));
        }
    }
    Ok((Ranking::default(), Wanted::default()))
}

/// What is wanted, then less and less of it. Books and courses have no price: with one, a product is
/// wanted, such as a book on sale, or the price is forgotten. A category or an audience that leaves
/// nothing was not what was meant, or not how we label it.
fn attempts(wanted: Wanted, is_kind_asked: bool) -> Vec<Wanted> {
    let can_cost = wanted.kind.is_none_or(|kind| kind == ItemKind::Product);
    let product = Wanted { kind: Some(ItemKind::Product), ..wanted.clone() };
    let free = Wanted { price_min: None, price_max: None, currency: None, ..wanted.clone() };
    let ways = match wanted.asks_price() && !can_cost {
        false => vec![wanted],
        true if is_kind_asked => vec![free],
        true => vec![product, free],
    };
    let looser = |wanted: Wanted| {
        let anything = Wanted { category: None, ..wanted.clone() };
        let anybody = Wanted { audience: None, ..anything.clone() };
        [wanted, anything, anybody]
    };
    let mut attempts: Vec<_> = ways.into_iter().flat_map(looser).collect();
    attempts.dedup();
    attempts
}

fn understood_of(wanted: Wanted, wish: &Wish) -> Understood {
    let Wanted { kind, category, audience, price_min, price_max, currency, .. } = wanted;
    let (kind, rest) = (kind.map(ItemKind::name), wish.rest.join(" "));
    Understood { kind, category, audience, price_min, price_max, currency, rest }
}

/// The longest run of words that is a genre, a skill, a category or a tag of something.
async fn category(
    db: &mut PgConnection,
    words: &[String],
    kind: Option<ItemKind>,
) -> Result<Option<String>, Problem> {
    let mut labels = Vec::new();
    for length in (1..=CATEGORY_WORDS_MAX).rev() {
        for run in words.windows(length) {
            let label = run.join(" ");
            labels.push(format!("{label}s"));
            labels.extend(label.strip_suffix('s').map(str::to_owned));
            labels.push(label);
        }
    }
    let known = "select label
           from unnest($1::text[]) with ordinality as asked (label, place)
          where ($2::text is null or $2 = 'book')
                and exists (select from readmodel.books
                             where genres @> array[label] and not withdrawn)
             or ($2::text is null or $2 = 'course')
                and exists (select from readmodel.courses
                             where skills @> array[label] and state = 'published')
             or ($2::text is null or $2 = 'product')
                and exists (select from readmodel.products
                             where (category = label or tags @> array[label])
                               and not discontinued)
          order by place limit 1";
    let known = sqlx::query_scalar(known).bind(labels).bind(kind.map(ItemKind::name));
    Ok(known.fetch_optional(db).await?)
}

/// Words that say something of what is looked for: not `my`, `who` and their like, which stand in
/// many a title.
async fn telling(db: &mut PgConnection, words: &[String]) -> Result<Vec<String>, Problem> {
    let telling = "select word from unnest($1::text[]) with ordinality as said (word, place)
          where to_tsvector('english', word) <> '' order by place";
    Ok(sqlx::query_scalar(telling).bind(words).fetch_all(db).await?)
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

    fn said(wanted: &Wanted) -> (Option<ItemKind>, Option<i64>, Option<&str>) {
        (wanted.kind, wanted.price_max, wanted.category.as_deref())
    }

    #[test]
    fn what_has_no_price_is_a_product_or_may_cost_anything() {
        let (book, product) = (Some(ItemKind::Book), Some(ItemKind::Product));
        let (category, price_max) = (Some("fantasy".to_owned()), Some(2_000));
        let wanted = Wanted { kind: book, category, price_max, ..Wanted::default() };
        let asked = attempts(wanted.clone(), true);
        assert_eq!(
            asked.iter().map(said).collect::<Vec<_>>(),
            [(book, None, Some("fantasy")), (book, None, None)]
        );
        assert_eq!(
            attempts(wanted, false).iter().map(said).collect::<Vec<_>>(),
            [
                (product, price_max, Some("fantasy")),
                (product, price_max, None),
                (book, None, Some("fantasy")),
                (book, None, None),
            ]
        );
    }

    #[test]
    fn only_the_last_word_may_be_unfinished() {
        assert_eq!(title_words("The sec").as_deref(), Some("'the':A & 'sec':*A"));
        assert_eq!(title_words("o'b & !\\").as_deref(), Some("'o':A & 'b':*A"));
        assert_eq!(title_words(" ' "), None);
    }
}
