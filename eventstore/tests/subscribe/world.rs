//! A database, a stream and the programs around them, for one test.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use eventstore::bus::StreamStatus;
use eventstore::{
    Batch, Bus, BusOptions, Feed, Following, Reader, RecordedEvent, SubscribeError, Subscription,
};
use local_services::testing;
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgConnection, PgPool};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Nothing here takes a tenth of this unless it hangs.
pub const DEADLINE: Duration = Duration::from_secs(60);
/// How often a condition is looked at that nothing announces.
pub const POLL: Duration = Duration::from_millis(10);

/// A log of its own, and a stream of its own if there is a nats-server.
pub struct World {
    pub pool: PgPool,
    pub reader: Reader,
    pub bus: Option<Bus>,
    /// Subscribers share it, where there is one.
    feed: Option<Feed>,
    nats: Option<(String, BusOptions)>,
    relays: Vec<DropGuard>,
}

impl World {
    /// A log alone.
    pub async fn without_bus() -> Self {
        let url = testing::database_url_from("subscribe", |url| {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let pool = PgPool::connect(url).await.unwrap();
                eventstore::migrate(&pool).await.unwrap();
                pool.close().await;
            });
        });
        let pool = PgPoolOptions::new().max_connections(20).connect(&url).await.unwrap();
        let reader = Reader::new(pool.clone());
        Self { pool, reader, bus: None, feed: None, nats: None, relays: Vec::new() }
    }

    /// A log and a relay that publishes it; none, said aloud, without a nats-server.
    pub async fn with_relay() -> Option<Self> {
        let mut world = Self::with_bus().await?;
        world.start_relay().await;
        Some(world)
    }

    /// A log, a relay that publishes it, and one subscription that all share.
    pub async fn with_feed() -> Option<Self> {
        let mut world = Self::with_relay().await?;
        world.feed = Some(Feed::new(world.reader.clone(), world.bus.clone()));
        Some(world)
    }

    /// A log and a bus that nobody publishes to yet.
    pub async fn with_bus() -> Option<Self> {
        let nats = testing::nats()?;
        Some(Self::without_bus().await.on(&nats).await)
    }

    /// The same log with a stream on this server.
    pub async fn on(mut self, nats: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let options = BusOptions {
            stream: format!("TEST_{}_{number}", std::process::id()),
            stream_bytes_max: 256 << 20,
            ..BusOptions::default()
        };
        self.bus = Some(Bus::connect_with(nats, options.clone()).await.unwrap());
        self.nats = Some((nats.to_owned(), options));
        self
    }

    /// One more relay, with a connection of its own.
    pub async fn start_relay(&mut self) {
        let (nats, options) = self.nats.clone().unwrap();
        let bus = Bus::connect_with(&nats, options).await.unwrap();
        let shutdown = CancellationToken::new();
        tokio::spawn(eventstore::relay(self.reader.clone(), bus, shutdown.clone()));
        self.relays.push(shutdown.drop_guard());
    }

    pub fn stop_relays(&mut self) {
        self.relays.clear();
    }

    pub async fn subscribe(&self, from: i64) -> Follower {
        let subscription = match &self.feed {
            Some(feed) => Way::Shared(feed.follow(from)),
            None => {
                Way::Own(Subscription::start(self.reader.clone(), self.bus.clone(), from).await)
            }
        };
        Follower { subscription, received: Vec::new() }
    }

    /// Appends events as one commit and gives the last position.
    pub async fn append(&self, events: i64) -> i64 {
        self.append_sized(events, 200).await
    }

    pub async fn append_sized(&self, events: i64, bytes: i32) -> i64 {
        let mut transaction = self.pool.begin().await.unwrap();
        let last = append(&mut transaction, events, bytes).await;
        transaction.commit().await.unwrap();
        last
    }

    /// What a restore of an old backup does: everything after a position never was.
    pub async fn lose_commits_after(&self, position: i64) {
        self.replace_after(position, 0).await;
    }

    /// A restored log that has gone on with other events before anybody looked.
    pub async fn replace_after(&self, position: i64, events: i64) {
        let mut transaction = self.pool.begin().await.unwrap();
        for statement in [
            "set local session_replication_role = 'replica'",
            &format!("delete from eventstore.events where position > {position}"),
            &format!("delete from eventstore.commits where last_position > {position}"),
            &format!(
                "insert into eventstore.commits (last_position, first_position, hash, recorded_at)
                 values ({position}, {position}, ''::bytea, now()) on conflict do nothing"
            ),
        ] {
            sqlx::query(statement).execute(&mut *transaction).await.unwrap();
        }
        if events > 0 {
            append(&mut transaction, events, 200).await;
        }
        transaction.commit().await.unwrap();
    }

    pub async fn log(&self) -> Vec<RecordedEvent> {
        self.reader.page(0, i64::MAX).await.unwrap()
    }

    /// Waits until the stream is healthy and ends where the log does.
    pub async fn stream_complete(&self) -> StreamStatus {
        let bus = self.bus.as_ref().unwrap();
        let mut seen = String::new();
        let deadline = Instant::now() + DEADLINE;
        while Instant::now() < deadline {
            let head = self.reader.head().await.unwrap();
            let status = bus.status(&self.reader).await;
            match status {
                Ok(Some(status)) if status.fault.is_none() && status.last == head => return status,
                other => seen = format!("head {head}, {other:?}"),
            }
            tokio::time::sleep(POLL).await;
        }
        panic!("the stream does not get there: {seen}");
    }

    /// A client that knows nothing of us, to do things to the stream that we never do.
    pub async fn stranger(&self) -> async_nats::jetstream::Context {
        let (nats, _) = self.nats.as_ref().unwrap();
        let server: async_nats::ServerAddr = nats.parse().unwrap();
        let (user, password) = (server.username().unwrap(), server.password().unwrap());
        let login =
            async_nats::ConnectOptions::with_user_and_password(user.into(), password.into());
        async_nats::jetstream::new(login.connect(server).await.unwrap())
    }

    pub fn stream_name(&self) -> &str {
        &self.nats.as_ref().unwrap().1.stream
    }

    /// A subject of this world's stream.
    pub fn subject(&self) -> String {
        format!("{}.events.sample.Sampled", self.stream_name().to_lowercase())
    }
}

