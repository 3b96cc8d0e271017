//! Vectors of texts, each made once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use retrieval::{Embedder, Vector, text_hash};
use sqlx::PgPool;

use crate::failure::{Failure, in_time};

/// Texts of one run of the model: about a third of a second of one core.
const BATCH: usize = 32;

/// A model, and where its vectors are kept.
pub(crate) struct Embedding<'a> {
    pool: &'a PgPool,
    embedder: Arc<Embedder>,
}

impl<'a> Embedding<'a> {
    pub(crate) fn new(pool: &'a PgPool, embedder: Arc<Embedder>) -> Self {
        Self { pool, embedder }
    }

    /// A vector for each text, in their order. `progress` hears how many of how many there are, each
    /// time that some more are kept: what is killed goes on from there.
    pub(crate) async fn of(
        &self,
        texts: &[String],
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Vec<Vector>, Failure> {
        let mut vectors = self.kept(texts).await?;
        let mut seen: HashSet<[u8; 32]> = vectors.keys().copied().collect();
        let missing: Vec<&String> =
            texts.iter().filter(|text| seen.insert(text_hash(text))).collect();
        let total = vectors.len() + missing.len();
        progress(vectors.len(), total);
        for batch in missing.chunks(BATCH) {
            for (text, vector) in batch.iter().zip(self.embed(batch).await?) {
                vectors.insert(text_hash(text), vector);
            }
            progress(vectors.len(), total);
        }
        let found = texts.iter().map(|text| vectors.get(&text_hash(text)).cloned());
        found.collect::<Option<_>>().ok_or_else(|| Failure::lasting("a text has no vector"))
    }

    async fn kept(&self, texts: &[String]) -> Result<HashMap<[u8; 32], Vector>, Failure> {
        let hashes: Vec<[u8; 32]> = texts.iter().map(|text| text_hash(text)).collect();
        let hashes: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
        let rows: Vec<(Vec<u8>, Vec<u8>)> = in_time(
            sqlx::query_as(
                "select sha256, vector from processes.embeddings
                  where model = $1 and sha256 = any ($2)",
            )
            .bind(self.embedder.hash())
            .bind(hashes)
            .fetch_all(self.pool),
        )
        .await?;
        let rows = rows.into_iter().filter_map(|(hash, vector)| {
            Some((hash.try_into().ok()?, Vector::from_bytes(&vector)?))
        });
        Ok(rows.collect())
    }

    async fn embed(&self, batch: &[&String]) -> Result<Vec<Vector>, Failure> {
        let texts: Vec<String> = batch.iter().map(|text| (*text).clone()).collect();
        let embedder = self.embedder.clone();
        let run = move || embedder.embed(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let vectors = tokio::task::spawn_blocking(run).await.map_err(Failure::passing)?;
        let vectors = vectors.map_err(Failure::lasting)?;
        let hashes: Vec<[u8; 32]> = batch.iter().map(|text| text_hash(text)).collect();
        let hashes: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
        let bytes: Vec<Vec<u8>> = vectors.iter().map(Vector::to_bytes).collect();
        in_time(
            sqlx::query(
                "insert into processes.embeddings (model, sha256, vector)
                 select $1, sha256, vector from unnest($2::bytea[], $3::bytea[])
                     as made (sha256, vector)
                     on conflict do nothing",
            )
            .bind(self.embedder.hash())
            .bind(hashes)
            .bind(bytes)
            .execute(self.pool),
        )
        .await?;
        metrics::counter!("daybook_texts_embedded_total").increment(batch.len() as u64);
        Ok(vectors)
    }
}
