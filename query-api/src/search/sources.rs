//! Who can find something: the words, the meaning, and words that are nearly those; and what they
//! say together.

use std::collections::HashMap;

use domain::{ItemId, ItemKind};
use retrieval::{Fusion, Hit, Vector, fuse};
use serde::Serialize;
use service_kit::Problem;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use utoipa::ToSchema;
use uuid::Uuid;

use super::mistyped::Mistyped;
use super::some_words::{is_sentence, some_words};
use super::wanted::Wanted;
use crate::item::CATALOGUE;
use crate::meaning::{Meaning, Without};
use crate::words::push_words;

/// The best of each source that are looked at.
pub(super) const EACH_MAX: usize = 200;
/// Where words find fewer than this, they may be mistyped.
const FEW: usize = 5;
const MISTYPED_MAX: usize = 50;
/// Of what is found at the same rank, the words that were asked for come first.
const WORDS_WEIGHT: f32 = 1.0;
const SOME_WORDS_WEIGHT: f32 = 1.0;
const MEANING_WEIGHT: f32 = 0.9;
const MISTYPED_WEIGHT: f32 = 0.8;

const FULL_TEXT: &str = "full-text";
const SOME_WORDS: &str = "some-words";
const MEANING: &str = "meaning";
const TYPO: &str = "typo";
const POPULAR: &str = "popular";
const CANNOT_COMPARE: &str = "the database lacks the extension pg_trgm, or is brought up to date";

/// What is looked for.
pub(super) struct Question<'a> {
    /// In the language of search engines; empty: whatever is wanted, most rated first.
    pub words: &'a str,
    pub meaning: Result<Vector, Without>,
    pub mistyped: &'a Mistyped,
    pub wanted: &'a Wanted,
}

/// What was found, best first.
#[derive(Default)]
pub(super) struct Ranking {
    pub found: Vec<Ranked>,
    pub asked: Sources,
}

pub(super) struct Ranked {
    pub item: ItemId,
    pub score: f64,
    pub sources: Vec<&'static str>,
}