/// Writes rows as the append does, but for the hash chain, which nobody here looks at.
async fn append(transaction: &mut PgConnection, events: i64, bytes: i32) -> i64 {
    let (first, last): (i64, i64) = sqlx::query_as(
        r#"
        with head as (
            select coalesce(max(last_position), 0) as position from eventstore.commits
        ), inserted as (
            insert into eventstore.events (aggregate_type, aggregate_id, sequence, event_type,
                event_version, payload, metadata, position, recorded_at)
            select 'sample', gen_random_uuid()::text, 1, 'Sampled', '1.0.0',
                   json_build_object('number', number, 'text', repeat('ü"', $2 / 4)),
                   E'{"actor": "50 % \\"tests\\"",\n "command_id": "ä"}'::json,
                   head.position + number, clock_timestamp()
            from head, generate_series(1, $1) as number
            returning position
        )
        select min(position), max(position) from inserted
        "#,
    )
    .bind(events)
    .bind(bytes)
    .fetch_one(&mut *transaction)
    .await
    .unwrap();
    sqlx::query(
        "insert into eventstore.commits (last_position, first_position, hash, recorded_at)
         values ($1, $2, ''::bytea, clock_timestamp())",
    )
    .bind(last)
    .bind(first)
    .execute(&mut *transaction)
    .await
    .unwrap();
    sqlx::query("select pg_notify('daybook_appended', '')").execute(transaction).await.unwrap();
    last
}

/// How events come to a follower.
pub enum Way {
    Own(Subscription),
    Shared(Following),
}

impl Way {
    pub async fn next(&mut self) -> Result<Batch, SubscribeError> {
        match self {
            Self::Own(subscription) => subscription.next().await,
            Self::Shared(following) => following.next().await,
        }
    }

    fn position(&self) -> i64 {
        match self {
            Self::Own(subscription) => subscription.position(),
            Self::Shared(following) => following.position(),
        }
    }
}

/// A subscription and what came from it.
pub struct Follower {
    pub subscription: Way,
    pub received: Vec<RecordedEvent>,
}

impl Follower {
    pub fn position(&self) -> i64 {
        self.subscription.position()
    }

    /// Receives until a position has been delivered.
    pub async fn until(&mut self, position: i64) {
        while self.position() < position {
            let next = tokio::time::timeout(DEADLINE, self.subscription.next()).await;
            let here = self.position();
            let batch = next.unwrap_or_else(|_| panic!("waits at {here} for {position}")).unwrap();
            self.received.extend(batch.iter().cloned());
        }
    }

    /// Receives until the subscription ends.
    pub async fn until_it_ends(&mut self) -> SubscribeError {
        loop {
            match tokio::time::timeout(DEADLINE, self.subscription.next()).await.unwrap() {
                Ok(batch) => self.received.extend(batch.iter().cloned()),
                Err(error) => return error,
            }
        }
    }

    /// Everything the log holds after a position, once, in order, byte for byte.
    pub async fn received_all_after(&self, from: i64, world: &World) {
        let log = world.reader.page(from, i64::MAX).await.unwrap();
        let positions =
            |events: &[RecordedEvent]| events.iter().map(|e| e.position).collect::<Vec<_>>();
        assert_eq!(positions(&self.received), positions(&log));
        assert!(self.received == log, "an event differs from the log's");
    }
}
