//! The parts of the system, wired together: which routes are served and which tasks run.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::http::HeaderValue;
use blobstore::Blobs;
use eventstore::personal::{PersonalKeys, RootKeys};
use eventstore::{Bus, Feed, Log, Reader, relay};
use processes::Providers;
use processes::vectors::TextSearch;
use service_kit::auth::KeyRing;
use service_kit::rates::RatesPerMinute;
use service_kit::{Health, Kit, Site, Slices, access_log};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::backend::Backend;
use crate::custody;
use crate::providers::providers;
use crate::settings::Settings;
use crate::text_model;

/// How long tasks may take to finish their batch once no more requests come.
const TASKS_END_MAX: Duration = Duration::from_secs(2);

const READY_AGAIN: Duration = Duration::from_millis(20);

/// One part of the system. `up` runs all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Takes commands: POST, PUT, PATCH, DELETE
    CommandApi,
    /// Answers questions: GET
    QueryApi,
    /// Fills the read models
    Projections,
    /// Reacts to events with commands
    Processes,
    /// Publishes events to NATS
    Relay,
}

impl Role {
    pub const ALL: [Self; 5] =
        [Self::CommandApi, Self::QueryApi, Self::Projections, Self::Processes, Self::Relay];

    pub const fn name(self) -> &'static str {
        match self {
            Self::CommandApi => "command-api",
            Self::QueryApi => "query-api",
            Self::Projections => "projections",
            Self::Processes => "processes",
            Self::Relay => "relay",
        }
    }
}

/// Serves and works until `shutdown`, then lets requests and batches finish. `when_ready` is told
/// once everything can be used.
pub async fn run(
    roles: &[Role],
    backend: &Backend,
    settings: &Settings,
    listener: TcpListener,
    shutdown: CancellationToken,
    when_ready: oneshot::Sender<Log>,
) -> anyhow::Result<()> {
    allow_many_connections();
    let log = backend.log().await?;
    let bus = backend.bus().await?;
    let feed = Feed::new(log.reader().clone(), bus.clone());
    let kit = Kit::new(
        backend.pool.clone(),
        backend.personal_keys(),
        kit_settings(backend, settings),
        shutdown.clone(),
    );
    let blobs = crate::blobs::open(settings, &backend.data_dir)?;
    let texts = match roles.iter().any(|role| matches!(role, Role::QueryApi | Role::Processes)) {
        true => {
            let vectors = crate::vectors::open(settings, &backend.pool).await?;
            TextSearch { model: text_model::start(settings), vectors }
        }
        false => TextSearch::off("no role here needs it"),
    };
    let command = command_api::App::new(log.clone(), kit.clone(), blobs.clone());
    let read_pool = backend.another_pool().await?;
    let read_keys = backend.personal_keys_on(read_pool.clone());
    let query = query_api::App::new(
        read_pool,
        read_keys,
        kit.clone(),
        feed.clone(),
        blobs.clone(),
        texts.clone(),
        settings.leaderboards.clone(),
    );
    let health = health(roles, backend, bus.clone(), query.clone(), shutdown.clone());
    tokio::spawn(tell_when_ready(health.clone(), log.clone(), when_ready));
    let api = routes(roles, command.clone(), query.clone());
    let site = Site {
        health,
        metrics: Some(service_kit::metrics::install()?),
        cors_origins: origins(settings)?,
        // Behind a gateway all routes are one API, and whoever is asked describes all of it.
        description: Some(service_kit::description(routes(&Role::ALL, command, query.clone()))),
    };
    let site = site.build(api, &kit);

    // Tasks work on while the last requests are answered.
    let work = CancellationToken::new();
    let TextSearch { model: text_model, vectors } = texts;
    let providers = Providers { text_model, vectors, ..providers(settings, blobs)? };
    let means = Means { log, bus, feed, providers, query };
    let mut tasks = start(roles, backend, settings, means, &work).await?;
    if roles.contains(&Role::CommandApi) {
        custody::start(&mut tasks, backend, settings, &work).await?;
    }
    let serving = service_kit::serve(listener, site, shutdown.clone());
    tokio::pin!(serving);
    let served = loop {
        tokio::select! {
            served = &mut serving => break served.context("serving HTTP"),
            Some(ended) = tasks.join_next() => {
                shutdown.cancel();
                match ended {
                    Ok(name) => tracing::error!(task = name, "{name} has ended by itself"),
                    Err(error) => tracing::error!(%error, "a task has ended: {error}"),
                }
            }
        }
    };
    work.cancel();
    let ended =
        tokio::time::timeout(TASKS_END_MAX, async { while tasks.join_next().await.is_some() {} });
    if ended.await.is_err() {
        tracing::warn!("tasks still at work after {TASKS_END_MAX:?} are dropped");
    }
    served
}

