//! Fits of what people like: reproducible, one at a time, never half done.

use std::sync::Arc;
use std::time::Duration;

use domain::account::{self, Account};
use domain::model::{Event, Metrics, Model};
use domain::rating::{self, Rating, RatingId};
use domain::samples::{at, uuid};
use domain::{AccountId, BookId, ItemId};
use eventstore::Feed;
use futures::future::join_all;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{DEADLINE, Running, Shop, program};
use crate::trainer::Trainer;
use crate::{Trained, Training, keep_training, train};

const ASKED_FOR: Training =
    Training { lambda: 5.0, people_min: 1, after: 500, every: Duration::ZERO };
const STREAM: &str = "likings";

/// Who likes which book.
type Likings = Vec<(u128, u128)>;

/// Twelve people of two tastes.
fn tastes() -> Likings {
    let of =
        |person: u128| (0..4).map(move |place| (person, (person + place) % 6 * 2 + person % 2));
    (0..12).flat_map(of).collect()
}

fn reader(person: u128) -> AccountId {
    uuid(1_000 + person).into()
}

impl Shop {
    async fn like(&self, likings: impl IntoIterator<Item = (u128, u128)>) {
        self.give(likings, 9).await;
    }

    async fn give(&self, ratings: impl IntoIterator<Item = (u128, u128)>, points: u8) {
        join_all(ratings.into_iter().map(|(person, book)| async move {
            let book: BookId = uuid(2_000 + book).into();
            let rating = RatingId { reader: reader(person), item: ItemId::from(book) };
            let score = rating::samples::score(points);
            let command = rating::Command::Rate { rating, score, at: at(0) };
            self.execute::<Rating>(rating, command).await;
        }))
        .await;
        self.until_counted().await;
    }

    async fn erase(&self, person: u128) {
        let account = reader(person);
        let register = account::samples::register(account, &format!("{person}@example.org"));
        self.execute::<Account>(account, register).await;
        let erase = account::Command::Erase { account, at: at(1) };
        self.execute::<Account>(account, erase).await;
        self.until_counted().await;
    }

    async fn until_counted(&self) {
        let head = self.head().await;
        self.until("the read model shows all likings", async || {
            let live = "select exists (select from projections.live where position >= $1)";
            let live = sqlx::query_scalar(live).bind(head).fetch_one(self.log.pool()).await;
            live.expect("the projections are installed")
        })
        .await;
    }

    async fn counting(&self) -> Running {
        let log = program(&self.url).await;
        let features = projections::all().into_iter().filter(|it| it.name() == "features");
        let features = features.map(Arc::from).collect();
        let (pool, reader) = (log.pool().clone(), log.reader().clone());
        let feed = Feed::new(reader.clone(), None);
        let (options, shutdown) = (projections::Options::default(), CancellationToken::new());
        Running(tokio::spawn(async move {
            projections::runtime::run_with(pool, reader, feed, features, options, shutdown).await;
        }))
    }

    /// The hashes of weights that are kept, those that serve first.
    async fn kept(&self) -> Vec<(String, bool)> {
        let kept = "select model_hash, serving from processes.models
                    order by serving desc, position desc";
        sqlx::query_as(kept).fetch_all(self.log.pool()).await.expect("there is a table")
    }

