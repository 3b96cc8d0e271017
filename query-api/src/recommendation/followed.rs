//! What those like whom the reader follows, as their feed tells: opinions, favourites and courses, not
//! what they borrow or buy.

use std::collections::HashMap;

use domain::{ItemId, ItemKind};
use service_kit::Problem;
use sqlx::PgConnection;
use uuid::Uuid;

use super::rungs::{Asking, best_left};

/// Newest of those whom the reader follows, and newest deeds of each, that count.
const FOLLOWED_MAX: i64 = 100;
const DEEDS_MAX: i64 = 100;
/// From this score on it is a liking.
const LIKED_FROM: i64 = 7;
/// People named in the reasons of an item.
const NAMED_MAX: i64 = 5;
/// What `ln(1 + people)` counts beside the model, whose unit is a deviation of its scores: one person
/// moves an item a little, and a crowd does not drown what the reader likes.
const WEIGHT: f64 = 1.0;

/// How much they add to the score of an item, and who they are.
#[derive(Debug)]
pub struct Liked {
    pub share: f64,
    pub by: Vec<Uuid>,
    people: f64,
}

impl Liked {
    /// Everybody counts the same.
    pub fn reasons(&self) -> impl Iterator<Item = (String, f64)> {
        self.by.iter().map(|by| (format!("account:{by}"), self.share / self.people))
    }
}

/// What those like whom `reader`, an expression, follows.
fn liked(reader: &str) -> String {
    format!(
        "select did.kind, did.item, ln(1 + count(*)::float8) as score, count(*) as people,
                (array_agg(did.actor order by did.actor))[1:{NAMED_MAX}] as by
           from (select followee from readmodel.follows where follower = {reader}
                  order by position desc limit {FOLLOWED_MAX}) f
           join readmodel.profiles p on p.account = f.followee and p.state <> 'erased'
          cross join lateral (
                select distinct actor, kind, object as item
                  from (select actor, kind, object, score from readmodel.activity
                         where actor = f.followee order by position desc limit {DEEDS_MAX}) newest
                 where kind <> 'account' and (score is null or score >= {LIKED_FROM})) did
          group by did.kind, did.item"
    )
}

/// As a rung by itself.
pub fn select() -> String {
    let candidates = "select l.kind, l.item, l.score,
                array(select 'account:' || account from unnest(l.by) as account) as because,
                array_fill(l.score / l.people, array[cardinality(l.by)]) as shares,
                w.labels[1] as genre, w.makers
           from liked l join wanted w using (kind, item)";
    format!("liked as ({}) {}", liked("$5"), best_left(candidates))
}

/// As a part of what the model says.
pub async fn beside_model(
    db: &mut PgConnection,
    asking: &Asking,
) -> Result<HashMap<ItemId, Liked>, Problem> {
    let Some(reader) = asking.reader else { return Ok(HashMap::new()) };
    let rows: Vec<(String, Uuid, f64, i64, Vec<Uuid>)> =
        sqlx::query_as(&liked("$1")).bind(reader).fetch_all(db).await?;
    let named = rows.into_iter().filter_map(|(kind, id, score, people, by)| {
        let liked = Liked { share: WEIGHT * score, by, people: people as f64 };
        Some((ItemId::new(ItemKind::from_name(&kind)?, id), liked))
    });
    Ok(named.collect())
}
