//! Processes against a real log, killed and revived; payments by a real server.

mod assistant;
mod completion;
mod crashes;
mod embedding;
mod exports;
mod gate;
mod letters;
mod outcomes;
mod parking;
mod payment;
mod provider;
mod publication;
mod scarcity;
mod speaker;
mod texts;
mod training;
mod victim;
mod watched;
mod weekly;

use std::sync::Arc;
use std::time::Duration;

use domain::fulfilment::{Fulfilment, State};
use domain::order::{Order, Status, samples};
use domain::samples::{ada, at, pounds, quantity};
use domain::stock::{Command as StockCommand, Level, Stock};
use domain::{OrderId, ProductId, Recorded};
use eventstore::personal::{PersonalKeys, RootKeys};
use eventstore::{Context, Feed, Log, Options, Reader};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::cause::Cause;
use crate::fulfilment::OrderFulfilment;
use crate::payment::{HttpPayment, NoPaymentNeeded};
use crate::process::{Process, Providers};

const DEADLINE: Duration = Duration::from_secs(60);

/// One database, and any number of programs on it.
struct Shop {
    url: String,
    log: Log,
}

impl Shop {
    async fn open() -> Self {
        let url = local_services::testing::database_url_from("processes", |url| {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
            runtime.block_on(async {
                let pool = PgPool::connect(url).await.expect("the test database is reachable");
                eventstore::migrate(&pool).await.expect("the migrations run");
                pool.close().await;
            });
        });
        let log = program(&url).await;
        Self { url, log }
    }

    async fn execute<A: Recorded>(&self, id: impl std::fmt::Display, command: A::Command) {
        let key = uuid::Uuid::now_v7().to_string();
        let context = Context::system("test", key, at(0));
        let result = self.log.execute::<A>(id, command, &context).await;
        result.unwrap_or_else(|error| panic!("{error}"));
    }

    async fn receive(&self, product: ProductId, pieces: u32) {
        let quantity = quantity(pieces);
        let command = StockCommand::Receive { product, quantity, reason: None, at: at(0) };
        self.execute::<Stock>(product, command).await;
    }

    async fn place(&self, order: OrderId, pieces: &[(ProductId, u32)]) {
        let line =
            |(product, pieces): &(ProductId, u32)| samples::line(*product, *pieces, pounds(5));
        let lines = pieces.iter().map(line).collect();
        self.execute::<Order>(order, samples::place(order, lines)).await;
    }

    async fn cancel(&self, order: OrderId) {
        let (by, as_merchandiser, at) = (ada(), false, at(1));
        let command = domain::order::Command::Cancel { order, by, as_merchandiser, at };
        self.execute::<Order>(order, command).await;
    }

    async fn history<A: Recorded>(&self, id: impl std::fmt::Display) -> (A, Vec<A::Event>) {
        let events = self.log.events_of::<A>(&id.to_string()).await;
        let events = events.unwrap_or_else(|error| panic!("{error}"));
        let mut state = A::default();
        for event in events.clone() {
            state.apply(event);
        }
        (state, events)
    }

    async fn level(&self, product: ProductId) -> (i64, i64) {
        let Level { on_hand, reserved } = self.history::<Stock>(product).await.0.level();
        (on_hand, reserved)
    }

    async fn status(&self, order: OrderId) -> Option<Status> {
        self.history::<Order>(order).await.0.status()
    }

    async fn fulfilment(&self, order: OrderId) -> State {
        self.history::<Fulfilment>(order).await.0.state()
    }

    async fn head(&self) -> i64 {
        self.log.reader().head().await.expect("the log has an end")
    }

    /// Up to where a process has nothing left to do.
    async fn checkpoint(&self, process: &str) -> i64 {
        sqlx::query_scalar("select position from processes.checkpoints where name = $1")
            .bind(process)
            .fetch_one(self.log.pool())
            .await
            .expect("the process is installed")
    }

    /// These projections, kept up to date.
    async fn read_models(&self, names: &[&str]) -> Running {
        let log = program(&self.url).await;
        let wanted = projections::all().into_iter().filter(|it| names.contains(&it.name()));
        let wanted: Vec<Arc<_>> = wanted.map(Arc::from).collect();
        let (count, options) = (wanted.len() as i64, projections::Options::default());
        let (pool, reader) = (log.pool().clone(), log.reader().clone());
        let (feed, shutdown) = (Feed::new(reader.clone(), None), CancellationToken::new());
        let running = Running(tokio::spawn(async move {
            projections::runtime::run_with(pool, reader, feed, wanted, options, shutdown).await;
        }));
        let are_live = async || {
            let live = sqlx::query_scalar("select count(*) = $1 from projections.live").bind(count);
            live.fetch_one(self.log.pool()).await.expect("the projections are installed")
        };
        self.until("the read models are live", are_live).await;
        running
    }

    /// Waits for the log to grow until it is so.
    async fn until<F: Future<Output = bool>>(&self, what: &str, so: impl Fn() -> F) {
        let waiting = async {
            let mut tail = self.log.reader().tail().await.expect("the log can be listened to");
            loop {
                let head = self.head().await;
                if so().await {
                    return;
                }
                drop(tail.wait_past(head, Duration::from_millis(200)).await);
            }
        };
        assert!(timeout(DEADLINE, waiting).await.is_ok(), "waited in vain until {what}");
    }

    async fn until_status(&self, order: OrderId, status: Status) {
        self.until(&format!("{order} is {status:?}"), async || {
            self.status(order).await == Some(status)
        })
        .await;
    }

    async fn until_state(&self, order: OrderId, state: State) {
        self.until(&format!("fulfilment of {order} is {state:?}"), async || {
            self.fulfilment(order).await == state
        })
        .await;
    }
}

/// What another program sees of the log, and does to it.
async fn program(url: &str) -> Log {
    let pool = PgPoolOptions::new().max_connections(8).connect(url).await;
    let pool = pool.expect("the database is reachable");
    let keys = PersonalKeys::new(pool.clone(), RootKeys { master: [1; 32], lookup: [2; 32] });
    Log::open(pool, keys, Options::default()).await.expect("the log opens")
}

struct Running(JoinHandle<()>);

impl Drop for Running {
    /// As a killed program: in the middle of whatever it was doing.
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn run(log: &Log) -> Running {
    running(log, Providers::default())
}

fn run_with(log: &Log, payment: HttpPayment) -> Running {
    running(log, Providers { payment: Arc::new(payment), ..Providers::default() })
}

fn running(log: &Log, providers: Providers) -> Running {
    let feed = Feed::new(log.reader().clone(), None);
    Running(tokio::spawn(crate::run(log.clone(), feed, providers, CancellationToken::new())))
}

/// What needs no payment.
fn unpaid() -> OrderFulfilment {
    OrderFulfilment::new(Arc::new(NoPaymentNeeded))
}

async fn causes(reader: &Reader) -> Vec<Cause> {
    let events = reader.page(0, 1_000).await.expect("the log can be read");
    let fulfilment = unpaid();
    let causes = events.iter().filter(|event| fulfilment.reacts_to(event));
    causes.map(|event| Cause::of(fulfilment.name(), event).expect("events decode")).collect()
}
