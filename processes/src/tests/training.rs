//! Fits of what people like: reproducible, one at a time, never half done.

use std::sync::Arc;
use std::time::Duration;

use domain::model::{Command, Event, Model, samples};
use domain::rating::{self, Rating, RatingId};
use domain::samples::{at, uuid};
use domain::{AccountId, BookId, ItemId};
use eventstore::Feed;
use futures::future::join_all;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{DEADLINE, Running, Shop, program};
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

impl Shop {
    async fn like(&self, likings: impl IntoIterator<Item = (u128, u128)>) {
        join_all(likings.into_iter().map(|(reader, book)| async move {
            let reader: AccountId = uuid(1_000 + reader).into();
            let book: BookId = uuid(2_000 + book).into();
            let rating = RatingId { reader, item: ItemId::from(book) };
            let score = rating::samples::score(9);
            let command = rating::Command::Rate { rating, score, at: at(0) };
            self.execute::<Rating>(rating, command).await;
        }))
        .await;
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
async fn the_model_before_is_kept_and_none_that_is_older() {
    let shop = Shop::open().await;
    let _counting = shop.counting().await;
    let nothing = train(&shop.log, ASKED_FOR).await;
    assert!(matches!(nothing, Ok(Trained::Nothing(_))), "{nothing:?}");
    let mut hashes = Vec::new();
    for round in 0..3 {
        shop.like(tastes().into_iter().chain([(20 + round, 1), (20 + round, 2)])).await;
        hashes.push(shop.trained().await);
    }
    assert_eq!(shop.kept().await, [(hashes[2].clone(), true), (hashes[1].clone(), false)]);
    assert_eq!(shop.history::<Model>(STREAM).await.1.len(), 3);
}

#[tokio::test]
async fn a_model_that_does_clearly_worse_is_rejected_and_the_old_one_serves_on() {
    let shop = Shop::open().await;
    let _counting = shop.counting().await;
    // Nobody shares a book with anybody: nothing can be found.
    shop.like((0..100).flat_map(|person| [(person, 2 * person), (person, 2 * person + 1)])).await;
    let good = samples::fit(1, Some(0.9));
    shop.execute::<Model>(STREAM, Command::Offer { fit: good.clone(), at: at(0) }).await;

    let outcome = train(&shop.log, ASKED_FOR).await.expect("it fits");

    let Trained::Rejected(fit) = outcome else { panic!("{outcome:?}") };
    assert_eq!(fit.metrics.map(|metrics| (metrics.people, metrics.hit_rate)), Some((5, 0.0)));
    let (model, events) = shop.history::<Model>(STREAM).await;
    assert_eq!(model.serving(), Some(good.model_hash.as_str()));
    assert!(matches!(&events[..], [_, Event::ModelRejected { .. }]), "{events:?}");
    assert!(shop.kept().await.iter().all(|(_, serving)| !serving));
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
    assert_eq!(shop.kept().await[0], (old.clone(), true));
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
    assert!(kept[0].1 && kept[1] == (old, false), "{kept:?}");
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
async fn enough_new_likings_are_fitted_by_themselves_and_a_worse_fit_is_rejected() {
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

    // What everybody liked last, nobody else likes: nobody can find it.
    drop(kept);
    shop.like((0..120).flat_map(|person| [(person, 1_000 + person), (person, 2_000 + person)]))
        .await;
    let _kept = keeping().await;
    let third = offered(3).await;
    assert!(
        matches!(&third[2], Event::ModelRejected { serving, .. } if *serving == second.model_hash)
    );
    assert_eq!(shop.kept().await[0], (second.model_hash.clone(), true), "the old one serves on");
}
