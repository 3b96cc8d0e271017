//! Races for what there is once, while the program and then its database are killed: clients that
//! heard nothing ask again with the same key.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::join_all;
use local_services::{Signal, signal};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use crate::system::{Answer, Client, Program, School, Shop, System, daybook, eventually};

const CHANGES: usize = 100;
const RIVALS: usize = 10;
const AT_ONCE: usize = 16;
/// So many answers are there when the program dies, and then the database. The races for the last
/// ones run in between.
const PROGRAM_DIES_AT: usize = 35;
const DATABASE_DIES_AT: usize = 80;
/// A machine that compiles something else may take its time to start a program.
const PATIENCE: Duration = Duration::from_secs(180);

/// What somebody wants, under one key for as long as it takes.
struct Wish {
    who: Client,
    method: Method,
    path: String,
    body: Value,
    key: Uuid,
}

impl Wish {
    fn new(who: &Client, method: Method, path: String, body: Value) -> Self {
        Self { who: who.clone(), method, path, body, key: Uuid::now_v7() }
    }

    /// Asked until there is an answer that is not a failure, wherever the program is by then.
    async fn granted_or_refused(&self, base: watch::Receiver<String>) -> Answer {
        let begun = Instant::now();
        loop {
            let who = self.who.at(&base.borrow().clone());
            let ask = who.ask(self.method.clone(), &self.path).body(self.body.clone());
            let answer = ask.header("idempotency-key", self.key).try_send().await;
            match answer {
                Some(answer) if !answer.status.is_server_error() => return answer,
                _ => assert!(begun.elapsed() < PATIENCE, "nobody answers {}", self.path),
            }
            tokio::task::yield_now().await;
        }
    }
}

/// One of each, and many who want it.
struct Scene {
    ada: Client,
    products: Vec<Uuid>,
    book: Uuid,
    school: School,
    shop: Shop,
    rivals: Vec<Client>,
}

impl Scene {
    async fn of(program: &Program) -> Self {
        let system = System::of(program).await;
        let shop = Shop::of(system.clone(), 1).await;
        let school = School::of(system.clone(), 1, Some(1)).await;
        let price = json!({ "minor": 100, "currency": "GBP" });
        let products = join_all((0..CHANGES).map(|_| shop.stocked(&price, 0))).await;
        let book = json!({ "title": "Middlemarch", "authors": ["George Eliot"] });
        let book = shop.mercy.post("books", book).await.accepted().id();
        let copies = json!({ "copies": 1 });
        shop.mercy.put(format!("books/{book}/copies"), copies).await.accepted();
        let rivals = join_all((0..RIVALS).map(|_| system.member("Rival"))).await;
        Self { ada: system.ada().await, products, book, school, shop, rivals }
    }

