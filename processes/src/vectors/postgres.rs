//! In Postgres, by its extension pgvector: a table of its own with an HNSW index.
//!
//! It is no migration, because the rest of the system runs on a Postgres that lacks the extension.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use retrieval::{DIMENSIONS, Hit, Vector};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Executor, PgPool};

use super::{IndexError, Nearest, VectorIndex};
use crate::embedding::TextHash;

/// Connections of one program: whoever looks has one for some milliseconds.
const CONNECTIONS_MAX: u32 = 8;
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// Vectors that are written in one statement.
const PUT_AT_ONCE: usize = 100;
/// The key of the advisory lock under which the table is made.
const MAKING: i64 = 0x6461_7962_6f6f_6b56;

/// From 0.8 on a search goes on where it left off, until there is as much as was asked for. The
/// candidates of a step: at 100,000 vectors 200 find 97 of the nearest 100, 40 (the default) 85.
const SETTINGS: &str = "
    set hnsw.iterative_scan = strict_order;
    set hnsw.ef_search = 200;
    set hnsw.scan_mem_multiplier = 4;
    set plan_cache_mode = force_custom_plan";

const TABLE: &str = "
    create schema if not exists vector_index;
    create table vector_index.texts (
        -- Vectors of different models do not compare.
        model text not null,
        -- Of the text, as in processes.embeddings.
        sha256 bytea not null,
        vector vector(384) not null,
        primary key (model, sha256)
    );
    create index texts_nearest on vector_index.texts using hnsw (vector vector_cosine_ops)";

#[derive(Debug, thiserror::Error)]
pub enum PgvectorError {
    #[error("the extension `vector` (pgvector) cannot be had in this database: {0}")]
    Missing(sqlx::Error),
    #[error("the extension `vector` (pgvector) has to be 0.8 or newer, not {0}")]
    Old(String),
    #[error("the table of vectors cannot be made: {0}")]
    Table(sqlx::Error),
    #[error("{0}")]
    Database(#[from] sqlx::Error),
}

/// Connections to the table, which is made if it is not there.
pub(super) async fn open(pool: &PgPool) -> Result<PgPool, PgvectorError> {
    let mut tx = pool.begin().await?;
    sqlx::query("select pg_advisory_xact_lock($1)").bind(MAKING).execute(&mut *tx).await?;
    let made = tx.execute("create extension if not exists vector").await;
    made.map_err(PgvectorError::Missing)?;
    let (version, is_new): (String, bool) = sqlx::query_as(
        "select extversion, string_to_array(extversion, '.')::int[] >= '{0,8}'
           from pg_extension where extname = 'vector'",
    )
    .fetch_one(&mut *tx)
    .await?;
    if !is_new {
        return Err(PgvectorError::Old(version));
    }
    let is_there: bool = sqlx::query_scalar("select to_regclass('vector_index.texts') is not null")
        .fetch_one(&mut *tx)
        .await?;
    if !is_there {
        tx.execute(TABLE).await.map_err(PgvectorError::Table)?;
    }
    tx.commit().await?;
    let connections = PgPoolOptions::new()
        .max_connections(CONNECTIONS_MAX)
        .acquire_timeout(CONNECT_MAX)
        .after_connect(|connection, _| {
            Box::pin(async move { connection.execute(SETTINGS).await.map(drop) })
        });
    Ok(connections.connect_lazy_with((*pool.connect_options()).clone()))
}

pub(super) struct Postgres {
    pool: PgPool,
    model: String,
}

impl Postgres {
    pub(super) fn new(pool: PgPool, model: &str) -> Self {
        Self { pool, model: model.to_owned() }
    }

