//! In memory: every vector is looked at, so nothing is missed.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use retrieval::{Exact, Vector};
use tokio::task::spawn_blocking;

use super::{IndexError, Nearest, VectorIndex};
use crate::embedding::TextHash;

#[derive(Default)]
pub(super) struct Memory(Arc<RwLock<Exact<TextHash>>>);

impl Memory {
    fn read(&self) -> RwLockReadGuard<'_, Exact<TextHash>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Exact<TextHash>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl VectorIndex for Memory {
    async fn put(&self, vectors: &HashMap<TextHash, Vector>) -> Result<(), IndexError> {
        let mut exact = self.write();
        vectors.iter().for_each(|(text, vector)| exact.put(*text, vector));
        Ok(())
    }

    async fn remove(&self, texts: &[TextHash]) -> Result<(), IndexError> {
        let mut exact = self.write();
        texts.iter().for_each(|text| exact.remove(text));
        Ok(())
    }

    async fn get(&self, text: &TextHash) -> Result<Option<Vector>, IndexError> {
        Ok(self.read().get(text))
    }

    async fn known(&self, texts: &[TextHash]) -> Result<HashSet<TextHash>, IndexError> {
        let exact = self.read();
        Ok(texts.iter().filter(|text| exact.contains(text)).copied().collect())
    }

    /// All that are near: they have been looked at anyway. Milliseconds of a core.
    async fn nearest(&self, to: &Vector, _few: usize, floor: f32) -> Result<Nearest, IndexError> {
        let (exact, to) = (Self(Arc::clone(&self.0)), to.clone());
        let scan = spawn_blocking(move || exact.read().nearest(&to, usize::MAX, floor));
        let hits = scan.await.map_err(|_| IndexError::GivenUp)?;
        Ok(Nearest { hits, is_all: true })
    }

    async fn reach(&self) -> Result<(), IndexError> {
        Ok(())
    }

    async fn forget_other_models(&self) -> Result<(), IndexError> {
        Ok(())
    }
}
