//! The read side on a database of its own, a log to write to, and projections at work.

use std::fmt::Display;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use blobstore::Blobs;
use domain::account::Account;
use domain::book::{self, Book};
use domain::rating::{self, Rating, RatingId};
use domain::samples::{at, tags, text};
use domain::{AccountId, BookId, ItemId, Personal, Recorded, Role, account};
use eventstore::personal::{PersonalKeys, RootKeys};
use eventstore::{Context, Feed, Log, Options, Reader};
use http_body_util::BodyExt;
use processes::vectors::{TextSearch, Vectors};
use query_api::{App, Leaderboards, router};
use retrieval::{Embedder, TextModel};
use serde_json::Value;
use service_kit::auth::KeyRing;
use service_kit::{BASE, Health, Kit, Settings, Site};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt;
use uuid::Uuid;

pub struct World {
    pub log: Log,
    pub kit: Kit,
    pub blobs: Blobs,
    pub shutdown: CancellationToken,
    routes: Router,
    _end: DropGuard,
}

impl World {
    pub async fn start() -> Self {
        Self::with(TextModel::off("a test")).await
    }

    /// With a model of what texts mean, and the worker that keeps everything embedded. None where
    /// the model cannot be had.
    pub async fn with_meaning() -> Option<Self> {
        let folder = local_services::testing::text_model()?;
        let model = TextModel::ready(Embedder::load(&folder).unwrap());
        let world = Self::with(model.clone()).await;
        let (pool, shutdown) = (world.log.pool().clone(), world.shutdown.clone());
        let vectors = Vectors::Memory;
        tokio::spawn(processes::texts::keep_embedding(pool, model, vectors, shutdown));
        Some(world)
    }

    async fn with(model: TextModel) -> Self {
        let world = Self::without_projections_with(model).await;
        let pool = world.log.pool().clone();
        let (reader, shutdown) = (Reader::new(pool.clone()), world.shutdown.clone());
        let feed = Feed::new(reader.clone(), None);
        tokio::spawn(projections::run(pool, reader, feed, shutdown));
        world.until_built().await;
        world
    }

    /// Requests wait for what has happened, not for tables to be made.
    async fn until_built(&self) {
        let all = projections::all().len();
        self.until(&format!("select count(*) = {all} from projections.live")).await;
    }

    /// Until a question to the database is answered with yes.
    pub async fn until(&self, question: &str) {
        let begun = Instant::now();
        loop {
            let is_so: bool =
                sqlx::query_scalar(question).fetch_one(self.log.pool()).await.unwrap();
            if is_so {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "not in a minute: {question}");
            tokio::task::yield_now().await;
        }
    }

    pub async fn without_projections() -> Self {
        Self::without_projections_with(TextModel::off("a test")).await
    }

    async fn without_projections_with(model: TextModel) -> Self {
        let url = local_services::testing::database_url_from("query_api", |url| {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let pool = PgPool::connect(url).await.unwrap();
                eventstore::migrate(&pool).await.unwrap();
                pool.close().await;
            });
        });
        let pool = PgPoolOptions::new().max_connections(20).connect(&url).await.unwrap();
        let roots = || RootKeys { master: [1; 32], lookup: [2; 32] };
        let keys = PersonalKeys::new(pool.clone(), roots());
        let log = Log::open(pool.clone(), keys.clone(), Options::default()).await.unwrap();
        let settings =
            Settings { rates: None, ..Settings::new(KeyRing::from_seeds(&[[7; 32]]).unwrap()) };
        let shutdown = CancellationToken::new();
        let kit = Kit::new(pool.clone(), keys.clone(), settings, shutdown.clone());
        let feed = Feed::new(Reader::new(pool.clone()), None);
        let folder = std::env::temp_dir().join(format!("daybook-files-{}", Uuid::now_v7()));
        let blobs = Blobs::folder(&folder);
        let texts = TextSearch { model, vectors: Vectors::Memory };
        let app =
            App::new(pool, keys, kit.clone(), feed, blobs.clone(), texts, Leaderboards::default());
        let (following, end) = (app.clone(), shutdown.clone());
        tokio::spawn(async move { following.follow_catalogues(end).await });
        let routes = Site::new(Health::new(shutdown.clone())).build(router(app), &kit);
        let end = shutdown.clone().drop_guard();
        Self { log, kit, blobs, shutdown, routes, _end: end }
    }

    /// The position after the command.
    pub async fn run<A: Recorded>(&self, id: impl Display, command: A::Command) -> i64 {
        let context = Context::system("test", Uuid::now_v7().to_string(), at(0));
        self.log.execute::<A>(id.to_string(), command, &context).await.unwrap().position
    }

    pub async fn register(&self, account: AccountId, name: &str) -> i64 {
        let command = account::Command::Register {
            account,
            email: Personal::new(account, text(&format!("{name}@example.org"))),
            display_name: Personal::new(account, text(name)),
            at: at(0),
        };
        self.run::<Account>(account, command).await
    }

    pub async fn add_book(
        &self,
        book: BookId,
        title: &str,
        author: &str,
        genre: Option<&str>,
    ) -> i64 {
        let details = book::Details {
            genres: genre.map_or_else(|| tags([]), |genre| tags([genre])),
            ..book::samples::details(title, author)
        };
        self.run::<Book>(book, book::samples::add(book, details)).await
    }

    pub async fn rate(&self, reader: AccountId, item: impl Into<ItemId>, points: u8) -> i64 {
        let rating = RatingId { reader, item: item.into() };
        let score = rating::samples::score(points);
        let command = rating::Command::Rate { rating, score, at: service_kit::clock::now() };
        self.run::<Rating>(rating, command).await
    }

    pub fn token(&self, account: AccountId, roles: &[Role]) -> String {
        let roles = [&[Role::Member], roles].concat();
        self.kit.tokens().issue(account, Uuid::now_v7(), roles, service_kit::clock::now()).token
    }

    /// `path` is below the base path.
    pub fn get(&self, path: &str) -> Ask<'_> {
        Ask { world: self, request: Request::builder().uri(format!("{BASE}{path}")) }
    }

    /// A link that an answer gave.
    pub fn follow(&self, link: &str) -> Ask<'_> {
        Ask { world: self, request: Request::builder().uri(link) }
    }
}

/// A request in the making.
pub struct Ask<'a> {
    world: &'a World,
    request: axum::http::request::Builder,
}

impl Ask<'_> {
    pub fn with(mut self, name: &str, value: impl Display) -> Self {
        self.request = self.request.header(name, value.to_string());
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.with("authorization", format!("Bearer {token}"))
    }

    /// Not before the read models show this position.
    pub fn after(self, position: i64) -> Self {
        self.with("consistency-token", position).with("prefer", "wait=5")
    }

    pub async fn response(self) -> Response {
        let request = self.request.body(Body::empty()).unwrap();
        self.world.routes.clone().oneshot(request).await.unwrap()
    }

    pub async fn answer(self) -> Answer {
        let (parts, body) = self.response().await.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        let text = String::from_utf8(bytes).unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, text, body }
    }

    /// The body of a 200.
    pub async fn ok(self) -> Value {
        let answer = self.answer().await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.body
    }

    /// Status and code of a refusal.
    pub async fn problem(self) -> (u16, String) {
        let answer = self.answer().await;
        assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.text);
        let code = answer.body["code"].as_str().unwrap_or_default();
        (answer.status.as_u16(), code.to_owned())
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
}
