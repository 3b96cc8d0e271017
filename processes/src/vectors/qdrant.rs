//! In Qdrant, by its REST API: a collection for each model.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hyper::{Method, StatusCode};
use retrieval::{DIMENSIONS, Hit, Vector};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{IndexError, Nearest, VectorIndex};
use crate::embedding::TextHash;
use crate::outgoing::{Address, AddressError, Call, Client, Limits};

const LIMITS: Limits = Limits {
    connect: Duration::from_secs(3),
    read: Duration::from_secs(5),
    write: Duration::from_secs(3),
    whole: Duration::from_secs(6),
    // 20,000 hits of some 200 bytes.
    answer_bytes: 8 * 1024 * 1024,
    // What is lost on a connection that is gone is asked again and does no harm.
    connections_kept: 8,
};
/// Vectors, of some 8 kB each as JSON, that are sent at once.
const PUT_AT_ONCE: usize = 100;
/// Candidates of a search, as in Postgres.
const CANDIDATES: usize = 200;

/// A server, and what the names of our collections there begin with.
#[derive(Clone)]
pub struct Collections {
    client: Arc<Client>,
    prefix: String,
}

impl Collections {
    pub(super) fn new(
        address: Address,
        key: Option<&str>,
        prefix: &str,
    ) -> Result<Self, AddressError> {
        let client = Arc::new(Client::new("vectors", address, key, LIMITS)?);
        Ok(Self { client, prefix: prefix.to_owned() })
    }
}

pub(super) struct Qdrant {
    collections: Collections,
    /// The collection's path.
    path: String,
}

/// What every answer has around it.
#[derive(Deserialize)]
struct Answered<T> {
    result: T,
}

#[derive(Deserialize)]
struct Points {
    points: Vec<Scored>,
}

#[derive(Deserialize)]
struct Scored {
    score: f32,
    payload: Payload,
}

#[derive(Deserialize)]
struct Payload {
    sha256: String,
}

#[derive(Deserialize)]
struct Point {
    id: Uuid,
    vector: Option<Vec<f32>>,
}

#[derive(Deserialize)]
struct Names {
    collections: Vec<Name>,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

impl Qdrant {
    pub(super) fn new(collections: &Collections, model: &str) -> Self {
        let path = path(&name(&collections.prefix, model));
        Self { collections: collections.clone(), path }
    }

