//! A database with a log of toy events, and workers that can be stopped or killed.

use std::sync::Arc;
use std::time::Duration;

use eventstore::{Bus, Feed, Reader};
use projections::Projection;
use projections::runtime::{Options, ProjectionStatus, run_with, status};
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_secs(15);

pub struct House {
    pub url: String,
    pub pool: PgPool,
    pub reader: Reader,
}

/// Event type, stream id and payload of an event to append.
pub type Toy<'a> = (&'a str, &'a str, String);

/// An event of any slice to append.
pub struct Happened {
    pub aggregate_type: String,
    pub id: String,
    pub event_type: String,
    pub version: String,
    pub payload: String,
}

/// `n` is added to the tally `id`.
pub fn counted(id: &str, n: i64) -> Toy<'_> {
    ("Counted", id, format!(r#"{{"n":{n}}}"#))
}

impl House {
    pub async fn new() -> Self {
        let url = local_services::testing::database_url_from("migrated", |url| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let pool = PgPool::connect(url).await.unwrap();
                eventstore::migrate(&pool).await.unwrap();
                pool.close().await;
            });
        });
        Self::at(url).await
    }

    /// In a database that is migrated already.
    pub async fn at(url: String) -> Self {
        let pool = pool(&url).await;
        Self { url, reader: Reader::new(pool.clone()), pool }
    }

    /// Appends to streams of type `tally`.
    pub async fn append(&self, events: &[Toy<'_>]) -> i64 {
        self.append_to("tally", "1.0.0", events).await
    }

    pub async fn append_to(&self, aggregate_type: &str, version: &str, events: &[Toy<'_>]) -> i64 {
        let events = events.iter().map(|(event_type, id, payload)| Happened {
            aggregate_type: aggregate_type.to_owned(),
            id: (*id).to_owned(),
            event_type: (*event_type).to_owned(),
            version: version.to_owned(),
            payload: payload.clone(),
        });
        self.record(events.collect()).await
    }

    /// Appends events of any streams as one commit.
    pub async fn record(&self, events: Vec<Happened>) -> i64 {
        let column = |of: fn(&Happened) -> &str| -> Vec<&str> { events.iter().map(of).collect() };
        sqlx::query_scalar(
            "with head as (select coalesce(max(last_position), 0) as position
                           from eventstore.commits),
                  new as (
                 insert into eventstore.events
                 select kind, id, coalesce(stream.sequence, 0)
                                  + row_number() over (partition by kind, id order by place),
                        type, version, payload::json, '{}', head.position + place, clock_timestamp()
                 from head, unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
                            with ordinality as event (kind, id, type, version, payload, place)
                 left join lateral (select max(sequence) as sequence from eventstore.events
                                    where aggregate_type = kind and aggregate_id = id) stream on true
                 returning position)
             insert into eventstore.commits
             select max(position), min(position), '', clock_timestamp() from new
             returning last_position, pg_notify('daybook_appended', last_position::text)",
        )
        .bind(column(|event| &event.aggregate_type))
        .bind(column(|event| &event.id))
        .bind(column(|event| &event.event_type))
        .bind(column(|event| &event.version))
        .bind(column(|event| &event.payload))
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    /// What a restore of an old backup does: everything after a position never was.
    pub async fn lose_commits_after(&self, position: i64) {
        self.execute(&format!(
            "begin;
             set local session_replication_role = 'replica';
             delete from eventstore.events where position > {position};
             delete from eventstore.commits where last_position > {position};
             insert into eventstore.commits
             values ({position}, {position}, '', clock_timestamp()) on conflict do nothing;
             commit"
        ))
        .await;
    }

    /// A program that runs these projections.
    pub async fn start(&self, projections: Vec<Arc<dyn Projection>>) -> Program {
        let options = Options {
            retired_kept: Duration::from_millis(500),
            parked_wait: Duration::from_secs(3600),
            ..Options::default()
        };
        self.start_with(projections, None, options).await
    }

    pub async fn start_with(
        &self,
        projections: Vec<Arc<dyn Projection>>,
        bus: Option<Bus>,
        options: Options,
    ) -> Program {
        self.start_at(&self.url, projections, bus, options).await
    }

    /// A program whose way to the database is another one.
    pub async fn start_at(
        &self,
        url: &str,
        projections: Vec<Arc<dyn Projection>>,
        bus: Option<Bus>,
        options: Options,
    ) -> Program {
        let pool = pool(url).await;
        let shutdown = CancellationToken::new();
        let reader = Reader::new(pool.clone());
        let feed = Feed::new(reader.clone(), bus);
        let run = run_with(pool, reader, feed, projections, options, shutdown.clone());
        Program { shutdown, task: tokio::spawn(run) }
    }

    pub async fn status(&self, name: &str) -> Vec<ProjectionStatus> {
        let all = status(&self.pool).await.unwrap();
        all.into_iter().filter(|status| status.name == name).collect()
    }

    /// The live build, once `good` says it is as expected.
    pub async fn live_when(
        &self,
        name: &str,
        good: impl Fn(&ProjectionStatus) -> bool,
    ) -> ProjectionStatus {
        self.live_within(DEADLINE, name, good).await
    }

    pub async fn live_within(
        &self,
        limit: Duration,
        name: &str,
        good: impl Fn(&ProjectionStatus) -> bool,
    ) -> ProjectionStatus {
        let deadline = Instant::now() + limit;
        loop {
            let builds = self.status(name).await;
            let live = builds.iter().find(|build| build.live_at.is_some());
            if let Some(live) = live.filter(|live| good(live)) {
                return live.clone();
            }
            assert!(Instant::now() < deadline, "waited in vain; the builds are {builds:#?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until the live build has scanned the whole log.
    pub async fn caught_up(&self, name: &str) -> ProjectionStatus {
        self.live_when(name, |live| live.lag_events == 0).await
    }

    pub async fn tallies(&self) -> Vec<(String, i64)> {
        sqlx::query_as("select id, total from readmodel.tallies order by id")
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    pub async fn execute(&self, statement: &str) {
        sqlx::raw_sql(statement).execute(&self.pool).await.unwrap();
    }

    /// Waits until a question answers true.
    pub async fn until(&self, question: &str) {
        let deadline = Instant::now() + DEADLINE;
        while !sqlx::query_scalar::<_, bool>(question).fetch_one(&self.pool).await.unwrap() {
            assert!(Instant::now() < deadline, "waited in vain for: {question}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn pool(url: &str) -> PgPool {
    eventstore::pool_options(10).connect(url).await.unwrap()
}

/// A running worker process.
pub struct Program {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Program {
    /// As SIGTERM does.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }

    /// As `kill -9` does: nothing is given back.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}
