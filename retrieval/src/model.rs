use std::sync::{Arc, OnceLock};

use crate::Embedder;

/// The model of meaning, which may still be on its way: whoever can do without it goes on meanwhile.
/// Copies know the same.
#[derive(Clone, Default)]
pub struct TextModel(Arc<OnceLock<Result<Arc<Embedder>, String>>>);

/// How the model is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelState {
    /// Being fetched or loaded.
    Loading,
    /// Ready, under this hash.
    Ready(String),
    /// Not to be had until the program starts anew, for this reason.
    Off(String),
}

impl TextModel {
    /// One that [`TextModel::settle`] will decide about.
    pub fn loading() -> Self {
        Self::default()
    }

    pub fn ready(embedder: Embedder) -> Self {
        let model = Self::loading();
        model.settle(Ok(embedder));
        model
    }

    /// The same, of one that others have too.
    pub fn of(embedder: Arc<Embedder>) -> Self {
        Self(Arc::new(OnceLock::from(Ok(embedder))))
    }

    pub fn off(reason: &str) -> Self {
        let model = Self::loading();
        model.settle(Err(reason.to_owned()));
        model
    }

    /// What became of it. What was settled first stays.
    pub fn settle(&self, result: Result<Embedder, String>) {
        let _ = self.0.set(result.map(Arc::new));
    }

    pub fn embedder(&self) -> Option<Arc<Embedder>> {
        self.0.get()?.as_ref().ok().cloned()
    }

    pub fn state(&self) -> ModelState {
        match self.0.get() {
            None => ModelState::Loading,
            Some(Ok(embedder)) => ModelState::Ready(embedder.hash().to_owned()),
            Some(Err(reason)) => ModelState::Off(reason.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_settled_first_stays_and_copies_know_it() {
        let model = TextModel::loading();
        let copy = model.clone();
        assert_eq!((copy.state(), copy.embedder().is_none()), (ModelState::Loading, true));

        model.settle(Err("no network".to_owned()));
        model.settle(Err("no disk".to_owned()));

        assert_eq!(copy.state(), ModelState::Off("no network".to_owned()));
    }
}