/// Which sources answered, and which could not.
#[derive(Debug, Clone, Default)]
pub(super) struct Sources {
    pub sources: Vec<&'static str>,
    pub without: Vec<Absent>,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct Absent {
    /// `meaning` or `typo`
    source: &'static str,
    reason: &'static str,
}

pub(super) async fn rank(
    db: &mut PgConnection,
    meaning: &Meaning,
    question: Question<'_>,
) -> Result<Ranking, Problem> {
    let Question { words, meaning: meant, mistyped, wanted } = question;
    let mut asked = Sources::default();
    let mut rankings: Vec<(&'static str, f32, Vec<Hit<ItemId>>)> = Vec::new();
    if words.is_empty() {
        rankings.push((POPULAR, WORDS_WEIGHT, popular(db, wanted).await?));
    } else {
        let (full_text, some) = by_words(db, words, wanted).await?;
        let is_enough = full_text.len() >= FEW;
        rankings.push((FULL_TEXT, WORDS_WEIGHT, full_text));
        match by_meaning(meaning, meant, wanted).await {
            Ok(near) => {
                rankings.push((MEANING, MEANING_WEIGHT, to_be_had(db, near, wanted).await?));
            }
            Err(why) => asked.without.push(Absent { source: MEANING, reason: reason(&why) }),
        }
        rankings.extend(some.map(|some| (SOME_WORDS, SOME_WORDS_WEIGHT, some)));
        if !is_enough {
            match mistyped.found(db).await? {
                Some(alike) => {
                    let mut alike = to_be_had(db, alike.to_vec(), wanted).await?;
                    alike.truncate(MISTYPED_MAX);
                    rankings.push((TYPO, MISTYPED_WEIGHT, alike));
                }
                None => asked.without.push(Absent { source: TYPO, reason: CANNOT_COMPARE }),
            }
        }
    }
    asked.sources = rankings.iter().map(|(source, ..)| *source).collect();
    Ok(Ranking { found: fused(&rankings), asked })
}

async fn by_meaning(
    meaning: &Meaning,
    meant: Result<Vector, Without>,
    wanted: &Wanted,
) -> Result<Vec<Hit<ItemId>>, Without> {
    let wanted = wanted.clone();
    meaning.nearest(&meant?, EACH_MAX, move |item, facts| wanted.admits(item, facts)).await
}

fn fused(rankings: &[(&'static str, f32, Vec<Hit<ItemId>>)]) -> Vec<Ranked> {
    let mut sources: HashMap<ItemId, Vec<&'static str>> = HashMap::new();
    for (source, _, hits) in rankings {
        for hit in hits {
            sources.entry(hit.id).or_default().push(source);
        }
    }
    let weighed: Vec<_> =
        rankings.iter().map(|(_, weight, hits)| (*weight, hits.as_slice())).collect();
    fuse(Fusion::ReciprocalRank, &weighed, sources.len())
        .into_iter()
        .map(|Hit { id, score }| Ranked {
            item: id,
            score: f64::from(score),
            sources: sources.remove(&id).unwrap_or_default(),
        })
        .collect()
}

fn reason(why: &Without) -> &'static str {
    match why {
        Without::Loading => "the model is being loaded",
        Without::Off(_) => "there is no model",
        Without::Failed => "the model could not be asked",
        Without::Away => "the vector index cannot be asked",
    }
}

pub(super) type Row = (String, Uuid, f64);

pub(super) fn hits(rows: Vec<Row>) -> Vec<Hit<ItemId>> {
    let hit = |(kind, id, score): Row| {
        Some(Hit { id: ItemId::new(ItemKind::from_name(&kind)?, id), score: score as f32 })
    };
    rows.into_iter().filter_map(hit).collect()
}

/// What has every word; and, where that is little, what has some of the words of a sentence.
pub(super) async fn by_words(
    db: &mut PgConnection,
    words: &str,
    wanted: &Wanted,
) -> Result<(Vec<Hit<ItemId>>, Option<Vec<Hit<ItemId>>>), Problem> {
    let full_text = full_text(db, words, wanted).await?;
    let some = match full_text.len() < FEW && is_sentence(words) {
        true => Some(some_words(db, words, wanted).await?),
        false => None,
    };
    Ok((full_text, some))
}

async fn full_text(
    db: &mut PgConnection,
    words: &str,
    wanted: &Wanted,
) -> Result<Vec<Hit<ItemId>>, Problem> {
    let mut sql = QueryBuilder::<Postgres>::new("select c.kind, c.item, ts_rank(c.search, ");
    push_words(&mut sql, words);
    sql.push(format!(")::float8 as score from {CATALOGUE} c where c.shown and c.search @@ "));
    push_words(&mut sql, words);
    wanted.push(&mut sql);
    sql.push(" order by score desc, c.item desc limit ").push_bind(EACH_MAX as i64);
    Ok(hits(sql.build_query_as().fetch_all(db).await?))
}

async fn popular(db: &mut PgConnection, wanted: &Wanted) -> Result<Vec<Hit<ItemId>>, Problem> {
    let mut sql = QueryBuilder::<Postgres>::new(format!(
        "select c.kind, c.item, coalesce(r.ratings, 0)::float8 as score
           from {CATALOGUE} c
           left join readmodel.item_ratings r on (r.kind, r.item) = (c.kind, c.item)
          where c.shown"
    ));
    wanted.push(&mut sql);
    sql.push(" order by score desc, c.item desc limit ").push_bind(EACH_MAX as i64);
    Ok(hits(sql.build_query_as().fetch_all(db).await?))
}

/// Of what is near, what is wanted and, as the index is a moment behind, can be had.
async fn to_be_had(
    db: &mut PgConnection,
    near: Vec<Hit<ItemId>>,
    wanted: &Wanted,
) -> Result<Vec<Hit<ItemId>>, Problem> {
    let ids = near.iter().map(|hit| (hit.id.kind.name(), hit.id.id, f64::from(hit.score)));
    let (mut kinds, mut items, mut scores) = (Vec::new(), Vec::new(), Vec::new());
    for (kind, item, score) in ids {
        kinds.push(kind);
        items.push(item);
        scores.push(score);
    }
    let mut sql = QueryBuilder::<Postgres>::new("select c.kind, c.item, near.score from unnest(");
    sql.push_bind(kinds).push("::text[], ").push_bind(items).push("::uuid[], ");
    sql.push_bind(scores).push(format!(
        "::float8[]) with ordinality as near (kind, item, score, place)
           join {CATALOGUE} c using (kind, item) where c.shown"
    ));
    wanted.push(&mut sql);
    sql.push(" order by near.place");
    Ok(hits(sql.build_query_as().fetch_all(db).await?))
}