    /// None where there is no such collection, or point.
    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        json: Option<Value>,
    ) -> Result<Option<T>, IndexError> {
        let call = Call { method, path, key: None, json };
        let answer = self.collections.client.call(call).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => {
                let answered: Answered<T> = answer.json().ok_or(IndexError::Unreadable)?;
                Ok(Some(answered.result))
            }
            status => Err(IndexError::Refused(status)),
        }
    }

    /// The same below this collection.
    async fn ask_it<T: DeserializeOwned>(
        &self,
        method: Method,
        below: &str,
        json: Value,
    ) -> Result<Option<T>, IndexError> {
        self.ask(method, &format!("{}{below}", self.path), Some(json)).await
    }

    /// Somebody else may make it at the same moment: what becomes of that shows in what comes next.
    async fn make(&self) -> Result<(), IndexError> {
        let vectors = json!({ "vectors": { "size": DIMENSIONS, "distance": "Cosine" } });
        match self.ask_it::<Value>(Method::PUT, "", vectors).await {
            Ok(_) | Err(IndexError::Refused(StatusCode::CONFLICT)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn points(
        &self,
        texts: &[TextHash],
        with_vector: bool,
    ) -> Result<Vec<Point>, IndexError> {
        let ids: Vec<Uuid> = texts.iter().map(id).collect();
        let asked = json!({ "ids": ids, "with_payload": false, "with_vector": with_vector });
        Ok(self.ask_it(Method::POST, "/points", asked).await?.unwrap_or_default())
    }
}

/// A model's hash is long, and its beginning tells it from any other.
fn name(prefix: &str, model: &str) -> String {
    let model: String = model.chars().take(12).collect();
    format!("{prefix}-{model}")
}

fn path(name: &str) -> String {
    format!("/collections/{name}")
}

/// Whether [`name`] gives such a name, for this prefix and some model.
fn is_name(prefix: &str, name: &str) -> bool {
    let model = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-'));
    model.is_some_and(|model| model.len() == 12 && model.chars().all(|c| c.is_ascii_hexdigit()))
}

/// Points have no longer names than this; the whole hash is in the payload.
fn id(text: &TextHash) -> Uuid {
    Uuid::from_slice(&text[..16]).unwrap_or_default()
}

fn hash(hex: &str) -> Option<TextHash> {
    hex::decode(hex).ok()?.try_into().ok()
}

#[async_trait]
impl VectorIndex for Qdrant {
    async fn put(&self, vectors: &HashMap<TextHash, Vector>) -> Result<(), IndexError> {
        let vectors: Vec<(&TextHash, &Vector)> = vectors.iter().collect();
        for vectors in vectors.chunks(PUT_AT_ONCE) {
            let point = |(text, vector): &(&TextHash, &Vector)| {
                let payload = json!({ "sha256": hex::encode(text) });
                json!({ "id": id(text), "vector": vector.numbers(), "payload": payload })
            };
            let points = json!({ "points": vectors.iter().map(point).collect::<Vec<_>>() });
            let put = || self.ask_it::<Value>(Method::PUT, "/points?wait=true", points.clone());
            if put().await?.is_none() {
                self.make().await?;
                put().await?.ok_or(IndexError::Refused(StatusCode::NOT_FOUND))?;
            }
        }
        Ok(())
    }

    async fn remove(&self, texts: &[TextHash]) -> Result<(), IndexError> {
        let points = json!({ "points": texts.iter().map(id).collect::<Vec<_>>() });
        self.ask_it::<Value>(Method::POST, "/points/delete?wait=true", points).await?;
        Ok(())
    }

    async fn get(&self, text: &TextHash) -> Result<Option<Vector>, IndexError> {
        let points = self.points(&[*text], true).await?;
        Ok(points.into_iter().find_map(|point| Vector::new(point.vector?)))
    }

    async fn known(&self, texts: &[TextHash]) -> Result<HashSet<TextHash>, IndexError> {
        let points = self.points(texts, false).await?;
        let there: HashSet<Uuid> = points.into_iter().map(|point| point.id).collect();
        Ok(texts.iter().filter(|text| there.contains(&id(text))).copied().collect())
    }

    async fn nearest(&self, to: &Vector, few: usize, floor: f32) -> Result<Nearest, IndexError> {
        let asked = json!({
            "query": to.numbers(), "limit": few, "score_threshold": floor, "with_payload": true,
            "params": { "hnsw_ef": CANDIDATES },
        });
        let found: Option<Points> = self.ask_it(Method::POST, "/points/query", asked).await?;
        let points = found.into_iter().flat_map(|found| found.points);
        let hits = points.filter_map(|Scored { score, payload }| {
            Some(Hit { id: hash(&payload.sha256)?, score })
        });
        Ok(Nearest::of(hits.collect(), few, floor))
    }

    async fn reach(&self) -> Result<(), IndexError> {
        let path = format!("{}/exists", self.path);
        self.ask::<Value>(Method::GET, &path, None).await.map(drop)
    }

    async fn forget_other_models(&self) -> Result<(), IndexError> {
        let names: Option<Names> = self.ask(Method::GET, "/collections", None).await?;
        for Name { name } in names.into_iter().flat_map(|names| names.collections) {
            if is_name(&self.collections.prefix, &name) && path(&name) != self.path {
                self.ask::<bool>(Method::DELETE, &path(&name), None).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_on_the_same_server_is_not_ours() {
        assert!(is_name("daybook", &name("daybook", &"0f".repeat(32))));
        for others in ["daybook", "daybook-", "daybook-notes-of-x", "shop-0f0f0f0f0f0f"] {
            assert!(!is_name("daybook", others), "{others}");
        }
        assert!(!is_name("day", &name("day-book", &"0f".repeat(32))));
    }
}
