//! What books, courses and products mean, in memory: finding them by what a text says in other words.
//!
//! It follows the read models and the vectors that the processes keep, a moment behind: whoever
//! answers from it asks the read models whether what was found can still be had.

mod following;
mod index;

use std::sync::{Arc, PoisonError, RwLock};

use domain::{ItemId, ItemKind};
use moka::future::Cache;
use retrieval::{Embedder, Hit, ModelState, TextModel, Vector};
use sqlx::PgPool;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::spawn_blocking;

pub(crate) use index::Facts;

use following::Following;
use index::Index;

/// Questions whose meaning is looked for at once: each keeps a core busy for some milliseconds.
const QUESTIONS_AT_ONCE: usize = 4;
/// Questions whose meaning is kept: pages of one answer, and what many ask.
const QUESTIONS_KEPT: u64 = 1_000;
/// Bytes of a question that are read, more than the model looks at.
const QUESTION_BYTES_MAX: usize = 2_000;
/// Cosines below this are chance: unrelated texts seldom reach it.
pub(crate) const COSINE_MIN: f32 = 0.25;

/// Neighbours of an item, and of how many items they are kept: a few kB for each.
const NEIGHBOURS_MAX: usize = 100;
const NEIGHBOURS_KEPT: u64 = 5_000;

/// Whose neighbours: an item's, as the index was in one state, of a kind and with a label.
type Neighbourhood = (u64, ItemId, Option<ItemKind>, Option<String>);

/// Why nothing was looked for by meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Without {
    Loading,
    Off(String),
    Failed,
}

pub(crate) struct Meaning {
    pool: PgPool,
    model: TextModel,
    index: RwLock<Index>,
    following: Mutex<Following>,
    turns: Semaphore,
    questions: Cache<String, Vector>,
    neighbours: Cache<Neighbourhood, Arc<[Hit<ItemId>]>>,
}

impl Meaning {
    pub fn new(pool: PgPool, model: TextModel) -> Self {
        Self {
            pool,
            model,
            index: RwLock::default(),
            following: Mutex::default(),
            turns: Semaphore::new(QUESTIONS_AT_ONCE),
            questions: Cache::new(QUESTIONS_KEPT),
            neighbours: Cache::new(NEIGHBOURS_KEPT),
        }
    }

    /// Follows the read models, then says which state of the index it is: answers made of another
    /// one are others. Whoever comes first does it, the others go on with what there is.
    pub async fn now(&self) -> String {
        let Some(embedder) = self.model.embedder() else {
            return format!("{:?}", self.model.state());
        };
        if let Ok(mut following) = self.following.try_lock() {
            following.follow(&self.pool, &self.index, &embedder).await;
        }
        self.with(|index| format!("{} {}", embedder.hash(), index.generation()))
    }

    /// What an answer says of the model that it was made with.
    pub fn version(&self) -> Option<String> {
        Some(format!("meaning/{}", &self.model.embedder()?.hash()[..12]))
    }

    /// What a question means.
    pub async fn of(&self, question: &str) -> Result<Vector, Without> {
        let embedder = match (self.model.embedder(), self.model.state()) {
            (Some(embedder), _) => embedder,
            (None, ModelState::Off(reason)) => return Err(Without::Off(reason)),
            (None, _) => return Err(Without::Loading),
        };
        let end = question.floor_char_boundary(QUESTION_BYTES_MAX);
        let question = question[..end].to_owned();
        let text = question.clone();
        let made = self.questions.try_get_with(question, async move {
            let _turn = self.turns.acquire().await.map_err(|_| Without::Failed)?;
            let embedded = spawn_blocking(move || embedded(&embedder, &text)).await;
            embedded.ok().flatten().ok_or(Without::Failed)
        });
        made.await.map_err(|why: Arc<Without>| (*why).clone())
    }

    /// The nearest of the items that `admits` lets in, nearest first.
    pub fn nearest(
        &self,
        to: &Vector,
        limit: usize,
        admits: &dyn Fn(&ItemId, &Facts) -> bool,
    ) -> Vec<Hit<ItemId>> {
        self.with(|index| index.nearest(to, limit, admits))
    }

    /// The nearest of an item, of a kind and with a label, nearest first. They are the same for whoever
    /// likes it, so they are looked for once in each state of the index.
    pub async fn neighbours(
        self: &Arc<Self>,
        of: ItemId,
        kind: Option<ItemKind>,
        label: Option<String>,
    ) -> Arc<[Hit<ItemId>]> {
        let generation = self.with(Index::generation);
        let key = (generation, of, kind, label.clone());
        let meaning = Arc::clone(self);
        let look = move || -> Arc<[Hit<ItemId>]> {
            let Some(vector) = meaning.of_item(&of) else { return Arc::new([]) };
            let hits = meaning.nearest(&vector, NEIGHBOURS_MAX, &|item, facts| {
                *item != of
                    && kind.is_none_or(|kind| item.kind == kind)
                    && label.as_ref().is_none_or(|label| facts.labels.contains(label))
            });
            hits.into()
        };
        let look = async { spawn_blocking(look).await.unwrap_or_else(|_| Arc::new([])) };
        self.neighbours.get_with(key, look).await
    }

    /// What the item itself says.
    pub fn of_item(&self, item: &ItemId) -> Option<Vector> {
        self.with(|index| index.of(item))
    }

    /// How it is, for `/readyz`.
    pub async fn told(&self) -> String {
        self.now().await;
        match self.model.state() {
            ModelState::Off(reason) => format!("search knows words alone: {reason}"),
            ModelState::Loading => "search knows words alone while the model is loaded".to_owned(),
            ModelState::Ready(_) => self.with(|index| {
                let (known, all) = index.counts();
                format!("{known} of {all} texts have their vectors")
            }),
        }
    }

    fn with<T>(&self, read: impl FnOnce(&Index) -> T) -> T {
        read(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn embedded(embedder: &Arc<Embedder>, question: &str) -> Option<Vector> {
    let embedded = embedder.embed(&[question]);
    let embedded = embedded.inspect_err(|error| {
        tracing::error!(%error, "a question has no meaning: {error}");
    });
    embedded.ok()?.pop()
}
