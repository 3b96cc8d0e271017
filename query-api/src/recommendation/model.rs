//! The first rung: the weights that were fitted, on the profile as it is at this moment.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};

use domain::{ItemId, ItemKind};
use recommender::{Item, Scorer, top};
use service_kit::Problem;
use sha2::{Digest, Sha256};
use sqlx::{FromRow, PgConnection, PgPool};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::choice::{Choice, Marks};
use super::followed::{self, Liked};
use super::rungs::{Asking, Candidate, known_to};
use crate::item::{CATALOGUE, LEFT};

/// Best items looked up in the catalogue, which may say that they cannot be had; more where only
/// those of a category are wanted.
const SCORED_MAX: usize = 150;
const SCORED_OF_CATEGORY_MAX: usize = 1_000;
/// Reasons shown of each item.
const REASONS_MAX: usize = 5;

/// The weights that serve, read once.
#[derive(Default)]
pub struct Models {
    current: std::sync::Mutex<Option<Arc<Model>>>,
    /// Held by whoever reads weights; the hash of those that could not be read, and never will be.
    reading: tokio::sync::Mutex<Option<String>>,
}

pub struct Model {
    hash: String,
    version: String,
    items: Vec<ItemId>,
    places: HashMap<ItemId, Item>,
    scorer: Scorer,
}

#[derive(FromRow)]
struct Stored {
    position: i64,
    kinds: Vec<String>,
    items: Vec<Uuid>,
    weights: Vec<u8>,
}

