//! Texts of the catalogues and their vectors: each is made once, by one at a time, and follows what
//! the read models say.

use std::sync::{Arc, LazyLock};

use domain::account::{Account, samples::register};
use domain::book::{self, Book};
use domain::course::{self, Course};
use domain::file::Files;
use domain::file::samples::{attach, content, first_lesson, remove};
use domain::product::{self, Product};
use domain::samples::{ada, lantern, lesson, middlemarch, pounds, rust_course, text};
use domain::{ItemId, ItemKind};
use eventstore::Feed;
use retrieval::{Embedder, TextModel, text_hash};
use sqlx::Connection;
use tokio_util::sync::CancellationToken;

use super::{Running, Shop, program};
use crate::texts::{Known, TURN, described, embed_news, keep_embedding, vectors};

pub(super) static MODEL: LazyLock<Option<Arc<Embedder>>> = LazyLock::new(|| {
    let folder = local_services::testing::text_model()?;
    Some(Arc::new(Embedder::load(&folder).expect("it is a model")))
});

impl Shop {
    pub(super) async fn reading(&self) -> Running {
        let log = program(&self.url).await;
        let wanted = ["books", "courses", "products", "files"];
        let all = projections::all().into_iter().filter(|it| wanted.contains(&it.name()));
        let all = all.map(Arc::from).collect();
        let (pool, reader) = (log.pool().clone(), log.reader().clone());
        let feed = Feed::new(reader.clone(), None);
        let (options, shutdown) = (projections::Options::default(), CancellationToken::new());
        Running(tokio::spawn(async move {
            projections::runtime::run_with(pool, reader, feed, all, options, shutdown).await;
        }))
    }

    pub(super) async fn read_up(&self) {
        let head = self.head().await;
        self.until("the read models show everything", async || {
            let live = "select count(*) = 4 from projections.live where position >= $1";
            let live = sqlx::query_scalar(live).bind(head).fetch_one(self.log.pool()).await;
            live.expect("the projections are installed")
        })
        .await;
    }

    /// A book, a product, and a course with one lesson: four texts.
    async fn stocked(&self) {
        let details = book::samples::details("Middlemarch", "George Eliot");
        self.execute::<Book>(middlemarch(), book::samples::add(middlemarch(), details)).await;
        let add = product::samples::add(lantern(), product::samples::full_details(), pounds(900));
        self.execute::<Product>(lantern(), add).await;
        let details = Box::new(course::samples::details(Some("Read before you write."), None));
        let (course, by) = (rust_course(), ada());
        let at = domain::samples::at(0);
        let create = course::Command::Create { course, by, details, at };
        self.execute::<Course>(course, create).await;
        let add = course::samples::add_lesson(ada(), lesson(1), None);
        self.execute::<Course>(course, add).await;
        self.execute::<Course>(course, course::samples::publish()).await;
        self.read_up().await;
    }

    async fn vectors(&self) -> i64 {
        let count = "select count(*) from processes.embeddings";
        sqlx::query_scalar(count).fetch_one(self.log.pool()).await.expect("there is a table")
    }

    pub(super) async fn embed(&self, known: &mut Known) -> Option<usize> {
        let model = MODEL.as_ref().expect("only asked where there is one");
        embed_news(self.log.pool(), model, known).await.expect("the database answers")
    }
}

#[tokio::test]
async fn what_is_new_or_says_something_else_is_embedded_and_nothing_twice() {
    if MODEL.is_none() {
        return;
    }
    let shop = Shop::open().await;
    let _reading = shop.reading().await;
    shop.stocked().await;
    let mut known = Known::default();

    assert_eq!(shop.embed(&mut known).await, Some(4));
    assert_eq!(shop.embed(&mut known).await, Some(0), "nothing is new");
    assert_eq!(shop.embed(&mut Known::default()).await, Some(0), "who starts anew finds them");

    let revision = book::Revision { title: Some(text("Felix Holt")), ..Default::default() };
    shop.execute::<Book>(middlemarch(), book::samples::revise(middlemarch(), revision)).await;
    shop.execute::<Product>(lantern(), product::samples::reprice(lantern(), pounds(1))).await;
    let moved = course::samples::add_lesson(ada(), lesson(2), Some(1));
    shop.execute::<Course>(rust_course(), moved).await;
    shop.read_up().await;
    assert_eq!(
        shop.embed(&mut known).await,
        Some(1),
        "a price and a lesson said twice are no text"
    );

    shop.execute::<Book>(middlemarch(), book::samples::withdraw(middlemarch())).await;
    shop.read_up().await;
    assert_eq!(shop.embed(&mut known).await, Some(0));
    assert_eq!(shop.vectors().await, 5);
}