/// A connection is an open file, and many systems let a program have 1,024 unless it asks for more.
fn allow_many_connections() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => tracing::debug!(files, "at most {files} files and connections are open"),
        Err(error) => tracing::warn!(%error, "only few connections may be open: {error}"),
    }
}

fn routes(roles: &[Role], command: command_api::App, query: query_api::App) -> OpenApiRouter {
    let mut api = Slices::new();
    if roles.contains(&Role::CommandApi) {
        api = api.merge(command_api::router(command));
    }
    if roles.contains(&Role::QueryApi) {
        api = api.merge(query_api::router(query));
    }
    api.into_router()
}

/// The description of all routes, from a site that serves nobody and asks no database.
pub async fn description() -> anyhow::Result<utoipa::openapi::OpenApi> {
    let pool = PgPool::connect_lazy("postgresql://nobody@localhost/nothing")?;
    let roots = RootKeys { master: [0; 32], lookup: [0; 32] };
    let personal = PersonalKeys::new(pool.clone(), roots);
    let log = Log::open(pool.clone(), personal.clone(), eventstore::Options::default()).await?;
    let ring = KeyRing::parse(&KeyRing::new_line())?;
    let kit = Kit::new(
        pool.clone(),
        personal.clone(),
        service_kit::Settings::new(ring),
        CancellationToken::new(),
    );
    let feed = Feed::new(Reader::new(pool.clone()), None);
    let blobs = Blobs::folder("nowhere".as_ref());
    let query = query_api::App::new(
        pool,
        personal,
        kit.clone(),
        feed,
        blobs.clone(),
        TextSearch::off("nobody asks"),
        query_api::Leaderboards::default(),
    );
    let command = command_api::App::new(log, kit, blobs);
    Ok(service_kit::description(routes(&Role::ALL, command, query)))
}

/// What the tasks work with.
struct Means {
    log: Log,
    bus: Option<Bus>,
    feed: Feed,
    providers: Providers,
    query: query_api::App,
}

async fn start(
    roles: &[Role],
    backend: &Backend,
    settings: &Settings,
    Means { log, bus, feed, providers, query }: Means,
    work: &CancellationToken,
) -> anyhow::Result<JoinSet<&'static str>> {
    let mut tasks = JoinSet::new();
    if roles.contains(&Role::CommandApi) {
        let sweeping = command_api::housekeeping(log.clone(), work.clone());
        tasks.spawn(async move {
            sweeping.await;
            "the housekeeping"
        });
        let days = settings.access_log_days;
        let forgetting = access_log::keep(backend.pool.clone(), days, work.clone());
        tasks.spawn(async move {
            forgetting.await;
            "the log of accesses"
        });
    }
    if roles.contains(&Role::QueryApi) {
        let work = work.clone();
        tasks.spawn(async move {
            query.follow_catalogues(work).await;
            "search by meaning"
        });
    }
    if roles.contains(&Role::Projections) {
        let pool = backend.another_pool().await?;
        let reader = Reader::new(pool.clone());
        let filling = projections::run(pool, reader, feed.clone(), work.clone());
        tasks.spawn(async move {
            filling.await;
            "the projections"
        });
    }
    if roles.contains(&Role::Processes) {
        let reacting = processes::run(log.clone(), feed, providers, work.clone());
        tasks.spawn(async move {
            reacting.await;
            "the processes"
        });
        let fitting = processes::keep_training(log.clone(), settings.training(), work.clone());
        tasks.spawn(async move {
            fitting.await;
            "the trainer"
        });
        let listing = processes::keep_lists(log.clone(), work.clone());
        tasks.spawn(async move {
            listing.await;
            "the weekly lists"
        });
    }
    if roles.contains(&Role::Relay)
        && let Some(bus) = bus
    {
        let relaying = relay(Reader::new(backend.another_pool().await?), bus, work.clone());
        tasks.spawn(async move {
            relaying.await;
            "the relay"
        });
    }
    Ok(tasks)
}

