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
use sqlx::{Connection, Executor, PgPool};
use tokio_util::sync::CancellationToken;

use super::{Running, Shop, program};
use crate::texts::{Keeper, Known, TURN, described, keep_embedding, vectors};
use crate::vectors::Vectors;

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

    pub(super) fn keeper(&self) -> Keeper {
        self.filling(&Vectors::Memory)
    }

    fn filling(&self, vectors: &Vectors) -> Keeper {
        let model = MODEL.as_ref().expect("only asked where there is one");
        Keeper::new(self.log.pool().clone(), model.clone(), vectors)
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
    let mut keeper = shop.keeper();

    assert_eq!(round(&mut keeper).await, Some(4));
    assert_eq!(round(&mut keeper).await, Some(0), "nothing is new");
    assert_eq!(round(&mut shop.keeper()).await, Some(0), "who starts anew finds them");

    let revision = book::Revision { title: Some(text("Felix Holt")), ..Default::default() };
    shop.execute::<Book>(middlemarch(), book::samples::revise(middlemarch(), revision)).await;
    shop.execute::<Product>(lantern(), product::samples::reprice(lantern(), pounds(1))).await;
    let moved = course::samples::add_lesson(ada(), lesson(2), Some(1));
    shop.execute::<Course>(rust_course(), moved).await;
    shop.read_up().await;
    assert_eq!(round(&mut keeper).await, Some(1), "a price and a lesson said twice are no text");

    shop.execute::<Book>(middlemarch(), book::samples::withdraw(middlemarch())).await;
    shop.read_up().await;
    assert_eq!(round(&mut keeper).await, Some(0));
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

    assert_eq!(round(&mut shop.keeper()).await, Some(4 + 12 * 200));
    let pool = shop.log.pool();
    let course = [rust_course().uuid()];
    let described = described(pool, ItemKind::Course, &course).await.expect("it is there");
    let texts = &described[0].texts;
    assert_eq!(texts.last(), Some(&text_hash("Ownership > Entry 13.200\nPaid.")));
    let kept = vectors(pool, model.hash(), texts).await.expect("vectors are kept");
    assert!(texts.iter().all(|text| kept.contains_key(text)));
}

async fn round(keeper: &mut Keeper) -> Option<usize> {
    keeper.round().await.expect("the database answers")
}

#[tokio::test]
async fn what_was_lost_is_made_again_and_what_nobody_says_is_given_up() {
    if MODEL.is_none() {
        return;
    }
    let shop = Shop::open().await;
    let _reading = shop.reading().await;
    shop.stocked().await;
    shop.run("insert into processes.embeddings values ('of before', 'a text', 'a vector')").await;
    let mut keeper = shop.keeper();
    let mut compare = async || keeper.compare().await.expect("the database answers");
    assert_eq!((compare().await, shop.vectors().await), (Some(4), 5));

    shop.run("delete from processes.embeddings where model <> 'of before'").await;
    assert_eq!(compare().await, Some(4), "they were lost");
    assert_eq!(shop.vectors().await, 4, "the model of before is not used any more");

    shop.execute::<Book>(middlemarch(), book::samples::withdraw(middlemarch())).await;
    shop.read_up().await;
    assert_eq!((compare().await, shop.vectors().await), (Some(0), 4), "it may come back");
    assert_eq!((compare().await, shop.vectors().await), (Some(0), 3));

    shop.run("delete from projections.builds where name = 'products'").await;
    compare().await;
    compare().await;
    assert_eq!(shop.vectors().await, 3, "nobody knows what a read model says that is being built");
}

/// Four texts of three items, in the index that all programs share.
#[tokio::test]
async fn the_index_that_all_share_is_filled_as_soon_as_it_can_be() {
    if MODEL.is_none() {
        return;
    }
    let Some(url) = local_services::testing::pgvector_url() else { return };
    let shop = Shop::open().await;
    let _reading = shop.reading().await;
    shop.stocked().await;
    let pool = PgPool::connect(&url).await.expect("it is reachable");
    let vectors = Vectors::postgres(&pool).await.expect("pgvector is there");
    let in_index = async || {
        let count = "select count(*) from vector_index.texts";
        let count: i64 = sqlx::query_scalar(count).fetch_one(&pool).await.expect("it was made");
        count
    };
    let index = async |statement: &str| pool.execute(statement).await.expect("it is SQL");
    let mut keeper = shop.filling(&vectors);

    index("alter table vector_index.texts rename to away").await;
    assert!(keeper.round().await.is_err(), "the index is away");
    assert_eq!(shop.vectors().await, 4, "the assistant needs none");
    index("alter table vector_index.away rename to texts").await;
    index("delete from vector_index.texts").await;
    assert_eq!((round(&mut keeper).await, in_index().await), (Some(0), 4));
    index("delete from vector_index.texts").await;
    assert_eq!((round(&mut keeper).await, in_index().await), (Some(0), 4), "it was away before");
    index("delete from vector_index.texts").await;
    assert_eq!((round(&mut keeper).await, in_index().await), (Some(0), 0), "nobody knows of that");

    shop.execute::<Book>(middlemarch(), book::samples::withdraw(middlemarch())).await;
    shop.read_up().await;
    index(
        "insert into vector_index.texts
         values ('of before', 'a text', array_fill(1, array[384])::real[]::vector)",
    )
    .await;
    keeper.compare().await.expect("both answer");
    assert_eq!(in_index().await, 3, "what was lost is there again, the model of before is not");
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

    assert_eq!((round(&mut shop.keeper()).await, shop.vectors().await), (None, 0));
    other.close().await.expect("it ends");

    // Two programs at once, and one that is killed before it has done anything.
    let model = TextModel::loading();
    let working = || {
        let (pool, shutdown) = (shop.log.pool().clone(), CancellationToken::new());
        Running(tokio::spawn(keep_embedding(pool, model.clone(), Vectors::Memory, shutdown)))
    };
    let (_first, _second) = (working(), working());
    drop(working());
    let folder = local_services::testing::text_model().expect("it was there before");
    model.settle(Ok(Embedder::load(&folder).expect("it is a model")));
    shop.until("everything is embedded", async || shop.vectors().await == 4).await;
}