impl Models {
    /// None while nothing has been fitted. Whoever comes first after a fit reads it; the others go
    /// on with the weights of before.
    pub async fn serving(&self, pool: &PgPool) -> Result<Option<Arc<Model>>, Problem> {
        let serving = "select model_hash from processes.models where serving";
        let Some(hash): Option<String> = sqlx::query_scalar(serving).fetch_optional(pool).await?
        else {
            return Ok(None);
        };
        let is_it = |model: &Option<Arc<Model>>| model.as_ref().is_some_and(|it| it.hash == hash);
        let current = self.current();
        if is_it(&current) {
            return Ok(current);
        }
        let Ok(mut unreadable) = self.reading.try_lock() else { return Ok(current) };
        if unreadable.as_ref() == Some(&hash) {
            return Ok(current);
        }
        let stored: Option<Stored> = sqlx::query_as(
            "select position, kinds, items, weights from processes.models where model_hash = $1",
        )
        .bind(&hash)
        .fetch_optional(pool)
        .await?;
        // Gone already: another fit serves.
        let Some(stored) = stored else { return Ok(current) };
        let of = hash.clone();
        let read = spawn_blocking(move || Model::of(of, stored));
        let Some(model) = read.await.map_err(Problem::internal)? else {
            tracing::error!("the weights that serve cannot be read: recommending without them");
            *unreadable = Some(hash);
            return Ok(current);
        };
        let model = Some(Arc::new(model));
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&model);
        Ok(model)
    }

    fn current(&self) -> Option<Arc<Model>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Model {
    pub fn version(&self) -> &str {
        &self.version
    }

    /// None if the weights are not those of the hash, or do not fit the items.
    fn of(hash: String, stored: Stored) -> Option<Self> {
        if hex::encode(Sha256::digest(&stored.weights)) != hash {
            return None;
        }
        let scorer = Scorer::from_bytes(&stored.weights).ok()?;
        let named = stored.kinds.iter().zip(stored.items);
        let items: Vec<ItemId> = named
            .map(|(kind, id)| Some(ItemId::new(ItemKind::from_name(kind)?, id)))
            .collect::<Option<_>>()?;
        let version = format!("ease/{}@{}", &hash[..12], stored.position);
        let places = items.iter().copied().zip(0..).collect();
        let fits = scorer.items() == items.len();
        fits.then_some(Self { hash, version, items, places, scorer })
    }

    /// Offers the best for this profile, in order.
    pub async fn offer(
        &self,
        db: &mut PgConnection,
        asking: &Asking,
        choice: &mut Choice,
    ) -> Result<(), Problem> {
        let profile = self.profile(&asking.profile);
        if profile.is_empty() {
            return Ok(());
        }
        let masked = self.masked(db, asking).await?;
        let scores = self.scorer.scores(&profile);
        let followed: HashMap<Item, Liked> = followed::beside_model(db, asking)
            .await?
            .into_iter()
            .filter_map(|(item, liked)| Some((*self.places.get(&item)?, liked)))
            .collect();
        let mut of_items = scores.of_items().to_vec();
        followed.iter().for_each(|(item, liked)| of_items[*item as usize] += liked.share);
        let scored_max = match asking.category {
            Some(_) => SCORED_OF_CATEGORY_MAX,
            None => SCORED_MAX,
        };
        let mut best = top(&of_items, scored_max, |item| {
            let of_kind = asking.kind.is_none_or(|kind| self.items[item as usize].kind == kind);
            of_kind && !masked.contains(&item)
        });
        best.retain(|(_, score)| *score > 0.0);
        let mut wanted = self.wanted(db, asking, &best).await?;
        for (item, score) in best {
            let Some(marks) = wanted.remove(&item) else { continue };
            let id = self.items[item as usize];
            if !choice.admits(id.kind.name(), id.id, &marks) {
                continue;
            }
            let by_profile = scores.reasons(item).into_iter();
            let mut reasons: Vec<(String, f64)> =
                by_profile.map(|r| (self.items[r.liked as usize].to_string(), r.share)).collect();
            reasons.extend(followed.get(&item).into_iter().flat_map(Liked::reasons));
            reasons.sort_by(|(_, a), (_, b)| b.abs().total_cmp(&a.abs()));
            let (because, shares) = reasons.into_iter().take(REASONS_MAX).unzip();
            let candidate = Candidate {
                source: "model",
                version: self.version.clone(),
                kind: id.kind.name().to_owned(),
                item: id.id,
                score,
                because,
                shares,
            };
            choice.offer(candidate, marks);
        }
        Ok(())
    }

    /// Age is the place in the whole profile, whether the model knows what stands there or not.
    fn profile(&self, profile: &[ItemId]) -> Vec<(Item, f64)> {
        let known = profile
            .iter()
            .enumerate()
            .filter_map(|(age, item)| Some((*self.places.get(item)?, 1.0 / (1.0 + age as f64))));
        known.collect()
    }

    async fn masked(
        &self,
        db: &mut PgConnection,
        asking: &Asking,
    ) -> Result<HashSet<Item>, Problem> {
        let mut masked: HashSet<Item> =
            asking.profile.iter().filter_map(|item| self.places.get(item).copied()).collect();
        let known: Vec<(String, Uuid)> =
            sqlx::query_as(&known_to("$1")).bind(asking.reader).fetch_all(db).await?;
        masked.extend(known.into_iter().filter_map(|(kind, id)| {
            self.places.get(&ItemId::new(ItemKind::from_name(&kind)?, id)).copied()
        }));
        Ok(masked)
    }

    /// Those that can be had and are of the category, with what makes each like others.
    async fn wanted(
        &self,
        db: &mut PgConnection,
        asking: &Asking,
        best: &[(Item, f64)],
    ) -> Result<HashMap<Item, Marks>, Problem> {
        let ids = best.iter().map(|(item, _)| self.items[*item as usize]);
        let (kinds, items): (Vec<&str>, Vec<Uuid>) = ids.map(|id| (id.kind.name(), id.id)).unzip();
        let rows: Vec<(String, Uuid, Option<String>, Vec<String>)> = sqlx::query_as(&format!(
            "select c.kind, c.item, c.labels[1], c.makers
               from unnest($1::text[], $2::uuid[]) as asked (kind, item)
               join {CATALOGUE} c using (kind, item)
              where c.shown and {LEFT} and ($3::text is null or $3 = any (c.labels))"
        ))
        .bind(kinds)
        .bind(items)
        .bind(asking.category.as_deref())
        .fetch_all(db)
        .await?;
        let named = |(kind, id, genre, makers): (String, Uuid, _, _)| {
            let place = self.places.get(&ItemId::new(ItemKind::from_name(&kind)?, id))?;
            Some((*place, Marks { genre, makers }))
        };
        Ok(rows.into_iter().filter_map(named).collect())
    }
}