/// More passages than fit into memory at once.
#[tokio::test]
async fn a_long_course_is_found_by_the_end_of_its_last_lesson() {
    let Some(model) = MODEL.as_ref() else { return };
    let shop = Shop::open().await;
    let _reading = shop.reading().await;
    shop.stocked().await;
    for number in 2..=13 {
        let entries = (1..=200).map(|n| format!("# Entry {number}.{n}\n\nPaid.\n\n"));
        let body: String = entries.collect();
        let details = Box::new(course::samples::lesson_details(Some(&body)));
        let (course, by, lesson) = (rust_course(), ada(), lesson(number));
        let (position, at) = (None, domain::samples::at(1));
        let add = course::Command::AddLesson { course, by, lesson, details, position, at };
        shop.execute::<Course>(course, add).await;
    }
    shop.read_up().await;

    assert_eq!(shop.embed(&mut Known::default()).await, Some(4 + 12 * 200));
    let pool = shop.log.pool();
    let course = [rust_course().uuid()];
    let described = described(pool, ItemKind::Course, &course).await.expect("it is there");
    let texts = &described[0].texts;
    assert_eq!(texts.last(), Some(&text_hash("Ownership > Entry 13.200\nPaid.")));
    let kept = vectors(pool, model.hash(), texts).await.expect("vectors are kept");
    assert!(texts.iter().all(|text| kept.contains_key(text)));
}

impl Shop {
    /// What is new to somebody, who knows it from then on.
    async fn news(&self, known: &mut Known) -> (Vec<ItemId>, Vec<ItemId>) {
        let news = known.news(self.log.pool()).await.expect("the database answers");
        let mut changed: Vec<ItemId> = news.changed.iter().map(|(item, _)| *item).collect();
        changed.sort();
        let gone = news.gone.clone();
        known.learn(&news.changed.clone());
        known.seen(news);
        (changed, gone)
    }

    async fn run(&self, statement: &str) {
        sqlx::query(statement).execute(self.log.pool()).await.expect("it is SQL");
    }
}

#[tokio::test]
async fn only_what_says_something_else_is_news_however_it_came_about() {
    let shop = Shop::open().await;
    let _reading = shop.reading().await;
    shop.stocked().await;
    let mut known = Known::default();
    let (course, nothing) = (ItemId::from(rust_course()), (vec![], vec![]));
    assert_eq!(shop.news(&mut known).await.0.len(), 3);
    assert_eq!(shop.news(&mut known).await, nothing);

    // The read models pass over what others do.
    shop.execute::<Account>(ada(), register(ada(), "ada@example.org")).await;
    shop.read_up().await;
    assert_eq!(shop.news(&mut known).await, nothing);

    let file = || domain::file::samples::cover();
    let attach = attach(first_lesson(), file(), content(1));
    shop.execute::<Files>(first_lesson(), attach).await;
    shop.read_up().await;
    assert_eq!(shop.news(&mut known).await, (vec![course], vec![]), "a file was attached");
    let sha256 = content(1).sha256;
    shop.run(&format!("insert into processes.extracts values ('{sha256}', 'Read.')")).await;
    assert_eq!(shop.news(&mut known).await, (vec![course], vec![]), "the file was read");
    shop.execute::<Files>(first_lesson(), remove(first_lesson(), file())).await;
    shop.read_up().await;
    assert_eq!(shop.news(&mut known).await, (vec![course], vec![]), "the file was removed");

    // The next build may say other things of the same events.
    shop.run("update projections.builds set build = build + 100 where name = 'books'").await;
    let book = vec![ItemId::from(middlemarch())];
    assert_eq!(shop.news(&mut known).await, (book, vec![]), "it was built anew");
}

#[tokio::test]
async fn while_one_program_embeds_another_leaves_it_alone() {
    if MODEL.is_none() {
        return;
    }
    let shop = Shop::open().await;
    let _reading = shop.reading().await;
    shop.stocked().await;
    let mut other = sqlx::PgConnection::connect(&shop.url).await.expect("it is reachable");
    let turn = format!("select pg_advisory_lock({TURN})");
    sqlx::query(&turn).execute(&mut other).await.expect("nobody else has it");

    let mut known = Known::default();
    assert_eq!((shop.embed(&mut known).await, shop.vectors().await), (None, 0));
    other.close().await.expect("it ends");

    // Two programs at once, and one that is killed before it has done anything.
    let model = TextModel::loading();
    let working = || {
        let (pool, shutdown) = (shop.log.pool().clone(), CancellationToken::new());
        Running(tokio::spawn(keep_embedding(pool, model.clone(), shutdown)))
    };
    let (_first, _second) = (working(), working());
    drop(working());
    let folder = local_services::testing::text_model().expect("it was there before");
    model.settle(Ok(Embedder::load(&folder).expect("it is a model")));
    shop.until("everything is embedded", async || shop.vectors().await == 4).await;
}
