//! What people would build instead: the same handler over stock postgres-es.
//!
//! It has our frame around it, our tokens, parsing and problems, so that nothing differs but what
//! stands behind the handler: no command ids, no order of the whole log, no hash chain, no bus and
//! no projections.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Child;
use std::sync::Arc;

use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::routing::{post, put};
use axum::{Json as Body, Router};
use cqrs_es::persist::PersistedEventStore;
use cqrs_es::{Aggregate, AggregateContext, AggregateError, CqrsFramework, EventStore};
use domain::book::{self, Authors, Book, Details};
use domain::rating::{self, Rating, RatingId, Score};
use domain::{BookId, ItemId, ItemKind, Title};
use eventstore::personal::{PersonalKeys, RootKeys};
use local_services::Signal;
use postgres_es::PostgresEventRepository;
use serde::Deserialize;
use serde_json::{Value, json};
use service_kit::auth::KeyRing;
use service_kit::{Json, Kit, Member, Only, Path, Problem, Settings, framed};
use sqlx::Executor;
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::postgres_es::TABLE;
use crate::system::{daybook, start};
use crate::{Database, Options};

/// For what our frame asks the database, about once a second.
const FRAME_CONNECTIONS: usize = 2;

type Store<A> = PersistedEventStore<PostgresEventRepository, A>;

/// Serves the reference until told to stop: a process of its own, as ours is.
#[derive(Debug, clap::Args)]
pub struct Serve {
    #[arg(long)]
    database_url: String,
    #[arg(long)]
    connections: usize,
    /// The file with the keys that sign access tokens
    #[arg(long)]
    signing_keys: PathBuf,
}

#[derive(Clone)]
struct App {
    kit: Kit,
    books: Arc<Stock<Book>>,
    ratings: Arc<Stock<Rating>>,
}

/// A stock framework, and the store in it for what must only be looked at.
struct Stock<A: Aggregate> {
    store: Store<A>,
    framework: CqrsFramework<A, Store<A>>,
}

impl FromRef<App> for Kit {
    fn from_ref(app: &App) -> Self {
        app.kit.clone()
    }
}

impl Serve {
    pub async fn run(self) -> anyhow::Result<()> {
        let database = Database::at(&self.database_url)?;
        let keys = KeyRing::parse(&std::fs::read_to_string(&self.signing_keys)?)?;
        let pool = database.pool(self.connections).await?;
        let repository = || PostgresEventRepository::new(pool.clone());
        let shutdown = service_kit::on_signals()?;
        let settings = Settings { rates: None, ..Settings::new(keys) };
        let frame = database.pool(FRAME_CONNECTIONS).await?;
        // Nobody asks by a key there.
        let roots = RootKeys { master: [0; 32], lookup: [0; 32] };
        let personal = PersonalKeys::new(frame.clone(), roots);
        let app = App {
            kit: Kit::new(frame, personal, settings, shutdown.clone()),
            books: Arc::new(Stock::new(repository(), repository())),
            ratings: Arc::new(Stock::new(repository(), repository())),
        };
        let kit = app.kit.clone();
        let routes = Router::new()
            .route("/api/v1/books", post(add))
            .route("/api/v1/{kind}/{id}/rating", put(rate))
            .with_state(app);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("Daybook compares itself on http://{}.", listener.local_addr()?);
        service_kit::serve(listener, framed(routes, &kit), shutdown).await?;
        Ok(())
    }
}

impl<A: Aggregate<Services = ()>> Stock<A> {
    fn new(read: PostgresEventRepository, write: PostgresEventRepository) -> Self {
        let framework = CqrsFramework::new(Store::new_event_store(write), Vec::new(), ());
        Self { store: Store::new_event_store(read), framework }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AddBook {
    id: BookId,
    title: Title,
    authors: Authors,
}

async fn add(
    State(app): State<App>,
    caller: Only<Member>,
    Json(AddBook { id, title, authors }): Json<AddBook>,
) -> Result<(StatusCode, Body<Value>), Problem> {
    let details = Details {
        title,
        authors,
        isbn: None,
        publisher: None,
        published_year: None,
        series: None,
        genres: Default::default(),
        audience: Default::default(),
        language: None,
        description: None,
        cover_url: None,
    };
    let command = book::Command::Add { book: id, details: Box::new(details), at: caller.now };
    let stream = id.to_string();
    let done = app.books.framework.execute_with_metadata(&stream, command, of(&caller));
    done.await.map_err(problem)?;
    Ok((StatusCode::CREATED, Body(json!({ "stream": { "type": Book::TYPE, "id": id } }))))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rate {
    score: Score,
}

async fn rate(
    State(app): State<App>,
    caller: Only<Member>,
    Path((kind, id)): Path<(String, Uuid)>,
    Json(Rate { score }): Json<Rate>,
) -> Result<Body<Value>, Problem> {
    let unknown = || Problem::not_found("item-unknown", "there is no book with this id");
    let kind = ItemKind::from_plural(&kind).ok_or_else(unknown)?;
    let mut book = app.books.store.load_aggregate(&id.to_string()).await.map_err(problem)?;
    if !book.aggregate().is_listed() {
        return Err(unknown());
    }
    let rating = RatingId { reader: caller.account, item: ItemId::new(kind, id) };
    let command = rating::Command::Rate { rating, score, at: caller.now };
    let stream = rating.to_string();
    let done = app.ratings.framework.execute_with_metadata(&stream, command, of(&caller));
    done.await.map_err(problem)?;
    Ok(Body(json!({ "stream": { "type": Rating::TYPE, "id": stream } })))
}

fn of(caller: &Only<Member>) -> HashMap<String, String> {
    caller.context().metadata.clone().into_iter().collect()
}

fn problem<R: std::error::Error>(error: AggregateError<R>) -> Problem {
    match error {
        AggregateError::UserError(refusal) => Problem::conflict("refused", refusal),
        AggregateError::AggregateConflict => Problem::busy("busy", "somebody was faster"),
        other => Problem::internal(other),
    }
}

/// The reference as a child of ours. It ends with us, if not sooner.
#[derive(Debug)]
pub struct Reference {
    child: Child,
    pub address: String,
}

impl Reference {
    /// What the reference's database must have: its own table, and those our frame asks.
    pub async fn prepare(database: &Database) -> anyhow::Result<()> {
        let pool = database.pool(1).await?;
        eventstore::migrate(&pool).await?;
        pool.execute(TABLE).await?;
        pool.close().await;
        Ok(())
    }

    pub async fn start(
        options: &Options,
        database: &Database,
        connections: usize,
        data_dir: &std::path::Path,
    ) -> anyhow::Result<Self> {
        let mut command = daybook(&options.program);
        command.args(["bench", "reference", "--database-url", &database.url]);
        command.args(["--connections", &connections.to_string()]);
        command.arg("--signing-keys").arg(data_dir.join("keys/signing_keys"));
        let log = data_dir.join("reference.log");
        let (child, address) = spawn_blocking(move || start(command, &log)).await??;
        Ok(Self { child, address })
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        local_services::signal(self.child.id(), Signal::Terminate);
        let _ = self.child.wait();
    }
}
