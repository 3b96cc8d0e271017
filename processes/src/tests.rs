//! Order fulfilment against a real log, killed and revived.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::fulfilment::{Fulfilment, State};
use domain::order::{Event, Order, Reason, Status, samples};
use domain::samples::{ada, at, order, pounds, product, quantity};
use domain::stock::{Command as StockCommand, Level, Stock};
use domain::{OrderId, ProductId, Recorded};
use eventstore::personal::{PersonalKeys, RootKeys};
use eventstore::{Context, Log, Options, Reader};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::cause::Cause;

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
        let command = domain::order::Command::Cancel { order, by: ada(), at: at(1) };
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

    /// Waits for the log to grow until it is so.
    async fn until<F: Future<Output = bool>>(&self, what: &str, so: impl Fn() -> F) {
        let waiting = async {
            let mut tail = self.log.reader().tail().await.expect("the log can be listened to");
            loop {
                let head = self.log.reader().head().await.expect("the log has an end");
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
    Running(tokio::spawn(crate::run(log.clone(), None, CancellationToken::new())))
}

#[tokio::test]
async fn an_order_is_confirmed_once_everything_is_reserved() {
    let shop = Shop::open().await;
    let _running = run(&shop.log);
    shop.receive(product(1), 10).await;
    shop.receive(product(2), 10).await;
    shop.place(order(1), &[(product(1), 4), (product(2), 1), (product(1), 2)]).await;

    shop.until_state(order(1), State::Confirmed).await;
    assert_eq!(shop.status(order(1)).await, Some(Status::Confirmed));
    assert_eq!(shop.level(product(1)).await, (10, 6), "lines about one product are one need");
    assert_eq!(shop.level(product(2)).await, (10, 1));
}

#[tokio::test]
async fn an_order_that_cannot_be_filled_releases_everything_and_says_why() {
    let shop = Shop::open().await;
    let _running = run(&shop.log);
    shop.receive(product(1), 10).await;
    shop.receive(product(2), 1).await;
    shop.place(order(1), &[(product(1), 4), (product(2), 2), (product(3), 1)]).await;

    shop.until_status(order(1), Status::Rejected).await;
    assert_eq!(shop.level(product(1)).await, (10, 0));
    assert_eq!(shop.level(product(2)).await, (1, 0));
    let (_, events) = shop.history::<Order>(order(1)).await;
    let Some(Event::OrderRejected { reason: Reason::OutOfStock { short }, .. }) = events.last()
    else {
        panic!("{events:?}");
    };
    let said: Vec<_> =
        short.iter().map(|short| (short.product, short.wanted, short.available)).collect();
    assert_eq!(said, [(product(2), 2, 1), (product(3), 1, 0)]);
}

#[tokio::test]
async fn a_cancelled_order_gives_back_what_was_reserved() {
    let shop = Shop::open().await;
    let _running = run(&shop.log);
    shop.receive(product(1), 10).await;
    shop.place(order(1), &[(product(1), 4)]).await;
    shop.until_status(order(1), Status::Confirmed).await;
    shop.cancel(order(1)).await;

    shop.until_state(order(1), State::Released).await;
    assert_eq!(shop.level(product(1)).await, (10, 0));
}

#[tokio::test]
async fn an_order_cancelled_before_anybody_looked_at_it_keeps_nothing() {
    let shop = Shop::open().await;
    shop.receive(product(1), 10).await;
    shop.place(order(1), &[(product(1), 4)]).await;
    shop.cancel(order(1)).await;

    let _running = run(&shop.log);
    shop.until_state(order(1), State::Released).await;
    assert_eq!(shop.status(order(1)).await, Some(Status::Cancelled));
    assert_eq!(shop.level(product(1)).await, (10, 0));
}

#[tokio::test]
async fn shipping_an_order_ships_its_stock() {
    let shop = Shop::open().await;
    let _running = run(&shop.log);
    shop.receive(product(1), 10).await;
    shop.place(order(1), &[(product(1), 4)]).await;
    shop.until_status(order(1), Status::Confirmed).await;
    let ship = domain::order::Command::Ship { order: order(1), at: at(2) };
    shop.execute::<Order>(order(1), ship).await;

    shop.until_state(order(1), State::Shipped).await;
    assert_eq!(shop.level(product(1)).await, (6, 0));
}

#[tokio::test]
async fn orders_in_a_rush_never_get_more_than_there_is() {
    let shop = Shop::open().await;
    let _running = run(&shop.log);
    shop.receive(product(1), 10).await;
    shop.receive(product(2), 100).await;
    let orders: Vec<OrderId> = (1..=30).map(order).collect();
    let lines = [(product(1), 1), (product(2), 1)];
    futures::future::join_all(orders.iter().map(|order| shop.place(*order, &lines))).await;

    shop.until("every order is decided", async || {
        let mut decided = 0;
        for order in &orders {
            decided += i32::from(shop.status(*order).await != Some(Status::Pending));
        }
        decided == 30
    })
    .await;
    let mut counts: BTreeMap<&str, i32> = BTreeMap::new();
    for order in &orders {
        let status = shop.status(*order).await.expect("it was placed");
        *counts.entry(status.name()).or_default() += 1;
    }
    assert_eq!(counts, BTreeMap::from([("CONFIRMED", 10), ("REJECTED", 20)]));
    assert_eq!(shop.level(product(1)).await, (10, 10));
    assert_eq!(shop.level(product(2)).await, (100, 10), "the rejected gave theirs back");
}

#[tokio::test]
async fn an_order_of_1114_lines_is_confirmed() {
    let shop = Shop::open().await;
    let products: Vec<ProductId> = (1..=1_114).map(product).collect();
    futures::future::join_all(products.iter().map(|product| shop.receive(*product, 5))).await;
    let lines: Vec<_> = products.iter().map(|product| (*product, 2)).collect();
    shop.place(order(1), &lines).await;

    let _running = run(&shop.log);
    shop.until_state(order(1), State::Confirmed).await;
    for product in [products[0], products[500], products[1_113]] {
        assert_eq!(shop.level(product).await, (5, 2));
    }
}

/// A program that is only there to be killed by the test below; by itself it has nothing to do.
#[tokio::test]
async fn a_program_of_its_own_runs_until_it_is_killed() {
    if let Ok(url) = std::env::var(VICTIM) {
        crate::run(program(&url).await, None, CancellationToken::new()).await;
    }
}

const VICTIM: &str = "DAYBOOK_TEST_RUN_PROCESSES_ON";

/// Ends as by `kill -9`.
struct Victim(std::process::Child);

impl Victim {
    fn start(url: &str) -> Self {
        let this = std::env::current_exe().expect("a test has a program");
        let mut command = std::process::Command::new(this);
        command.args(["--exact", "tests::a_program_of_its_own_runs_until_it_is_killed"]);
        command.env(VICTIM, url).stdout(std::process::Stdio::null());
        let child = local_services::spawn_bound_to_us(command, local_services::Signal::Kill);
        Self(child.expect("the test's program starts"))
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).expect("it was still running");
    }
}

/// Killed again and again, each time after a few more events; the next knows only the log.
#[tokio::test]
async fn whatever_is_killed_at_any_step_the_next_program_finishes() {
    let shop = Shop::open().await;
    shop.receive(product(1), 10).await;
    shop.receive(product(2), 3).await;
    shop.place(order(1), &[(product(1), 4), (product(2), 1)]).await;
    shop.place(order(2), &[(product(1), 4), (product(2), 5)]).await;
    shop.place(order(3), &[(product(1), 2)]).await;
    shop.cancel(order(3)).await;

    let done = async || {
        shop.fulfilment(order(1)).await == State::Confirmed
            && shop.status(order(2)).await == Some(Status::Rejected)
            && shop.fulfilment(order(3)).await == State::Released
    };
    let mut programs = 0;
    while !done().await {
        let before = shop.log.reader().head().await.expect("the log has an end");
        let victim = Victim::start(&shop.url);
        shop.until("it did something", async || {
            shop.log.reader().head().await.expect("the log has an end") > before || done().await
        })
        .await;
        drop(victim);
        programs += 1;
        assert!(programs < 100, "it goes in circles");
    }
    assert!(programs > 1, "it was not killed in the middle");
    assert_eq!(shop.level(product(1)).await, (10, 4));
    assert_eq!(shop.level(product(2)).await, (3, 1));
}

/// Without taking turns, as after a lost connection that nobody has noticed.
#[tokio::test]
async fn two_programs_at_once_do_everything_once() {
    let shop = Shop::open().await;
    let other = program(&shop.url).await;
    shop.receive(product(1), 10).await;
    shop.receive(product(2), 1).await;
    shop.place(order(1), &[(product(1), 4), (product(2), 2)]).await;
    shop.place(order(2), &[(product(1), 3), (product(2), 1)]).await;

    for cause in causes(shop.log.reader()).await {
        let (one, two) = tokio::join!(
            crate::fulfilment::react(&shop.log, &cause),
            crate::fulfilment::react(&other, &cause),
        );
        assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
    }
    assert_eq!(shop.status(order(1)).await, Some(Status::Rejected));
    assert_eq!(shop.fulfilment(order(1)).await, State::Released);
    assert_eq!(shop.fulfilment(order(2)).await, State::Confirmed);
    assert_eq!(shop.level(product(1)).await, (10, 3));
    assert_eq!(shop.level(product(2)).await, (1, 1));
}

#[tokio::test]
async fn doing_it_again_appends_nothing() {
    let shop = Shop::open().await;
    shop.receive(product(1), 10).await;
    shop.place(order(1), &[(product(1), 4), (product(2), 2)]).await;
    shop.place(order(2), &[(product(1), 4)]).await;
    shop.cancel(order(2)).await;
    let causes = causes(shop.log.reader()).await;
    assert_eq!(causes.len(), 3);
    for cause in &causes {
        crate::fulfilment::react(&shop.log, cause).await.expect("it works");
    }
    let head = shop.log.reader().head().await.expect("the log has an end");

    let other = program(&shop.url).await;
    for cause in &causes {
        crate::fulfilment::react(&other, cause).await.expect("it works again");
    }
    assert_eq!(shop.log.reader().head().await.expect("the log has an end"), head);
}

#[tokio::test]
async fn only_one_program_at_a_time_is_active_and_another_takes_over() {
    let shop = Shop::open().await;
    let first = run(&program(&shop.url).await);
    shop.receive(product(1), 10).await;
    shop.place(order(1), &[(product(1), 1)]).await;
    shop.until_state(order(1), State::Confirmed).await;

    let _second = run(&program(&shop.url).await);
    drop(first);
    shop.place(order(2), &[(product(1), 1)]).await;
    shop.until_state(order(2), State::Confirmed).await;
    assert_eq!(shop.level(product(1)).await, (10, 2));
}

#[tokio::test]
async fn a_new_process_starts_at_the_head_of_the_log() {
    let shop = Shop::open().await;
    shop.receive(product(1), 10).await;
    let head = shop.log.reader().head().await.expect("the log has an end");
    let fresh = crate::checkpoint::load(shop.log.reader(), "another").await;
    assert_eq!(fresh.ok(), Some(head));
    // The fulfilment was installed with the database, before anything happened.
    let installed = crate::checkpoint::load(shop.log.reader(), crate::fulfilment::NAME).await;
    assert_eq!(installed.ok(), Some(0));
}

#[tokio::test]
async fn what_follows_from_imported_history_happens_at_its_time() {
    let shop = Shop::open().await;
    shop.receive(product(1), 10).await;
    let context = Context::system("import:test", "row 1".into(), at(0)).with("source", "import");
    let lines = vec![samples::line(product(1), 1, pounds(5))];
    let placed = shop.log.execute::<Order>(order(1), samples::place(order(1), lines), &context);
    assert!(placed.await.is_ok());
    for cause in causes(shop.log.reader()).await {
        crate::fulfilment::react(&shop.log, &cause).await.expect("it works");
    }

    let (_, events) = shop.history::<Order>(order(1)).await;
    let Some(Event::OrderConfirmed { at: confirmed, .. }) = events.last() else {
        panic!("{events:?}");
    };
    assert_eq!(*confirmed, at(0));
    let recorded = shop.log.reader().page(0, 100).await.expect("the log can be read");
    let confirmed = recorded.iter().find(|event| event.event_type == "OrderConfirmed");
    let metadata = confirmed.expect("it was confirmed").metadata();
    assert_eq!(metadata["source"], "import");
    assert_eq!(metadata["causation_id"], "row 1");
    assert_eq!(metadata["actor"], "process:fulfilment");
}

async fn causes(reader: &Reader) -> Vec<Cause> {
    let events = reader.page(0, 1_000).await.expect("the log can be read");
    events.iter().filter_map(|event| Cause::of(event).expect("events decode")).collect()
}