    /// Changes of one cart, with the races in their midst.
    fn wishes(&self) -> Vec<Wish> {
        let put = |who: &Client, path, body| Wish::new(who, Method::PUT, path, body);
        let mut wishes: Vec<Wish> = (1..)
            .zip(&self.products)
            .map(|(quantity, product)| {
                put(&self.ada, format!("cart/items/{product}"), json!({ "quantity": quantity }))
            })
            .collect();
        let after = wishes.split_off(PROGRAM_DIES_AT);
        for rival in &self.rivals {
            wishes.push(put(rival, format!("books/{}/loan", self.book), json!({})));
            wishes.push(put(rival, self.school.enrollment(), json!({})));
            let order = json!({ "items": [{ "product_id": self.shop.product, "quantity": 1 }] });
            wishes.push(Wish::new(rival, Method::POST, "orders".to_owned(), order));
        }
        wishes.extend(after);
        wishes
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_dies_meanwhile_every_change_arrives_once_and_every_race_has_one_winner() {
    let folder = std::env::temp_dir().join(format!("daybook-races-{}", Uuid::now_v7().simple()));
    let mut program = started(&folder).await;
    let scene = Scene::of(&program).await;
    let (base, heard) = watch::channel(program.base.clone());
    let answered = Arc::new(AtomicUsize::new(0));

    let wishes = scene.wishes();
    let count = answered.clone();
    let asking = tokio::spawn(async move {
        let asked = futures::stream::iter(wishes).map(|wish| {
            let (heard, count) = (heard.clone(), count.clone());
            async move {
                let answer = wish.granted_or_refused(heard).await;
                count.fetch_add(1, Ordering::Relaxed);
                (wish.path, answer)
            }
        });
        asked.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await
    });
    until(&answered, PROGRAM_DIES_AT).await;
    program.signal(Signal::Kill);
    tokio::task::spawn_blocking(move || program.child.wait()).await.unwrap().unwrap();
    let mut program = started(&folder).await;
    base.send(program.base.clone()).unwrap();
    until(&answered, DATABASE_DIES_AT).await;
    let postmaster = fs::read_to_string(folder.join("postgres/postmaster.pid")).unwrap();
    signal(postmaster.lines().next().unwrap().parse().unwrap(), Signal::Kill);
    let answers = asking.await.unwrap();

    holds(&scene, &program.base, answers).await;
    program.signal(Signal::Terminate);
    tokio::task::spawn_blocking(move || program.child.wait()).await.unwrap().unwrap();
    verifies(folder.clone()).await;
    fs::remove_dir_all(&folder).unwrap();
}

async fn started(folder: &Path) -> Program {
    let folder = folder.to_str().unwrap().to_owned();
    let start = move || Program::up("races", &["--data-dir", &folder]);
    tokio::task::spawn_blocking(start).await.unwrap()
}

async fn until(answered: &AtomicUsize, enough: usize) {
    let begun = Instant::now();
    while answered.load(Ordering::Relaxed) < enough {
        assert!(
            begun.elapsed() < PATIENCE,
            "only {} are answered",
            answered.load(Ordering::Relaxed)
        );
        tokio::task::yield_now().await;
    }
}

/// Nothing is lost, nothing is there twice, and of what there was once one has it.
async fn holds(scene: &Scene, base: &str, answers: Vec<(String, Answer)>) {
    let mut by_path: BTreeMap<&str, Vec<Answer>> = BTreeMap::new();
    let mut last = 0;
    for (path, answer) in &answers {
        last = last.max(answer.body["position"].as_i64().unwrap_or_default());
        by_path.entry(path).or_default().push(answer.clone());
    }
    let after = |who: &Client, path: &str| {
        who.at(base).get(path).header("consistency-token", last).header("prefer", "wait=5")
    };
    let settled = |path: String| async move {
        eventually(|| after(&scene.ada, &path), |answer| answer.status.is_success()).await
    };

    let cart = settled("cart".to_owned()).await;
    let line = |line: &Value| (line["product_id"].to_string(), line["quantity"].as_u64().unwrap());
    let lines: BTreeMap<_, _> = cart["lines"].as_array().unwrap().iter().map(line).collect();
    let wanted = scene.products.iter().map(|product| json!(product).to_string()).zip(1..);
    assert_eq!(lines, wanted.collect(), "{cart}");
    assert!(cart.header("etag").starts_with("\"100."), "each change is one event: {cart}");

    let loan = format!("books/{}/loan", scene.book);
    one_won(&by_path[loan.as_str()], "no-copy-left");
    let book = settled(format!("books/{}", scene.book)).await;
    assert_eq!((&book["copies"], &book["available"]), (&json!(1), &json!(0)), "{book}");

    one_won(&by_path[scene.school.enrollment().as_str()], "course-full");
    let course = settled(format!("courses/{}", scene.school.course)).await;
    assert_eq!((&course["seats"], &course["enrolled"]), (&json!(1), &json!(1)), "{course}");

    let mut orders = Vec::new();
    for rival in &scene.rivals {
        let mine = || after(rival, "accounts/me/orders");
        let decided = |mine: &Answer| {
            mine.status.is_success() && mine["items"].as_array().unwrap().iter().all(is_decided)
        };
        let mine = eventually(mine, decided).await;
        orders.extend(mine["items"].as_array().unwrap().iter().map(|o| o["status"].clone()));
    }
    orders.sort_by_key(ToString::to_string);
    let mut expected = vec![json!("REJECTED"); RIVALS];
    expected[0] = json!("CONFIRMED");
    assert_eq!(orders, expected, "one piece, one buyer");
    let stock = settled(format!("stock/{}", scene.shop.product)).await;
    let level = [&stock["on_hand"], &stock["reserved"], &stock["available"]];
    assert_eq!(level, [&json!(1), &json!(1), &json!(0)], "{stock}");
}

fn is_decided(order: &Value) -> bool {
    order["status"] != "PENDING"
}

fn one_won(answers: &[Answer], refusal: &str) {
    let (won, lost): (Vec<&Answer>, Vec<&Answer>) =
        answers.iter().partition(|answer| answer.status.is_success());
    assert_eq!((won.len(), lost.len()), (1, RIVALS - 1), "{answers:?}");
    for answer in lost {
        answer.clone().refused(409, refusal);
    }
}

async fn verifies(folder: PathBuf) {
    let verify = move || daybook().arg("verify").arg("--data-dir").arg(folder).output().unwrap();
    let output = tokio::task::spawn_blocking(verify).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
