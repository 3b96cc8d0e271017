//! What books, courses and products mean: finding them by what a text says in other words.
//!
//! It follows the read models and the vectors that the processes keep, a moment behind: whoever
//! answers from it asks the read models whether what was found can still be had. Who may be found
//! is known in memory; where the nearest texts are looked for is a setting.

mod catalogue;
mod finding;
mod following;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use domain::{ItemId, ItemKind};
use moka::future::Cache;
use processes::vectors::{IndexError, TextSearch, VectorIndex, Vectors};
use retrieval::{Embedder, Hit, ModelState, TextModel, Vector};
use sqlx::PgPool;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

pub(crate) use catalogue::Facts;

use catalogue::Catalogue;

/// Questions whose meaning is looked for at once: each keeps a core busy for some milliseconds.
const QUESTIONS_AT_ONCE: usize = 4;
/// Questions whose meaning is kept: pages of one answer, and what many ask.
const QUESTIONS_KEPT: u64 = 1_000;
/// Bytes of a question that are read, more than the model looks at.
const QUESTION_BYTES_MAX: usize = 2_000;
/// Cosines below this are chance: unrelated texts seldom reach it.
pub(crate) const COSINE_MIN: f32 = 0.25;

/// Whoever searches waits no longer for an index that others keep.
const ANSWER_MAX: Duration = Duration::from_secs(2);

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
    /// The index cannot be asked.
    Away,
}

/// Where the vectors of one model are looked for.
pub(crate) struct Index {
    model: String,
    vectors: Arc<dyn VectorIndex>,
}

pub(crate) struct Meaning {
    pool: PgPool,
    model: TextModel,
    vectors: Vectors,
    /// Once there is a model.
    index: OnceLock<Index>,
    catalogue: Arc<RwLock<Catalogue>>,
    /// Why the index cannot be asked, if so.
    away: Mutex<Option<String>>,
    turns: Semaphore,
    questions: Cache<String, Vector>,
    neighbours: Cache<Neighbourhood, Arc<[Hit<ItemId>]>>,
}

impl Meaning {
    pub fn new(pool: PgPool, TextSearch { model, vectors }: TextSearch) -> Self {
        Self {
            pool,
            model,
            vectors,
            index: OnceLock::new(),
            catalogue: Arc::default(),
            away: Mutex::default(),
            turns: Semaphore::new(QUESTIONS_AT_ONCE),
            questions: Cache::new(QUESTIONS_KEPT),
            neighbours: Cache::new(NEIGHBOURS_KEPT),
        }
    }

    /// Which state of the index it is: answers made of another one are others.
    pub fn now(&self) -> String {
        match self.model.embedder() {
            Some(embedder) => {
                format!("{} {}", embedder.hash(), self.with(Catalogue::generation))
            }
            None => format!("{:?}", self.model.state()),
        }
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
    pub async fn nearest(
        &self,
        to: &Vector,
        limit: usize,
        admits: impl Fn(&ItemId, &Facts) -> bool + Send + Sync + 'static,
    ) -> Result<Vec<Hit<ItemId>>, Without> {
        let index = self.index().ok_or(Without::Loading)?;
        let (vectors, catalogue) = (&*index.vectors, &self.catalogue);
        self.answer(finding::nearest(vectors, catalogue, to, limit, admits)).await
    }

    /// The nearest of an item, of a kind and with a label, nearest first; none while the index
    /// cannot be asked. They are the same for whoever likes it, so they are looked for once in each
    /// state.
    pub async fn neighbours(
        &self,
        of: ItemId,
        kind: Option<ItemKind>,
        label: Option<String>,
    ) -> Arc<[Hit<ItemId>]> {
        let key = (self.with(Catalogue::generation), of, kind, label.clone());
        let look = async {
            let Some(vector) = self.of_item(&of).await else { return Ok(Arc::default()) };
            let admits = move |item: &ItemId, facts: &Facts| {
                *item != of
                    && kind.is_none_or(|kind| item.kind == kind)
                    && label.as_ref().is_none_or(|label| facts.labels.contains(label))
            };
            let near = self.nearest(&vector, NEIGHBOURS_MAX, admits).await?;
            Ok::<Arc<[_]>, Without>(near.into())
        };
        self.neighbours.try_get_with(key, look).await.unwrap_or_default()
    }

    /// What the item itself says.
    pub async fn of_item(&self, item: &ItemId) -> Option<Vector> {
        let text = self.with(|catalogue| catalogue.text_of(item))?;
        self.answer(self.index()?.vectors.get(&text)).await.ok().flatten()
    }

    /// How it is, for `/readyz`.
    pub fn told(&self) -> String {
        match (self.model.state(), self.away().as_deref()) {
            (ModelState::Off(reason), _) => format!("search knows words alone: {reason}"),
            (ModelState::Loading, _) => {
                "search knows words alone while the model is loaded".to_owned()
            }
            (ModelState::Ready(_), Some(reason)) => {
                format!("search knows words alone: the vector index cannot be asked: {reason}")
            }
            (ModelState::Ready(_), None) => {
                let (known, all) = self.with(Catalogue::counts);
                format!("{known} of {all} texts have their vectors")
            }
        }
    }

    /// None until there is a model.
    fn index(&self) -> Option<&Index> {
        let embedder = self.model.embedder()?;
        Some(self.index.get_or_init(|| {
            let model = embedder.hash().to_owned();
            Index { vectors: self.vectors.of(&model), model }
        }))
    }

    /// What the index answers, in time. Once it did not, nobody waits for it until it can be
    /// reached.
    async fn answer<T>(
        &self,
        answer: impl Future<Output = Result<T, IndexError>>,
    ) -> Result<T, Without> {
        if self.away().is_some() {
            return Err(Without::Away);
        }
        self.heard(timeout(ANSWER_MAX, answer).await)
    }

    /// Tries whether it can be asked.
    async fn reach(&self, index: &Index) {
        if self.heard(timeout(ANSWER_MAX, index.vectors.reach()).await).is_err() {
            return;
        }
        if self.away().take().is_some() {
            self.pass();
            tracing::info!("the vector index can be asked again");
        }
    }

    fn heard<T>(&self, answer: Result<Result<T, IndexError>, Elapsed>) -> Result<T, Without> {
        let reason = match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {ANSWER_MAX:?}"),
        };
        let mut away = self.away();
        if away.is_none() {
            tracing::warn!("search knows words alone: the vector index cannot be asked: {reason}");
            *away = Some(reason);
            // What is answered without it is not what will be answered with it.
            self.pass();
        }
        Err(Without::Away)
    }

    fn away(&self) -> MutexGuard<'_, Option<String>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass(&self) {
        self.catalogue.write().unwrap_or_else(PoisonError::into_inner).pass();
    }

    fn with<T>(&self, read: impl FnOnce(&Catalogue) -> T) -> T {
        read(&self.catalogue.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn embedded(embedder: &Arc<Embedder>, question: &str) -> Option<Vector> {
    let embedded = embedder.question(question).inspect_err(|error| {
        tracing::error!(%error, "a question has no meaning: {error}");
    });
    embedded.ok()
}
