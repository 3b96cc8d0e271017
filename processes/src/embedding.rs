//! Vectors of texts, each kept once. Two who lack the same one at the same moment both make it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use retrieval::{Embedder, ModelError, Vector, text_hash};
use sqlx::PgPool;

use crate::failure::{Failure, in_time};

/// Texts of one run of the model: about a third of a second of one core.
pub(crate) const BATCH: usize = 32;

/// SHA-256 of a text as it is embedded.
pub type TextHash = [u8; 32];

/// Those of some texts that are kept.
pub async fn vectors(
    pool: &PgPool,
    model: &str,
    hashes: &[TextHash],
) -> Result<HashMap<TextHash, Vector>, sqlx::Error> {
    let rows: Vec<(Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "select sha256, vector from processes.embeddings where model = $1 and sha256 = any ($2)",
    )
    .bind(model)
    .bind(hashes.iter().map(TextHash::as_slice).collect::<Vec<_>>())
    .fetch_all(pool)
    .await?;
    let read = |(hash, vector): (Vec<u8>, Vec<u8>)| {
        Some((hash.try_into().ok()?, Vector::from_bytes(&vector)?))
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

/// Each text once.
pub(crate) fn distinct(mut texts: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    texts.retain(|text| seen.insert(text_hash(text)));
    texts
}

/// A model, and where its vectors are kept.
pub(crate) struct Embedding<'a> {
    pool: &'a PgPool,
    embedder: Arc<Embedder>,
}

impl<'a> Embedding<'a> {
    pub(crate) fn new(pool: &'a PgPool, embedder: Arc<Embedder>) -> Self {
        Self { pool, embedder }
    }

    /// Makes a vector of each text that has none, batch by batch: what is killed goes on from there.
    /// How many these were.
    pub(crate) async fn keep(&self, texts: Vec<String>) -> Result<usize, Failure> {
        let missing = self.missing(distinct(texts)).await?;
        for batch in missing.chunks(BATCH) {
            self.embed(batch).await?;
        }
        Ok(missing.len())
    }

    /// Those without a vector.
    async fn missing(&self, texts: Vec<String>) -> Result<Vec<String>, Failure> {
        let hashes: Vec<Vec<u8>> = texts.iter().map(|text| text_hash(text).to_vec()).collect();
        let has_vector: Vec<bool> = in_time(
            sqlx::query_scalar(
                "select exists (select from processes.embeddings e
                                 where (e.model, e.sha256) = ($1, asked.sha256))
                   from unnest($2::bytea[]) with ordinality as asked (sha256, place)
                  order by asked.place",
            )
            .bind(self.embedder.hash())
            .bind(hashes)
            .fetch_all(self.pool),
        )
        .await?;
        let missing = texts.into_iter().zip(has_vector).filter(|(_, has)| !has);
        Ok(missing.map(|(text, _)| text).collect())
    }

    /// By the hashes of the texts, those that were embedded once.
    pub(crate) async fn kept(
        &self,
        texts: &[String],
    ) -> Result<HashMap<TextHash, Vector>, Failure> {
        let hashes: Vec<TextHash> = texts.iter().map(|text| text_hash(text)).collect();
        in_time(vectors(self.pool, self.embedder.hash(), &hashes)).await
    }

    /// Of a question, which is personal: its vector is kept nowhere.
    pub(crate) async fn of_question(&self, question: &str) -> Result<Vector, Failure> {
        let question = question.to_owned();
        self.made(move |embedder| embedder.question(&question)).await
    }

    async fn made<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Embedder) -> Result<T, ModelError> + Send + 'static,
    ) -> Result<T, Failure> {
        let embedder = self.embedder.clone();
        let made = tokio::task::spawn_blocking(move || run(&embedder)).await;
        made.map_err(Failure::passing)?.map_err(Failure::lasting)
    }

    /// The vectors of a batch, in its order, which are kept.
    pub(crate) async fn embed(&self, batch: &[String]) -> Result<Vec<Vector>, Failure> {
        let texts = batch.to_vec();
        let embed = move |embedder: &Embedder| {
            embedder.embed(&texts.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let vectors = self.made(embed).await?;
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
