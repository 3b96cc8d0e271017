//! Keeps every text embedded, one program at a time.
//!
//! Vectors are kept by the hash of their text, so whatever is killed or done twice costs only time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{ItemId, ItemKind};
use metrics::gauge;
use retrieval::{Embedder, ModelState, TextModel};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Known;
use super::catalogue::{Row, rows};
use super::lessons::Lessons;
use crate::embedding::Embedding;
use crate::failure::{Failure, in_time};
use crate::turn::Turn;

/// How soon a new text is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What failed is tried again this much later.
const AGAIN_AFTER: Duration = Duration::from_secs(30);
/// Items whose descriptions are in memory at once; lessons are read a few at a time.
const ITEMS_AT_ONCE: usize = 100;
/// The key of the advisory lock that makes it one at a time.
pub(crate) const TURN: i64 = 0x6461_7962_6f6f_6b54;

/// Embeds what is new until shutdown, as soon as there is a model. Any number of programs may: one
/// does at a time, and where there is no model nobody does.
pub async fn keep_embedding(pool: PgPool, model: TextModel, shutdown: CancellationToken) {
    let mut known = Known::default();
    let mut pause = LOOK_EVERY;
    while shutdown.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
        pause = LOOK_EVERY;
        let Some(embedder) = model.embedder() else {
            match model.state() {
                ModelState::Off(_) => return shutdown.cancelled().await,
                ModelState::Loading | ModelState::Ready(_) => continue,
            }
        };
        let round = embed_news(&pool, &embedder, &mut known);
        if let Some(Err(error)) = shutdown.run_until_cancelled(round).await {
            tracing::error!(%error, "texts are not embedded, search by meaning lacks them: {error}");
            pause = AGAIN_AFTER;
        }
    }
}

/// One round: how many texts were embedded, or None where somebody else is at it.
pub(crate) async fn embed_news(
    pool: &PgPool,
    embedder: &Arc<Embedder>,
    known: &mut Known,
) -> Result<Option<usize>, Failure> {
    let news = known.news(pool).await?;
    if news.changed.is_empty() {
        known.seen(news);
        return Ok(Some(0));
    }
    let Some(turn) = in_time(Turn::try_take(pool, TURN)).await? else { return Ok(None) };
    let started = Instant::now();
    let (mut embedded, mut left) = (0, news.changed.len());
    let mut by_kind: HashMap<ItemKind, Vec<(ItemId, String)>> = HashMap::new();
    for (item, stamp) in &news.changed {
        by_kind.entry(item.kind).or_default().push((*item, stamp.clone()));
    }
    for (kind, items) in by_kind {
        for items in items.chunks(ITEMS_AT_ONCE) {
            gauge!("daybook_items_to_embed").set(left as f64);
            let ids: Vec<_> = items.iter().map(|(item, _)| item.id).collect();
            embedded += embed_all(&Embedding::new(pool, embedder.clone()), kind, &ids).await?;
            left -= items.len();
            known.learn(items);
        }
    }
    gauge!("daybook_items_to_embed").set(0.0);
    known.seen(news);
    if embedded > 0 {
        let seconds = started.elapsed().as_secs_f64();
        tracing::info!(embedded, seconds, "embedded {embedded} texts in {seconds:.1} s");
    }
    in_time(turn.end()).await?;
    Ok(Some(embedded))
}

async fn embed_all(
    embedding: &Embedding<'_>,
    kind: ItemKind,
    ids: &[Uuid],
) -> Result<usize, Failure> {
    let mut shown = rows(embedding.pool, kind, ids).await?;
    shown.retain(|row| row.shown);
    let mut embedded = embedding.keep(shown.iter().map(Row::about).collect()).await?;
    let courses = shown.iter().filter(|_| kind == ItemKind::Course);
    for course in courses {
        let mut lessons = Lessons::of(course.item);
        while let Some(passages) = lessons.next(embedding.pool).await? {
            embedded += embedding.keep(passages).await?;
        }
    }
    Ok(embedded)
}
