//! What we need of Qdrant's REST API, on a port of this machine: it takes what the documentation of
//! version 1.15 says and nothing else, and behaves as a test tells it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use uuid::Uuid;

pub const KEY: &str = "the key of this server";

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mood {
    Answers,
    Fails,
    /// It never answers.
    Hangs,
    Babbles,
}

pub struct Qdrant {
    pub url: String,
    mood: watch::Sender<Mood>,
    desk: Desk,
}

#[derive(Clone)]
struct Desk {
    mood: watch::Receiver<Mood>,
    collections: Arc<Mutex<BTreeMap<String, Points>>>,
}

type Points = HashMap<Uuid, Point>;

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Point {
    id: Uuid,
    vector: Vec<f32>,
    payload: Value,
}

impl Qdrant {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (mood, moods) = watch::channel(Mood::Answers);
        let desk = Desk { mood: moods, collections: Arc::default() };
        let routes = Router::new()
            .route("/collections", get(list))
            .route("/collections/{name}", put(create).delete(drop_collection))
            .route("/collections/{name}/exists", get(exists))
            .route("/collections/{name}/points", put(upsert).post(retrieve))
            .route("/collections/{name}/points/delete", post(delete))
            .route("/collections/{name}/points/query", post(query))
            .layer(from_fn_with_state(desk.clone(), as_the_mood_is))
            .with_state(desk.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, mood, desk }
    }

    pub fn becomes(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    /// Names of collections, and how many points are in each.
    pub fn holds(&self) -> BTreeMap<String, usize> {
        let held = self.desk.held();
        held.iter().map(|(name, points)| (name.clone(), points.len())).collect()
    }
}

impl Desk {
    fn held(&self) -> MutexGuard<'_, BTreeMap<String, Points>> {
        self.collections.lock().unwrap()
    }
}

async fn as_the_mood_is(
    State(mut desk): State<Desk>,
    headers: HeaderMap,
    request: Request,
    next: Next,
) -> Response {
    let key = headers.get("authorization").and_then(|value| value.to_str().ok());
    if key != Some(&format!("Bearer {KEY}")) {
        return (StatusCode::UNAUTHORIZED, "Invalid API key or JWT").into_response();
    }
    let mood = *desk.mood.borrow();
    match mood {
        Mood::Answers => next.run(request).await,
        Mood::Fails => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Mood::Babbles => "no JSON".into_response(),
        Mood::Hangs => {
            let _ = desk.mood.wait_for(|mood| *mood != Mood::Hangs).await;
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
    }
}

fn answer(result: Value) -> Response {
    Json(json!({ "result": result, "status": "ok", "time": 0.000_1 })).into_response()
}

fn no_such(name: &str) -> Response {
    let error = format!("Not found: Collection `{name}` doesn't exist!");
    let told = json!({ "status": { "error": error }, "time": 0.000_1 });
    (StatusCode::NOT_FOUND, Json(told)).into_response()
}

fn done() -> Response {
    answer(json!({ "operation_id": 1, "status": "completed" }))
}

async fn list(State(desk): State<Desk>) -> Response {
    let names: Vec<Value> = desk.held().keys().map(|name| json!({ "name": name })).collect();
    answer(json!({ "collections": names }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    vectors: VectorParams,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VectorParams {
    size: usize,
    distance: String,
}

async fn create(
    State(desk): State<Desk>,
    Path(name): Path<String>,
    Json(Create { vectors }): Json<Create>,
) -> Response {
    assert_eq!((vectors.size, vectors.distance.as_str()), (384, "Cosine"));
    let mut held = desk.held();
    if held.contains_key(&name) {
        let error = format!("Wrong input: Collection `{name}` already exists!");
        let told = json!({ "status": { "error": error }, "time": 0.000_1 });
        return (StatusCode::CONFLICT, Json(told)).into_response();
    }
    held.insert(name, HashMap::new());
    answer(json!(true))
}

async fn drop_collection(State(desk): State<Desk>, Path(name): Path<String>) -> Response {
    answer(json!(desk.held().remove(&name).is_some()))
}

async fn exists(State(desk): State<Desk>, Path(name): Path<String>) -> Response {
    answer(json!({ "exists": desk.held().contains_key(&name) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wait {
    wait: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Upsert {
    points: Vec<Point>,
}

/// Vectors are kept at length 1, as those of cosine collections are.
async fn upsert(
    State(desk): State<Desk>,
    Path(name): Path<String>,
    Query(Wait { wait }): Query<Wait>,
    Json(Upsert { points }): Json<Upsert>,
) -> Response {
    assert!(wait, "else what was put may not be found yet");
    let mut held = desk.held();
    let Some(collection) = held.get_mut(&name) else { return no_such(&name) };
    for mut point in points {
        assert_eq!(point.vector.len(), 384);
        let length = point.vector.iter().map(|number| number * number).sum::<f32>().sqrt();
        point.vector.iter_mut().for_each(|number| *number /= length);
        collection.insert(point.id, point);
    }
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Retrieve {
    ids: Vec<Uuid>,
    with_payload: bool,
    with_vector: bool,
}

async fn retrieve(
    State(desk): State<Desk>,
    Path(name): Path<String>,
    Json(Retrieve { ids, with_payload, with_vector }): Json<Retrieve>,
) -> Response {
    let held = desk.held();
    let Some(collection) = held.get(&name) else { return no_such(&name) };
    let records = ids.iter().filter_map(|id| collection.get(id)).map(|point| {
        let mut record = json!({ "id": point.id });
        if with_payload {
            record["payload"] = point.payload.clone();
        }
        if with_vector {
            record["vector"] = json!(point.vector);
        }
        record
    });
    answer(records.collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ids {
    points: Vec<Uuid>,
}

async fn delete(
    State(desk): State<Desk>,
    Path(name): Path<String>,
    Query(Wait { wait }): Query<Wait>,
    Json(Ids { points }): Json<Ids>,
) -> Response {
    assert!(wait, "else what was deleted may still be found");
    let mut held = desk.held();
    let Some(collection) = held.get_mut(&name) else { return no_such(&name) };
    collection.retain(|id, _| !points.contains(id));
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    query: Vec<f32>,
    limit: usize,
    score_threshold: f32,
    with_payload: bool,
    params: SearchParams,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchParams {
    hnsw_ef: usize,
}

async fn query(
    State(desk): State<Desk>,
    Path(name): Path<String>,
    Json(question): Json<Question>,
) -> Response {
    assert!(question.with_payload && question.params.hnsw_ef > 0 && question.limit > 0);
    let held = desk.held();
    let Some(collection) = held.get(&name) else { return no_such(&name) };
    let length = question.query.iter().map(|number| number * number).sum::<f32>().sqrt();
    let score = |point: &Point| {
        let products = point.vector.iter().zip(&question.query).map(|(a, b)| a * b);
        products.sum::<f32>() / length
    };
    let mut found: Vec<(f32, &Point)> =
        collection.values().map(|point| (score(point), point)).collect();
    found.retain(|(score, _)| *score >= question.score_threshold);
    found.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let found = found.into_iter().take(question.limit).map(|(score, point)| {
        json!({ "id": point.id, "version": 1, "score": score, "payload": point.payload })
    });
    answer(json!({ "points": found.collect::<Vec<_>>() }))
}
