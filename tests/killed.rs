//! Clients at work while everything around them is killed, one thing after the other.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use local_services::{Signal, signal};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::system::{Answer, Ask, Client, Program, Shop, System, WAIT_MAX, daybook};

const READERS: usize = 6;
const BOOKS: usize = 5;
/// Acknowledged between one killing and the next.
const ROUND: usize = 60;
/// How long a client may be kept waiting for any answer at all.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// A pause of a client that was not served, as its author would write it.
const PAUSE: Duration = Duration::from_millis(50);

/// What everybody in this test knows.
#[derive(Clone)]
struct Scene {
    /// Where the system is at the moment.
    base: Arc<Mutex<String>>,
    /// Position by key.
    acknowledged: Arc<Mutex<BTreeMap<String, i64>>>,
    orders: Arc<Mutex<Vec<Uuid>>>,
    over: Arc<AtomicBool>,
}

impl Scene {
    fn count(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// Asks with one key until there is an answer, however often nobody is there.
    async fn persist(&self, who: &Client, ask: impl Fn(&Client, &str) -> Ask) -> Answer {
        let key = Uuid::now_v7().to_string();
        let begun = Instant::now();
        loop {
            let base = self.base.lock().unwrap().clone();
            let asked = Instant::now();
            let request = ask(&who.at(&base), &key);
            let answer = tokio::time::timeout(WAIT_MAX, request.try_send()).await;
            assert!(asked.elapsed() < ANSWER_MAX, "an answer took {:?}", asked.elapsed());
            if let Ok(Some(answer)) = answer {
                let status = answer.status.as_u16();
                if answer.status.is_success() {
                    let position = answer.body["position"].as_i64().unwrap();
                    self.acknowledged.lock().unwrap().insert(key, position);
                    return answer;
                }
                // 409: the first try with this key has not ended yet.
                assert!(
                    [409, 503].contains(&status),
                    "a server that goes away is no error of ours: {answer}"
                );
            }
            assert!(begun.elapsed() < WAIT_MAX * 3, "nobody answers any more");
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn rates(self, who: Client, books: Vec<Uuid>) {
        for number in 0.. {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            // Never the score the book has from this reader: every command changes something.
            let (book, score) = (books[number % BOOKS], (number % 11) as u8);
            let rate =
                |who: &Client, key: &str| who.rate(book, score).header("idempotency-key", key);
            self.persist(&who, rate).await;
        }
    }

    async fn buys(self, who: Client, product: Uuid) {
        let items = json!({ "items": [{ "product_id": product, "quantity": 1 }] });
        while !self.over.load(Ordering::Relaxed) {
            let order = |who: &Client, key: &str| {
                who.post("orders", items.clone()).header("idempotency-key", key)
            };
            let answer = self.persist(&who, order).await;
            self.orders.lock().unwrap().push(answer.accepted().id());
        }
    }

    async fn another_round(&self) {
        let (begun, before) = (Instant::now(), self.count());
        while self.count() < before + ROUND {
            assert!(begun.elapsed() < WAIT_MAX * 2, "only {} more", self.count() - before);
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The children of a process, by the name of their program.
fn child_of(parent: u32, name: &str) -> u32 {
    let stat = |pid: &str| fs::read_to_string(format!("/proc/{pid}/stat")).ok();
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid = entry.ok()?.file_name().into_string().ok()?;
        let stat = stat(&pid)?;
        let (head, rest) = stat.rsplit_once(')')?;
        let is_it = head.ends_with(&format!("({name}"))
            && rest.split_whitespace().nth(1)?.parse() == Ok(parent);
        if is_it { pid.parse().ok() } else { None }
    });
    pids.min().unwrap_or_else(|| panic!("{parent} has no {name}"))
}

fn run(folder: &str, arguments: &[&str]) -> Vec<u8> {
    let output = daybook().args(arguments).args(["--data-dir", folder]).output().unwrap();
    let words = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{arguments:?}: {words:?}");
    output.stdout
}

/// Every event's positions by the id of its command.
fn exported(folder: &str) -> BTreeMap<String, Vec<i64>> {
    let mut positions: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for line in run(folder, &["events", "export"]).split(|byte| *byte == b'\n') {
        let line: Value = serde_json::from_slice(line).unwrap_or_default();
        if let Some(command) = line["metadata"]["command_id"].as_str() {
            let position = line["position"].as_i64().unwrap();
            positions.entry(command.to_owned()).or_default().push(position);
        }
    }
    positions
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_acknowledged_commands_are_in_the_log_once_at_their_place() {
    let folder = std::env::temp_dir().join(format!("daybook-killed-{}", Uuid::now_v7().simple()));
    let name = folder.to_str().unwrap().to_owned();
    let start = {
        let name = name.clone();
        move || Program::up("killed", &["--data-dir", &name])
    };
    let mut program = blocking(start.clone()).await;
    let shop = Shop::of(System::of(&program).await, 100_000).await;
    let mut books = Vec::new();
    for _ in 0..BOOKS {
        books.push(shop.system.add_book(json!({ "title": "T", "authors": ["A"] })).await);
    }
    let scene = Scene {
        base: Arc::new(Mutex::new(program.base.clone())),
        acknowledged: Arc::default(),
        orders: Arc::default(),
        over: Arc::default(),
    };
    let mut clients = JoinSet::new();
    for _ in 0..READERS {
        clients.spawn(scene.clone().rates(shop.system.ada().await, books.clone()));
    }
    let buyer = shop.system.bob().await;
    clients.spawn(scene.clone().buys(buyer.clone(), shop.product));

    for _ in 0..3 {
        scene.another_round().await;
        program.signal(Signal::Kill);
        blocking(move || program.child.wait().unwrap()).await;
        program = blocking(start.clone()).await;
        *scene.base.lock().unwrap() = program.base.clone();
    }
    scene.another_round().await;
    signal(child_of(program.child.id(), "postgres"), Signal::Kill);
    scene.another_round().await;
    signal(child_of(program.child.id(), "nats-server"), Signal::Kill);
    scene.another_round().await;
    scene.over.store(true, Ordering::Relaxed);
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }

    let orders = scene.orders.lock().unwrap().clone();
    assert!(!orders.is_empty());
    let buyer = buyer.at(&program.base);
    for order in &orders {
        let path = format!("orders/{order}");
        let decided = |answer: &Answer| {
            answer.status.is_success()
                && ["CONFIRMED", "REJECTED"].iter().any(|status| answer["status"] == *status)
        };
        crate::system::eventually(|| buyer.get(&path), decided).await;
    }
    let acknowledged = scene.acknowledged.lock().unwrap().clone();
    blocking(move || check(&name, &acknowledged)).await;
    program.signal(Signal::Terminate);
    assert!(blocking(move || program.child.wait().unwrap()).await.success());
    fs::remove_dir_all(folder).unwrap();
}

fn check(folder: &str, acknowledged: &BTreeMap<String, i64>) {
    let log = exported(folder);
    for (key, position) in acknowledged {
        assert_eq!(log.get(key), Some(&vec![*position]), "the command {key}");
    }
    let verified: Value = serde_json::from_slice(&run(folder, &["verify", "--json"])).unwrap();
    assert_eq!(verified["ok"], true, "{verified}");
    let reports = run(folder, &["projections", "verify", "--all", "--json"]);
    let reports: Value = serde_json::from_slice(&reports).unwrap();
    let reports = reports.as_array().unwrap();
    assert!(reports.len() > 5);
    for report in reports {
        assert_eq!(report["equal"], true, "{report}");
        assert_eq!(report["left_out"], 0, "{report}");
    }
}
