//! The rung of those that hardly anybody knows yet: no counts lead to them, but they say much the same
//! as what the profile likes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use domain::{ItemId, ItemKind};
use service_kit::Problem;
use sqlx::PgConnection;
use uuid::Uuid;

use super::choice::{Choice, Marks};
use super::rungs::{Asking, Candidate, known_to};
use crate::item::{CATALOGUE, LEFT};
use crate::meaning::Meaning;

/// With more readers than this an item is found by what they like besides.
const READERS_FEW: i64 = 5;
/// Newest likings whose neighbours are looked for, and neighbours of each.
const LIKINGS_MAX: usize = 20;
const NEIGHBOURS_MAX: usize = 50;
/// Of what is asked for, they get at most this share.
const SHARE_MAX: f64 = 0.34;
const REASONS_MAX: usize = 5;
/// The catalogues are asked about so many, best first, for each that is wanted; about more if too few
/// of these can be had.
const ASKED_FOR_EACH: usize = 10;

/// The nearest, looked for once for an answer, however often they are offered.
pub struct Near<'a> {
    meaning: &'a Arc<Meaning>,
    found: Option<Vec<(Candidate, Marks)>>,
}

impl<'a> Near<'a> {
    pub fn of(meaning: &'a Arc<Meaning>) -> Self {
        Self { meaning, found: None }
    }

    /// Offers them, if any more are wanted: that looks at every vector for each liking.
    pub async fn offer(
        &mut self,
        db: &mut PgConnection,
        asking: &Asking,
        choice: &mut Choice,
    ) -> Result<(), Problem> {
        if choice.is_complete() {
            return Ok(());
        }
        let found = match self.found.take() {
            Some(found) => found,
            None => find(db, self.meaning, asking, choice.wanted()).await?,
        };
        for (candidate, marks) in self.found.insert(found) {
            choice.offer(candidate.clone(), marks.clone());
        }
        Ok(())
    }
}

async fn find(
    db: &mut PgConnection,
    meaning: &Arc<Meaning>,
    asking: &Asking,
    wanted: usize,
) -> Result<Vec<(Candidate, Marks)>, Problem> {
    let Some(version) = meaning.version() else { return Ok(Vec::new()) };
    let near = near(meaning, asking).await.into_iter().map(|(item, shares)| {
        let score: f64 = shares.iter().map(|(_, share)| share).sum();
        (item, score, shares)
    });
    let mut near: Vec<_> = near.collect();
    near.sort_by(|(a, a_score, _), (b, b_score, _)| {
        b_score.total_cmp(a_score).then(a.id.cmp(&b.id))
    });
    let most = (wanted as f64 * SHARE_MAX).ceil() as usize;
    let mut candidates = Vec::new();
    for some in near.chunks_mut(most * ASKED_FOR_EACH) {
        let mut unknown = unknown(db, asking, some.iter().map(|(item, ..)| item)).await?;
        for (item, score, shares) in some {
            let Some(marks) = unknown.remove(item) else { continue };
            shares.sort_by(|(_, a), (_, b)| b.total_cmp(a));
            let shown = shares.iter().take(REASONS_MAX);
            let (because, shares) = shown.map(|(liked, share)| (liked.to_string(), share)).unzip();
            let candidate = Candidate {
                source: "meaning",
                version: version.clone(),
                kind: item.kind.name().to_owned(),
                item: item.id,
                score: *score,
                because,
                shares,
            };
            candidates.push((candidate, marks));
        }
        if candidates.len() >= most {
            break;
        }
    }
    candidates.truncate(most);
    Ok(candidates)
}

/// What is near to a liking, and what each liking adds: its nearness, less for an older one.
async fn near(meaning: &Arc<Meaning>, asking: &Asking) -> HashMap<ItemId, Vec<(ItemId, f64)>> {
    let liked: HashSet<&ItemId> = asking.profile.iter().collect();
    let mut near: HashMap<ItemId, Vec<(ItemId, f64)>> = HashMap::new();
    for (age, liking) in asking.profile.iter().take(LIKINGS_MAX).enumerate() {
        let hits = meaning.neighbours(*liking, asking.kind, asking.category.clone()).await;
        let others = hits.iter().filter(|hit| !liked.contains(&hit.id));
        for hit in others.take(NEIGHBOURS_MAX) {
            let share = f64::from(hit.score) / (1.0 + age as f64);
            near.entry(hit.id).or_default().push((*liking, share));
        }
    }
    near
}

/// Those that can be had, that few know, and not whoever asks; and what makes each like others.
async fn unknown(
    db: &mut PgConnection,
    asking: &Asking,
    items: impl Iterator<Item = &ItemId>,
) -> Result<HashMap<ItemId, Marks>, Problem> {
    let (kinds, ids): (Vec<&str>, Vec<Uuid>) =
        items.map(|item| (item.kind.name(), item.id)).unzip();
    let rows: Vec<(String, Uuid, Option<String>, Vec<String>)> = sqlx::query_as(&format!(
        "select c.kind, c.item, c.labels[1], c.makers
           from unnest($2::text[], $3::uuid[]) as near (kind, item)
           join {CATALOGUE} c using (kind, item)
           left join readmodel.item_signals t using (kind, item)
          where c.shown and {LEFT} and coalesce(t.readers, 0) < {READERS_FEW}
            and (c.kind, c.item) not in ({})",
        known_to("$1"),
    ))
    .bind(asking.reader)
    .bind(kinds)
    .bind(ids)
    .fetch_all(db)
    .await?;
    let marked = rows.into_iter().filter_map(|(kind, id, genre, makers)| {
        Some((ItemId::new(ItemKind::from_name(&kind)?, id), Marks { genre, makers }))
    });
    Ok(marked.collect())
}
