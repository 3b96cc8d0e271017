//! Where the nearest of many vectors are looked for: in the memory of whoever looks, in Postgres
//! with pgvector, or in Qdrant. docs/adr/0035 says why there are three.
//!
//! An index is a copy of `processes.embeddings` for one model and can be lost: vectors have the
//! hash of their text, so those of equal texts are one. It knows nothing of who may be found:
//! whoever asks takes what they want of what is near, and asks for more if that is too little.

mod memory;
mod postgres;
mod qdrant;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use hyper::StatusCode;
use retrieval::{Hit, TextModel, Vector};
use sqlx::PgPool;

use crate::embedding::TextHash;
use crate::failure::Failure;
use crate::outgoing::{Address, AddressError, CallError};
use memory::Memory;
pub use postgres::PgvectorError;
use postgres::Postgres;
use qdrant::{Collections, Qdrant};

/// What an index of one model's vectors can do, whoever keeps them.
#[async_trait]
pub trait VectorIndex: Send + Sync {
    /// Adds vectors, or replaces those of the same texts.
    async fn put(&self, vectors: &HashMap<TextHash, Vector>) -> Result<(), IndexError>;

    async fn remove(&self, texts: &[TextHash]) -> Result<(), IndexError>;

    async fn get(&self, text: &TextHash) -> Result<Option<Vector>, IndexError>;

    /// Those of some texts that it has.
    async fn known(&self, texts: &[TextHash]) -> Result<HashSet<TextHash>, IndexError>;

    /// The nearest, nearest first, none of a cosine below `floor`: `few` of them, or all of them
    /// where that costs no more.
    async fn nearest(&self, to: &Vector, few: usize, floor: f32) -> Result<Nearest, IndexError>;

    /// Whether it can be asked now.
    async fn reach(&self) -> Result<(), IndexError>;

    /// Gives up the vectors of other models.
    async fn forget_other_models(&self) -> Result<(), IndexError>;
}

/// What is near.
#[derive(Debug, Default)]
pub struct Nearest {
    pub hits: Vec<Hit<TextHash>>,
    /// Whoever asks for more gets no more.
    pub is_all: bool,
}

impl Nearest {
    /// Of an answer that was to have `few`, nearest first.
    fn of(mut hits: Vec<Hit<TextHash>>, few: usize, floor: f32) -> Self {
        let asked = hits.len();
        hits.retain(|hit| hit.score >= floor);
        Self { is_all: asked < few || hits.len() < asked, hits }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("Qdrant: {0}")]
    Call(#[from] CallError),
    #[error("Qdrant answered {0}")]
    Refused(StatusCode),
    #[error("Qdrant answered something else than it was asked")]
    Unreadable,
    #[error("the search was given up")]
    GivenUp,
}

impl From<IndexError> for Failure {
    fn from(error: IndexError) -> Self {
        Self::passing(error)
    }
}

/// Which index is used.
#[derive(Clone, Default)]
pub enum Vectors {
    /// Whoever looks for something has its own.
    #[default]
    Memory,
    /// All have the same: [`crate::texts::keep_embedding`] fills it.
    Postgres(PgPool),
    Qdrant(Collections),
}

impl Vectors {
    /// In this database, over connections of its own: whoever asks may hold one already.
    pub async fn postgres(pool: &PgPool) -> Result<Self, PgvectorError> {
        Ok(Self::Postgres(postgres::open(pool).await?))
    }

    /// `collection` is what the names of its collections begin with.
    pub fn qdrant(
        address: Address,
        key: Option<&str>,
        collection: &str,
    ) -> Result<Self, AddressError> {
        Ok(Self::Qdrant(Collections::new(address, key, collection)?))
    }

    /// Of one model. In memory it is empty each time.
    pub fn of(&self, model: &str) -> Arc<dyn VectorIndex> {
        match self {
            Self::Memory => Arc::new(Memory::default()),
            Self::Postgres(pool) => Arc::new(Postgres::new(pool.clone(), model)),
            Self::Qdrant(collections) => Arc::new(Qdrant::new(collections, model)),
        }
    }

    /// Whether others fill it.
    pub fn is_shared(&self) -> bool {
        !matches!(self, Self::Memory)
    }
}

/// What knows the meaning of texts, and where the nearest are looked for.
#[derive(Clone)]
pub struct TextSearch {
    pub model: TextModel,
    pub vectors: Vectors,
}

impl TextSearch {
    pub fn off(reason: &str) -> Self {
        Self { model: TextModel::off(reason), vectors: Vectors::Memory }
    }
}
