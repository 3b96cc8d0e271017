//! A small application and a client for it.

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRef, State};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::routing::{get, post, put};
use domain::{AccountId, Role};
use eventstore::personal::{PersonalKeys, RootKeys};
use eventstore::{Receipt, StreamId};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::{Value, json};
use service_kit::auth::KeyRing;
use service_kit::page::Limit;
use service_kit::{
    Accepted, Caller, Health, Json, Kit, LogInAttempt, Member, Merchandiser, Only, Path, Problem,
    Query, ResetAttempt, Settings, Site,
};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

pub const OLD_KEY: [u8; 32] = [1; 32];
pub const KEY: [u8; 32] = [2; 32];

pub struct World {
    pub kit: Kit,
    pub pool: PgPool,
    pub routes: Router,
}

#[derive(Clone)]
struct App(Kit);

impl FromRef<App> for Kit {
    fn from_ref(app: &App) -> Self {
        app.0.clone()
    }
}

/// The rates are off unless a test is about them.
pub fn settings() -> Settings {
    let keys = KeyRing::from_seeds(&[KEY, OLD_KEY]).unwrap();
    Settings { rates: None, ..Settings::new(keys) }
}

pub async fn pool() -> PgPool {
    let url = local_services::testing::database_url_from("service_kit", |url| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let pool = PgPool::connect(url).await.unwrap();
            eventstore::migrate(&pool).await.unwrap();
            pool.close().await;
        });
    });
    PgPoolOptions::new().max_connections(4).connect(&url).await.unwrap()
}

fn keys(pool: &PgPool) -> PersonalKeys {
    PersonalKeys::new(pool.clone(), RootKeys { master: [1; 32], lookup: [2; 32] })
}

impl World {
    pub async fn start() -> Self {
        Self::with(settings(), |site| site).await
    }

    pub async fn with(settings: Settings, change: impl FnOnce(Site) -> Site) -> Self {
        let pool = pool().await;
        let shutdown = CancellationToken::new();
        let kit = Kit::new(pool.clone(), keys(&pool), settings, shutdown.clone());
        let site = change(Site::new(Health::new(shutdown)));
        let routes = site.build(api().with_state(App(kit.clone())), &kit);
        Self { kit, pool, routes }
    }

    pub fn token(&self, roles: &[Role]) -> (AccountId, String) {
        let account = AccountId::new(Uuid::new_v4());
        let now = service_kit::clock::now();
        let issued = self.kit.tokens().issue(account, Uuid::new_v4(), roles.to_vec(), now);
        (account, issued.token)
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.routes.clone().oneshot(request).await.unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Ask::new(Method::GET, path).body(Body::empty())).await
    }
}

/// A request in the making.
pub struct Ask(axum::http::request::Builder);

impl Ask {
    pub fn new(method: Method, path: &str) -> Self {
        Self(Request::builder().method(method).uri(path))
    }

    pub fn put(path: &str) -> Self {
        Self::new(Method::PUT, path)
    }

    pub fn post(path: &str) -> Self {
        Self::new(Method::POST, path)
    }

    pub fn with(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    pub fn bearer(self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    pub fn json(self, body: &str) -> Request<Body> {
        self.with("content-type", "application/json").body(Body::from(body.to_owned()))
    }

    pub fn body(self, body: Body) -> Request<Body> {
        self.0.body(body).unwrap()
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    pub body: Value,
}

impl Answer {
    async fn of(response: axum::response::Response) -> Self {
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Self { status: parts.status, headers: parts.headers, text, body }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and code of a problem, which must be a whole one.
    #[track_caller]
    pub fn problem(&self) -> (u16, &str) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        let code = self.body["code"].as_str().unwrap();
        assert_eq!(self.body["type"], format!("/problems/{code}"));
        assert_eq!(self.body["status"], self.status.as_u16());
        for member in ["title", "detail", "instance", "trace_id"] {
            assert!(self.body[member].as_str().is_some_and(|text| !text.is_empty()), "{member}");
        }
        (self.status.as_u16(), code)
    }

    pub fn pointer(&self) -> &str {
        self.body["errors"][0]["pointer"].as_str().unwrap_or_default()
    }
}

fn api() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .route("/things", get(list).post(post_thing))
        .route("/things/{id}", put(put_thing))
        .route("/mine", put(async |caller: Only<Member>| Accepted::done(receipt(&caller))))
        .route("/login", post(async |_: LogInAttempt| "in"))
        .route("/reset", post(async |_: ResetAttempt| "asked"))
        .route("/panic", get(panics))
        .route("/database", get(async || Problem::internal("select secret from table")))
        .route("/token", get(async |caller: Caller| Json(json!({"roles": caller.roles()}))))
}

async fn panics() -> &'static str {
    panic!("at the disco")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Thing {
    score: u8,
}

async fn put_thing(
    caller: Only<Merchandiser>,
    Path(_): Path<Uuid>,
    Json(Thing { score }): Json<Thing>,
) -> Accepted {
    Accepted::done(Receipt { unchanged: score == 0, ..receipt(&caller) })
}

async fn post_thing(State(_): State<App>, caller: Caller, Json(thing): Json<Thing>) -> Accepted {
    let replayed = thing.score == 1;
    let receipt = Receipt { replayed, ..receipt(&caller) };
    let context = caller.context();
    Accepted::created(receipt, "/api/v1/things/1")
        .with("metadata", json!(context.metadata))
        .with("context", json!([context.caller, context.key, context.client_key, context.expected]))
        .with("fingerprint", json!(context.fingerprint))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    limit: Limit,
}

async fn list(Query(List { limit }): Query<List>) -> Json<usize> {
    Json(limit.get())
}

fn receipt(_: &Caller) -> Receipt {
    let stream = StreamId::new("thing", "1".to_owned());
    Receipt { stream, sequence: 3, position: 17, unchanged: false, replayed: false }
}
