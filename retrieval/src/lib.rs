//! Finds texts by their words and by their meaning.
//!
//! Nothing here knows a database or a network: texts go in, ranked ones come out. The model of
//! meaning is two files, `model.onnx` and `tokenizer.json`, that `local-services` fetches once.

mod embedded;
mod embedder;
pub mod evaluation;
mod fusion;
mod index;
mod model;
mod passages;
pub mod question;
mod vector;
mod words;

pub use embedded::{about, text_hash};
pub use embedder::{Embedder, ModelError};
pub use fusion::{Fusion, fuse};
pub use index::Exact;
pub use model::{ModelState, TextModel};
pub use passages::{Passage, passages};
pub use vector::{DIMENSIONS, Vector};
pub use words::Words;

/// Something found, and how well it fits: only scores of the same answer compare.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit<I> {
    pub id: I,
    pub score: f32,
}

/// Best first; of equals the one that comes first by its id, so that answers are the same each time.
pub(crate) fn best_first<I: Ord>(hits: &mut Vec<Hit<I>>, limit: usize) {
    let order = |a: &Hit<I>, b: &Hit<I>| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id));
    if limit < hits.len() {
        hits.select_nth_unstable_by(limit, order);
        hits.truncate(limit);
    }
    hits.sort_unstable_by(order);
}