    async fn trained(&self) -> String {
        match train(&self.log, ASKED_FOR).await.expect("it fits") {
            Trained::Serves(fit) => fit.model_hash,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_same_likings_make_the_same_model_in_whatever_order_they_came() {
    let mut hashes = Vec::new();
    for order in [tastes(), tastes().into_iter().rev().collect()] {
        let shop = Shop::open().await;
        let _counting = shop.counting().await;
        shop.like(order).await;
        hashes.push(shop.trained().await);
        let known = train(&shop.log, ASKED_FOR).await.expect("it fits");
        assert!(matches!(known, Trained::Known(_)), "nothing is new: {known:?}");
    }
    assert_eq!(hashes[0], hashes[1]);
}

#[tokio::test]
async fn what_serves_is_kept_and_nothing_else() {
    let shop = Shop::open().await;
    let _counting = shop.counting().await;
    let nothing = train(&shop.log, ASKED_FOR).await;
    assert!(matches!(nothing, Ok(Trained::Nothing(_))), "{nothing:?}");
    for round in 0..3 {
        shop.like(tastes().into_iter().chain([(20 + round, 1), (20 + round, 2)])).await;
        let hash = shop.trained().await;
        assert_eq!(shop.kept().await, [(hash, true)]);
    }
    assert_eq!(shop.history::<Model>(STREAM).await.1.len(), 3);
}

/// Fits are measured on these.
fn is_left_out(person: u128) -> bool {
    reader(person).uuid().as_u128() % 20 == 19
}

/// All but those whom fits are measured on like something else now, each something of their own.
async fn all_others_change_their_minds(shop: &Shop) {
    let others = || (0..120).filter(|person| !is_left_out(*person));
    let old = likes(0..120, 0..6).into_iter().filter(|(person, _)| !is_left_out(*person));
    shop.give(old, 2).await;
    shop.like(others().flat_map(|person| [(person, 1_000 + person), (person, 2_000 + person)]))
        .await;
}

#[tokio::test]
async fn a_model_that_does_clearly_worse_on_the_same_people_is_rejected_unless_it_forgets_somebody()
{
    let shop = Shop::open().await;
    let _counting = shop.counting().await;
    shop.like(likes(0..120, 0..6)).await;
    let good = shop.trained().await;
    all_others_change_their_minds(&shop).await;

    let outcome = train(&shop.log, ASKED_FOR).await.expect("it fits");

    let Trained::Rejected(fit) = outcome else { panic!("{outcome:?}") };
    let hits = |metrics: Option<Metrics>| metrics.map(|it| (it.people, it.hit_rate));
    assert_eq!((hits(fit.metrics), hits(fit.beside)), (Some((6, 0.0)), Some((6, 1.0))));
    let (model, events) = shop.history::<Model>(STREAM).await;
    assert_eq!(model.serving(), Some(good.as_str()));
    assert!(matches!(&events[..], [_, Event::ModelRejected { .. }]), "{events:?}");
    assert_eq!(shop.kept().await, [(good.clone(), true)], "what was rejected is not kept");

    // Far too little has happened since, and the last fit is of this moment.
    let training = Training { after: 1_000_000, every: Duration::from_secs(3_600), ..ASKED_FOR };
    let mut trainer = Trainer::new(program(&shop.url).await, training);
    assert_eq!(trainer.look().await.expect("it looks"), None);
    shop.erase(7).await;

    let outcome = trainer.look().await.expect("it fits");

    let Some(Trained::Serves(fit)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(fit.people, 119);
    assert_eq!(shop.kept().await, [(fit.model_hash, true)], "nothing is left that knows them");
    assert_eq!(trainer.look().await.expect("it looks"), None, "once is enough");
    // One who is in no weights, because fits are measured on them: that is on record as well.
    shop.erase((0..120).find(|person| is_left_out(*person)).expect("there are six")).await;
    let outcome = trainer.look().await.expect("it fits");
    assert!(matches!(outcome, Some(Trained::Serves(_))), "{outcome:?}");
    assert_eq!(trainer.look().await.expect("it looks"), None, "once is enough");
}

#[tokio::test]
async fn with_too_few_left_to_fit_without_somebody_erased_nothing_serves() {
    let shop = Shop::open().await;
    let _counting = shop.counting().await;
    shop.like(tastes()).await;
    let training = Training { people_min: 12, after: 1, ..ASKED_FOR };
    let mut trainer = Trainer::new(program(&shop.url).await, training);
    let first = trainer.look().await.expect("it fits");
    assert!(matches!(first, Some(Trained::Serves(_))), "{first:?}");
    shop.erase(3).await;

    let outcome = trainer.look().await.expect("it looks");

    assert!(matches!(outcome, Some(Trained::Nothing(_))), "{outcome:?}");
    assert_eq!(shop.kept().await, []);
    // The next one is no worse than nothing, and serves as soon as there are enough.
    shop.like([(30, 1), (30, 3)]).await;
    let again = trainer.look().await.expect("it fits");
    assert!(matches!(again, Some(Trained::Serves(_))), "{again:?}");
}

#[tokio::test]
async fn as_soon_as_there_are_enough_people_they_are_fitted() {
    let shop = Shop::open().await;
    let _counting = shop.counting().await;
    shop.like(tastes()).await;
    let every = Duration::from_secs(3_600);
    let training = Training { people_min: 13, after: 40, every, ..ASKED_FOR };
    let mut trainer = Trainer::new(program(&shop.url).await, training);
    let outcome = trainer.look().await.expect("it looks");
    assert!(matches!(outcome, Some(Trained::Nothing(_))), "twelve are too few: {outcome:?}");
    shop.like([(30, 1)]).await;

    let outcome = trainer.look().await.expect("it fits");

    assert!(matches!(outcome, Some(Trained::Serves(_))), "{outcome:?}");
}

#[tokio::test]
async fn what_a_crash_left_undone_between_log_and_table_is_done_without_another_fit() {
    let shop = Shop::open().await;
    let _counting = shop.counting().await;
    shop.like(tastes()).await;
    let hash = shop.trained().await;
    let undo = "update processes.models set serving = false";
    sqlx::query(undo).execute(shop.log.pool()).await.expect("there is a table");
    let training = Training { after: 1_000_000, ..ASKED_FOR };
    let mut trainer = Trainer::new(program(&shop.url).await, training);

    assert_eq!(trainer.look().await.expect("it looks"), None);

    assert_eq!(shop.kept().await, [(hash.clone(), true)]);
    // Lost altogether: they are fitted again, and the next fit serves, however it does.
    let lose = "delete from processes.models";
    sqlx::query(lose).execute(shop.log.pool()).await.expect("there is a table");
    let again = trainer.look().await.expect("it fits");
    assert!(matches!(again, Some(Trained::Known(_))), "{again:?}");
    assert_eq!(shop.kept().await, [(hash, true)]);
    sqlx::query(lose).execute(shop.log.pool()).await.expect("there is a table");
    shop.like([(30, 1), (30, 3)]).await;
    let next = shop.trained().await;
    assert_eq!(shop.kept().await, [(next, true)]);
}

#[tokio::test]
async fn one_that_is_killed_in_the_middle_leaves_the_old_one_and_its_turn_to_the_next() {
    let shop = Shop::open().await;
    let _counting = shop.counting().await;
    shop.like(tastes()).await;
    let old = shop.trained().await;
    shop.like([(30, 1), (30, 3)]).await;

    // Its weights are kept, and it waits to append.
    let mut stopped = shop.log.pool().begin().await.expect("a transaction begins");
    let stop = "lock table eventstore.commits in exclusive mode";
    sqlx::query(stop).execute(&mut *stopped).await.expect("nobody appends");
    let log = program(&shop.url).await;
    let killed = Running(tokio::spawn(async move { drop(train(&log, ASKED_FOR).await) }));
    let waiting = async {
        while shop.kept().await.len() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(DEADLINE, waiting).await.expect("it fits in time");
    let busy = train(&shop.log, ASKED_FOR).await.expect("it is asked");
    assert_eq!(busy, Trained::Busy);
    drop(killed);
    assert_eq!(shop.kept().await[0], (old, true));
    stopped.rollback().await.expect("appending goes on");

    // Whether its event was under way or not: the next one serves what the log says.
    let next = async {
        while train(&shop.log, ASKED_FOR).await.expect("it fits") == Trained::Busy {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(DEADLINE, next).await.expect("the turn is given back");
    let (model, kept) = (shop.history::<Model>(STREAM).await.0, shop.kept().await);
    assert_eq!(model.serving(), Some(kept[0].0.as_str()));
    assert!(kept.len() == 1 && kept[0].1, "{kept:?}");
}

/// Five tastes of twelve books each; of a taste's books everybody likes some, so that the one they
/// like next is among the few that are left.
fn likes(people: std::ops::Range<u128>, places: std::ops::Range<u128>) -> Likings {
    let book = |person: u128, place| person % 5 * 12 + (person / 5 + place) % 12;
    people
        .flat_map(|person| places.clone().map(move |place| (person, book(person, place))))
        .collect()
}

#[tokio::test]
async fn enough_new_likings_are_fitted_by_themselves_however_people_have_changed() {
    let shop = Shop::open().await;
    let _counting = shop.counting().await;
    let training = Training { after: 150, ..ASKED_FOR };
    let keeping = async || {
        let log = program(&shop.url).await;
        Running(tokio::spawn(keep_training(log, training, CancellationToken::new())))
    };
    let offered = async |fits: usize| {
        let so_many = async || shop.history::<Model>(STREAM).await.1.len() == fits;
        shop.until(&format!("{fits} fits are on record"), so_many).await;
        shop.history::<Model>(STREAM).await.1
    };
    shop.like(likes(0..120, 0..6)).await;
    let kept = keeping().await;
    let first = offered(1).await;
    let Event::ModelTrained { fit: first, .. } = &first[0] else { panic!("{first:?}") };
    assert_eq!(first.metrics.map(|metrics| (metrics.people, metrics.hit_rate)), Some((6, 1.0)));

    // Not enough by themselves; then enough.
    shop.like(likes(0..100, 6..7)).await;
    shop.like(likes(100..120, 6..7).into_iter().chain(likes(0..40, 7..8))).await;
    let second = offered(2).await;
    let Event::ModelTrained { fit: second, .. } = &second[1] else { panic!("{second:?}") };
    assert!(second.position >= first.position + 150, "{second:?}");
    shop.until("the second serves", async || {
        shop.kept().await[0] == (second.model_hash.clone(), true)
    })
    .await;

    // What everybody liked last, nobody else likes: nobody can find it, as if whoever came since were
    // of another kind. That is no fault of the next fit: those that serve do no better now.
    drop(kept);
    shop.like((0..120).flat_map(|person| [(person, 1_000 + person), (person, 2_000 + person)]))
        .await;
    let _kept = keeping().await;
    let third = offered(3).await;
    let Event::ModelTrained { fit: third, .. } = &third[2] else { panic!("{third:?}") };
    let hits = |metrics: Option<Metrics>| metrics.map(|metrics| metrics.hit_rate);
    assert_eq!((hits(third.metrics), hits(third.beside)), (Some(0.0), Some(0.0)));
    shop.until("the third serves", async || {
        shop.kept().await[0] == (third.model_hash.clone(), true)
    })
    .await;
}