    async fn ordered(
        &self,
        order: &str,
        to: &Vector,
        few: usize,
    ) -> Result<Vec<(Vec<u8>, f32)>, IndexError> {
        let select = format!(
            "select sha256, (1 - (vector <=> $2::real[]::vector))::real
               from vector_index.texts where model = $1 order by {order} limit $3"
        );
        let rows = sqlx::query_as(&select)
            .bind(&self.model)
            .bind(to.numbers())
            .bind(i64::try_from(few).unwrap_or(i64::MAX))
            .fetch_all(&self.pool)
            .await?;
        Ok(rows)
    }
}

fn bytes(texts: &[TextHash]) -> Vec<&[u8]> {
    texts.iter().map(TextHash::as_slice).collect()
}

fn hash(bytes: Vec<u8>) -> Option<TextHash> {
    bytes.try_into().ok()
}

#[async_trait]
impl VectorIndex for Postgres {
    async fn put(&self, vectors: &HashMap<TextHash, Vector>) -> Result<(), IndexError> {
        let vectors: Vec<(&TextHash, &Vector)> = vectors.iter().collect();
        for vectors in vectors.chunks(PUT_AT_ONCE) {
            let texts: Vec<&[u8]> = vectors.iter().map(|(text, _)| text.as_slice()).collect();
            let numbers: Vec<f32> =
                vectors.iter().flat_map(|(_, vector)| vector.numbers()).copied().collect();
            sqlx::query(
                "insert into vector_index.texts (model, sha256, vector)
                 select $1, sha256, ($3::real[])[(n::int - 1) * $4 + 1 : n::int * $4]::vector
                   from unnest($2::bytea[]) with ordinality as made (sha256, n)
                     on conflict (model, sha256) do update set vector = excluded.vector",
            )
            .bind(&self.model)
            .bind(texts)
            .bind(numbers)
            .bind(DIMENSIONS as i32)
            .execute(&self.pool)
            .await?;
        }
        Ok(())
    }

    async fn remove(&self, texts: &[TextHash]) -> Result<(), IndexError> {
        sqlx::query("delete from vector_index.texts where model = $1 and sha256 = any ($2)")
            .bind(&self.model)
            .bind(bytes(texts))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn get(&self, text: &TextHash) -> Result<Option<Vector>, IndexError> {
        let numbers: Option<Vec<f32>> = sqlx::query_scalar(
            "select vector::real[] from vector_index.texts where (model, sha256) = ($1, $2)",
        )
        .bind(&self.model)
        .bind(text.as_slice())
        .fetch_optional(&self.pool)
        .await?;
        Ok(numbers.and_then(Vector::new))
    }

    async fn known(&self, texts: &[TextHash]) -> Result<HashSet<TextHash>, IndexError> {
        let known: Vec<Vec<u8>> = sqlx::query_scalar(
            "select sha256 from vector_index.texts where model = $1 and sha256 = any ($2)",
        )
        .bind(&self.model)
        .bind(bytes(texts))
        .fetch_all(&self.pool)
        .await?;
        Ok(known.into_iter().filter_map(hash).collect())
    }

    async fn nearest(&self, to: &Vector, few: usize, floor: f32) -> Result<Nearest, IndexError> {
        let mut rows = self.ordered("vector <=> $2::real[]::vector", to, few).await?;
        if rows.len() < few {
            // The graph need not lead to every vector. Where that may be all, no index is asked.
            rows = self.ordered("(vector <=> $2::real[]::vector) + 0", to, few).await?;
        }
        let hits =
            rows.into_iter().filter_map(|(text, score)| Some(Hit { id: hash(text)?, score }));
        Ok(Nearest::of(hits.collect(), few, floor))
    }

    async fn reach(&self) -> Result<(), IndexError> {
        sqlx::query("select 1 from vector_index.texts limit 1").fetch_optional(&self.pool).await?;
        Ok(())
    }

    async fn forget_other_models(&self) -> Result<(), IndexError> {
        let others = sqlx::query("delete from vector_index.texts where model <> $1");
        others.bind(&self.model).execute(&self.pool).await?;
        Ok(())
    }
}
