//! The write side on a database of its own, and people who use it.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use command_api::App;
use command_api::account::{self, Registration};
use domain::{AccountId, Role};
use eventstore::personal::{PersonalKeys, RootKeys};
use eventstore::{Context, Log, Options};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use service_kit::auth::KeyRing;
use service_kit::{BASE, Health, Kit, Settings, Site};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use uuid::Uuid;

pub const PASSWORD: &str = "correct horse battery";

/// One process of the write side.
pub struct World {
    pub app: App,
    pub log: Log,
    pub pool: PgPool,
    url: String,
    routes: Router,
}

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: AccountId,
    pub email: String,
    pub token: String,
    pub refresh_token: String,
}

impl World {
    pub async fn start() -> Self {
        let url = local_services::testing::database_url_from("command_api", |url| {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let pool = PgPool::connect(url).await.unwrap();
                eventstore::migrate(&pool).await.unwrap();
                pool.close().await;
            });
        });
        Self::on(url).await
    }

    /// Another process on the same database.
    pub async fn neighbour(&self) -> Self {
        Self::on(self.url.clone()).await
    }

    async fn on(url: String) -> Self {
        let pool = PgPoolOptions::new().max_connections(6).connect(&url).await.unwrap();
        let keys = PersonalKeys::new(pool.clone(), RootKeys { master: [1; 32], lookup: [2; 32] });
        let log = Log::open(pool.clone(), keys.clone(), Options::default()).await.unwrap();
        let settings =
            Settings { rates: None, ..Settings::new(KeyRing::from_seeds(&[[7; 32]]).unwrap()) };
        let shutdown = CancellationToken::new();
        let kit = Kit::new(pool.clone(), keys, settings, shutdown.clone());
        let folder = std::env::temp_dir().join(format!("daybook-files-{}", Uuid::now_v7()));
        let blobs = blobstore::Blobs::folder(&folder);
        let app = App::new(log.clone(), kit.clone(), blobs);
        let site = Site::new(Health::new(shutdown));
        let routes = site.build(command_api::router(app.clone()), &kit);
        Self { app, log, pool, url, routes }
    }

    /// `path` is below the base path.
    pub fn ask(&self, method: Method, path: &str) -> Ask<'_> {
        let request = Request::builder().method(method).uri(format!("{BASE}{path}"));
        Ask { world: self, request }
    }

    pub fn post(&self, path: &str) -> Ask<'_> {
        self.ask(Method::POST, path)
    }

    pub fn put(&self, path: &str) -> Ask<'_> {
        self.ask(Method::PUT, path)
    }

    pub fn patch(&self, path: &str) -> Ask<'_> {
        self.ask(Method::PATCH, path)
    }

    pub fn delete(&self, path: &str) -> Ask<'_> {
        self.ask(Method::DELETE, path)
    }

    /// Somebody registered and logged in.
    pub async fn person(&self, name: &str) -> Person {
        let email = format!("{name}@example.org");
        let body = json!({"email": email, "password": PASSWORD, "display_name": name});
        let registered = self.post("/accounts").json(body).await;
        assert_eq!(registered.status, 201, "{}", registered.text);
        let id = registered.body["id"].as_str().unwrap().parse().unwrap();
        self.log_in(id, &email, PASSWORD).await
    }

    /// Somebody with roles.
    pub async fn person_with(&self, name: &str, roles: &[Role]) -> Person {
        let person = self.person(name).await;
        for role in roles {
            account::grant_role(&self.log, &self.system(), person.id, *role).await.unwrap();
        }
        self.log_in(person.id, &person.email, PASSWORD).await
    }

    pub async fn log_in(&self, id: AccountId, email: &str, password: &str) -> Person {
        let answer = self.session(email, password).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let text = |name: &str| answer.body[name].as_str().unwrap().to_owned();
        let (token, refresh_token) = (text("access_token"), text("refresh_token"));
        Person { id, email: email.to_owned(), token, refresh_token }
    }

    pub async fn session(&self, email: &str, password: &str) -> Answer {
        self.post("/sessions").json(json!({"email": email, "password": password})).await
    }

    /// What a token is good for now: 200, 401.
    pub async fn probe(&self, token: &str) -> u16 {
        self.patch("/accounts/me").bearer(token).json(json!({})).await.status.as_u16()
    }

    /// A change takes effect within two seconds.
    #[track_caller]
    pub fn soon(&self, token: &str, expected: u16) -> impl Future<Output = ()> + '_ {
        let token = token.to_owned();
        async move {
            let deadline = Instant::now() + Duration::from_secs(2);
            loop {
                let status = self.probe(&token).await;
                if status == expected {
                    return;
                }
                assert!(Instant::now() < deadline, "still {status}, not {expected}, after 2 s");
                tokio::task::yield_now().await;
            }
        }
    }

    pub fn system(&self) -> Context {
        Context::system("test", Uuid::now_v7().to_string(), service_kit::clock::now())
    }

    /// Somebody without a password, as imports make them.
    pub async fn imported(&self, name: &str) -> AccountId {
        let account = AccountId::new(Uuid::now_v7());
        let registration = Registration {
            account,
            email: format!("{name}@example.org").parse().unwrap(),
            display_name: name.parse().unwrap(),
        };
        account::register(&self.log, &self.system(), registration).await.unwrap();
        account
    }
}

/// A request in the making.
pub struct Ask<'a> {
    world: &'a World,
    request: axum::http::request::Builder,
}

impl Ask<'_> {
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    pub fn key(self, key: &str) -> Self {
        self.with("idempotency-key", key)
    }

    pub async fn json(self, body: Value) -> Answer {
        let request = self.with("content-type", "application/json");
        request.body(Body::from(body.to_string())).await
    }

    pub async fn bare(self) -> Answer {
        self.body(Body::empty()).await
    }

    pub async fn body(self, body: Body) -> Answer {
        let request = self.request.body(body).unwrap();
        let response = self.world.routes.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        let text = String::from_utf8(bytes).unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, text, body }
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
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and code of a refusal.
    #[track_caller]
    pub fn problem(&self) -> (u16, &str) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        (self.status.as_u16(), self.body["code"].as_str().unwrap())
    }

    pub fn pointer(&self) -> &str {
        self.body["errors"][0]["pointer"].as_str().unwrap_or_default()
    }

    #[track_caller]
    pub fn done(self) -> Self {
        assert!(self.status.is_success(), "{} {}", self.status, self.text);
        self
    }
}
