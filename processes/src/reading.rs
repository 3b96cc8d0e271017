//! Reads courses: their lessons and the files attached to them, cut into passages.

mod keep;
mod material;

use std::sync::Arc;

use domain::Title;
use eventstore::Log;
use retrieval::{Embedder, TextModel, passages};
use tokio::sync::Semaphore;

use crate::embedding::Embedding;
use crate::extraction::Extractor;
use crate::failure::Failure;
pub(crate) use keep::keep;
pub(crate) use material::Lesson;

/// Files being read and batches being embedded at a time, whatever the number of courses: each keeps
/// a processor busy.
const HEAVY_MAX: usize = 2;
/// Passages of one course: 500 lessons as long as they can be have fewer, long files may have more.
pub(crate) const PASSAGES_MAX: usize = 100_000;

/// What courses are read with.
pub(crate) struct Reading {
    pub(crate) model: TextModel,
    extractor: Option<Extractor>,
    heavy: Semaphore,
}

impl Reading {
    pub(crate) fn with(model: TextModel, extractor: Option<Extractor>) -> Self {
        Self { model, extractor, heavy: Semaphore::new(HEAVY_MAX) }
    }

    /// A vector of each passage of a batch is kept after this.
    pub(crate) async fn embed(
        &self,
        log: &Log,
        embedder: &Arc<Embedder>,
        batch: &[String],
    ) -> Result<(), Failure> {
        let _turn = self.heavy.acquire().await.map_err(Failure::passing)?;
        let embedding = Embedding::new(log.pool(), Arc::clone(embedder));
        embedding.keep(batch.to_vec()).await.map(drop)
    }
}

/// The passages of what a lesson and its files say, as they are embedded.
pub(crate) async fn cut(lesson: Title, texts: Vec<String>) -> Result<Vec<String>, Failure> {
    let cut = move || {
        let found = texts.iter().flat_map(|text| passages(text));
        found.map(|passage| passage.embedded(lesson.as_str())).collect()
    };
    tokio::task::spawn_blocking(cut).await.map_err(Failure::passing)
}