fn kit_settings(backend: &Backend, settings: &Settings) -> service_kit::Settings {
    let rates = RatesPerMinute {
        account: settings.rate_account,
        address: settings.rate_address,
        login: settings.rate_login,
    };
    service_kit::Settings {
        issuer: settings.issuer.clone(),
        audience: settings.audience.clone(),
        rates: settings.rate_limits.then_some(rates),
        proxy_hops: settings.proxy_hops,
        require_idempotency_key: settings.require_idempotency_key,
        ..service_kit::Settings::new(backend.keys.ring.clone())
    }
}

fn origins(settings: &Settings) -> anyhow::Result<Vec<HeaderValue>> {
    let parsed = settings.cors_origins.iter().map(|origin| {
        origin.parse().with_context(|| format!("`{origin}` in cors_origins is no origin"))
    });
    parsed.collect()
}

async fn tell_when_ready(health: Health, log: Log, when_ready: oneshot::Sender<Log>) {
    while !when_ready.is_closed() {
        if health.run().await.iter().all(|checked| checked.ok) {
            let _ = when_ready.send(log);
            return;
        }
        tokio::time::sleep(READY_AGAIN).await;
    }
}

fn health(
    roles: &[Role],
    backend: &Backend,
    bus: Option<Bus>,
    query: query_api::App,
    shutdown: CancellationToken,
) -> Health {
    let pool = backend.pool.clone();
    let database = move || {
        let pool = pool.clone();
        async move {
            let alive = sqlx::query("select 1").execute(&pool).await;
            alive.map(|_| "reachable".to_owned()).map_err(|error| error.to_string())
        }
    };
    let pool = backend.pool.clone();
    let migrations = move || {
        let pool = pool.clone();
        async move {
            let newest = crate::backend::up_to_date(&pool).await;
            newest.map(|()| "up to date".to_owned()).map_err(|error| error.to_string())
        }
    };
    let bus = Arc::new(bus);
    let bus = move || {
        let bus = bus.clone();
        async move {
            match bus.as_ref() {
                None => Ok("log".to_owned()),
                Some(bus) if bus.is_connected() => Ok("nats".to_owned()),
                // Subscriptions read the log meanwhile, so nothing is lost and nothing stops.
                Some(_) => Ok("log, for NATS is away".to_owned()),
            }
        }
    };
    let health = Health::new(shutdown)
        .check("database", database)
        .check("migrations", migrations)
        .check("bus", bus);
    let health = match roles.contains(&Role::Processes) {
        true => {
            let pool = backend.pool.clone();
            health.check("processes", move || {
                let pool = pool.clone();
                async move { processes(&pool).await }
            })
        }
        false => health,
    };
    if !roles.contains(&Role::QueryApi) {
        return health;
    }
    let pool = backend.pool.clone();
    let read_models = move || {
        let pool = pool.clone();
        async move { read_models(&pool).await }
    };
    // Never a reason not to be ready: without it words are found all the same.
    let meaning = move || {
        let query = query.clone();
        async move { Ok(query.told_of_meaning()) }
    };
    health.check("read models", read_models).check("meaning", meaning)
}

/// What is parked stops nobody else: it is said, and the rest is ready.
async fn processes(pool: &PgPool) -> Result<String, String> {
    let all = ::processes::status(pool).await.map_err(|error| error.to_string())?;
    let parked: i64 = all.iter().map(|process| process.parked).sum();
    Ok(match parked {
        0 => "nothing is parked".to_owned(),
        parked => format!("{parked} parked: see `daybook processes`"),
    })
}

/// Questions can be answered once every read model has a build that is live, however far behind:
/// how far shows in each answer.
async fn read_models(pool: &PgPool) -> Result<String, String> {
    let wanted: Vec<&str> = projections::all().iter().map(|projection| projection.name()).collect();
    let missing: Vec<String> = sqlx::query_scalar(
        "select wanted.name from unnest($1::text[]) as wanted (name)
          where not exists (select from projections.builds b
                             where b.name = wanted.name and b.state = 'live')",
    )
    .bind(&wanted)
    .fetch_all(pool)
    .await
    .map_err(|error| error.to_string())?;
    match &missing[..] {
        [] => Ok(format!("{} live", wanted.len())),
        missing => Err(format!("being built: {}", missing.join(", "))),
    }
}
