//! The parts of the system, wired together: which routes are served and which tasks run.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::http::HeaderValue;
use eventstore::personal::{PersonalKeys, RootKeys};
use eventstore::{Bus, Log, Reader, relay};
use service_kit::auth::KeyRing;
use service_kit::rates::RatesPerMinute;
use service_kit::{Health, Kit, Site};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::backend::Backend;
use crate::settings::Settings;

/// How long tasks may take to finish their batch once no more requests come.
const TASKS_END_MAX: Duration = Duration::from_secs(2);

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
}

/// Serves and works until `shutdown`, then lets requests and batches finish.
pub async fn run(
    roles: &[Role],
    backend: &Backend,
    settings: &Settings,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let log = backend.log().await?;
    let bus = backend.bus().await?;
    let kit = Kit::new(backend.pool.clone(), kit_settings(backend, settings), shutdown.clone());
    let site = Site {
        health: health(backend, bus.clone(), shutdown.clone()),
        metrics: Some(service_kit::metrics::install()?),
        cors_origins: origins(settings)?,
    };
    let api = routes(roles, &log, &kit);
    let site = site.build(api, &kit);

    // Tasks work on while the last requests are answered.
    let work = CancellationToken::new();
    let mut tasks = start(roles, backend, &log, bus, &work).await?;
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

fn routes(roles: &[Role], log: &Log, kit: &Kit) -> OpenApiRouter {
    let mut api = OpenApiRouter::new();
    if roles.contains(&Role::CommandApi) {
        api = api.merge(command_api::router(command_api::App::new(log.clone(), kit.clone())));
    }
    api
}

/// The description of all routes, from a site that serves nobody and asks no database.
pub async fn description() -> anyhow::Result<utoipa::openapi::OpenApi> {
    let pool = sqlx::PgPool::connect_lazy("postgresql://nobody@localhost/nothing")?;
    let roots = RootKeys { master: [0; 32], lookup: [0; 32] };
    let personal = PersonalKeys::new(pool.clone(), roots);
    let log = Log::open(pool.clone(), personal, eventstore::Options::default()).await?;
    let ring = KeyRing::parse(&KeyRing::new_line())?;
    let kit = Kit::new(pool, service_kit::Settings::new(ring), CancellationToken::new());
    Ok(service_kit::description(routes(&Role::ALL, &log, &kit)))
}

async fn start(
    roles: &[Role],
    backend: &Backend,
    log: &Log,
    bus: Option<Bus>,
    work: &CancellationToken,
) -> anyhow::Result<JoinSet<&'static str>> {
    let mut tasks = JoinSet::new();
    if roles.contains(&Role::CommandApi) {
        let sweeping = command_api::housekeeping(log.clone(), work.clone());
        tasks.spawn(async move {
            sweeping.await;
            "the housekeeping"
        });
    }
    if roles.contains(&Role::Relay)
        && let Some(bus) = bus.clone()
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

fn health(backend: &Backend, bus: Option<Bus>, shutdown: CancellationToken) -> Health {
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
    Health::new(shutdown)
        .check("database", database)
        .check("migrations", migrations)
        .check("bus", bus)
}
