//! The lists of a day: fixed once, whoever fixes them and whatever is killed meanwhile.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::book::{self, Book};
use domain::rating::{self, Rating, RatingId};
use domain::samples::{at, tags, uuid};
use domain::weekly::{Event, Lists, Period, Weekly};
use domain::{AccountId, BookId, ItemKind};
use eventstore::Feed;
use futures::future::join_all;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::gate::Gate;
use super::victim::Victim;
use super::{DEADLINE, Running, Shop, program};
use crate::{Listed, fix_lists, weekly};

fn days_later(days: i64) -> DateTime<Utc> {
    at(0) + TimeDelta::days(days)
}

fn book(number: u128) -> BookId {
    uuid(3_000 + number).into()
}

impl Shop {
    async fn write<const N: usize>(&self, number: u128, genres: [&str; N]) {
        let details = book::Details {
            genres: tags(genres),
            ..book::samples::details(&format!("Book {number}"), "Somebody")
        };
        self.execute::<Book>(book(number), book::samples::add(book(number), details)).await;
    }

    async fn rate(&self, reader: u128, number: u128, points: u8, at: DateTime<Utc>) {
        let reader: AccountId = uuid(1_000 + reader).into();
        let rating = RatingId { reader, item: book(number).into() };
        let command = rating::Command::Rate { rating, score: rating::samples::score(points), at };
        self.execute::<Rating>(rating, command).await;
    }

    async fn ranking(&self) -> Running {
        let log = program(&self.url).await;
        let wanted = ["item_ratings", "books", "courses", "products"];
        let ours = projections::all().into_iter().filter(|it| wanted.contains(&it.name()));
        let ours = ours.map(Arc::from).collect();
        let (pool, reader) = (log.pool().clone(), log.reader().clone());
        let feed = Feed::new(reader.clone(), None);
        let (options, shutdown) = (projections::Options::default(), CancellationToken::new());
        Running(tokio::spawn(async move {
            projections::runtime::run_with(pool, reader, feed, ours, options, shutdown).await;
        }))
    }

    /// The lists of books of a day.
    async fn lists(&self, day: DateTime<Utc>, period: Period) -> Lists {
        let (_, events) = self.history::<Weekly>(day.date_naive()).await;
        let fixed = events.into_iter().map(|Event::WeeklyListsFixed { fixed, .. }| fixed);
        let mut ours = fixed.filter(|fixed| (fixed.kind, fixed.period) == (ItemKind::Book, period));
        let lists = ours.next().expect("the lists are fixed");
        assert_eq!(ours.next(), None, "once");
        lists
    }
}

/// Genre, and its books in order.
fn told(lists: &Lists) -> Vec<(Option<&str>, Vec<Uuid>)> {
    let told = lists.lists.iter().map(|list| {
        let genre = list.genre.as_ref().map(|genre| genre.as_str());
        (genre, list.items.iter().map(|ranked| ranked.id).collect())
    });
    told.collect()
}

fn books(numbers: &[u128]) -> Vec<Uuid> {
    numbers.iter().map(|number| book(*number).uuid()).collect()
}

/// Three books: liked yesterday, a fortnight ago, and a year ago.
async fn library(shop: &Shop) {
    shop.write(1, ["classics"]).await;
    shop.write(2, ["classics", "satire"]).await;
    shop.write(3, []).await;
    for (book, points, days) in [(1, 7, -1), (2, 8, -14), (3, 9, -365)] {
        for reader in 0..3 {
            shop.rate(reader, book, points, days_later(days)).await;
        }
    }
}

#[tokio::test]
async fn a_week_a_month_and_all_time_have_their_lists_and_so_has_each_genre() {
    let shop = Shop::open().await;
    let _ranking = shop.ranking().await;
    library(&shop).await;
    // What is rated today counts tomorrow.
    shop.write(4, []).await;
    shop.rate(1, 4, 10, days_later(0)).await;

    let day = days_later(0).date_naive();
    assert_eq!(fix_lists(&shop.log, days_later(0)).await.unwrap(), Listed::Fixed(day));

    let week = shop.lists(days_later(0), Period::Week).await;
    assert_eq!(told(&week), [(None, books(&[1])), (Some("classics"), books(&[1]))]);
    assert_eq!((week.lists[0].items[0].score, week.lists[0].items[0].ratings), (7.0, 3));
    let month = shop.lists(days_later(0), Period::Month).await;
    let satire = (Some("satire"), books(&[2]));
    let classics = (Some("classics"), books(&[2, 1]));
    assert_eq!(told(&month), [(None, books(&[2, 1])), classics.clone(), satire.clone()]);
    let all = shop.lists(days_later(0), Period::All).await;
    assert_eq!(told(&all), [(None, books(&[3, 2, 1])), classics, satire]);

    // The next day counts it, and no longer what was a week ago.
    fix_lists(&shop.log, days_later(7)).await.unwrap();
    let week = shop.lists(days_later(7), Period::Week).await;
    assert_eq!(told(&week), [(None, books(&[4]))]);
}

#[tokio::test]
async fn the_same_day_again_changes_nothing_whatever_was_rated_meanwhile() {
    let shop = Shop::open().await;
    let _ranking = shop.ranking().await;
    let nothing = fix_lists(&shop.log, days_later(0)).await.unwrap();
    assert!(matches!(nothing, Listed::Nothing(_)), "nobody rated anything: {nothing:?}");
    library(&shop).await;
    fix_lists(&shop.log, days_later(0)).await.unwrap();
    let (lists, head) = (shop.lists(days_later(0), Period::All).await, shop.head().await);

    shop.rate(7, 1, 10, days_later(-1)).await;
    let again = fix_lists(&shop.log, days_later(0) + TimeDelta::hours(3)).await.unwrap();
    assert_eq!(again, Listed::Known(days_later(0).date_naive()));
    assert_eq!(shop.lists(days_later(0), Period::All).await, lists);
    assert_eq!(shop.head().await, head + 1, "the rating");
}

#[tokio::test]
async fn of_many_programs_that_fix_a_day_at_once_one_does_and_a_killed_one_hinders_nobody() {
    let shop = Shop::open().await;
    let _ranking = shop.ranking().await;
    library(&shop).await;

    // It is killed with its lists made, when it waits to append them.
    let mut stopped = shop.log.pool().begin().await.unwrap();
    let stop = "lock table eventstore.commits in exclusive mode";
    sqlx::query(stop).execute(&mut *stopped).await.unwrap();
    let log = program(&shop.url).await;
    let killed = Running(tokio::spawn(async move { drop(fix_lists(&log, days_later(0)).await) }));
    let waiting = async {
        let waits = "select exists (select from pg_locks l join pg_stat_activity a using (pid)
                      where not l.granted and a.datname = current_database())";
        while !sqlx::query_scalar::<_, bool>(waits).fetch_one(shop.log.pool()).await.unwrap() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(DEADLINE, waiting).await.expect("it appends in time");
    drop(killed);
    stopped.rollback().await.unwrap();

    let programs = join_all((0..4).map(|_| program(&shop.url))).await;
    let outcomes = join_all(programs.iter().map(|log| fix_lists(log, days_later(0)))).await;
    let fixed = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Listed::Fixed(_)))).count();
    assert!(fixed <= 1, "{outcomes:?}");
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let (_, events) = shop.history::<Weekly>(days_later(0).date_naive()).await;
    assert_eq!(events.len(), 9, "three kinds and three periods");
}

/// It shows what a test sets, and knows how often somebody looked.
#[derive(Clone)]
struct Clock(Arc<(Mutex<DateTime<Utc>>, AtomicUsize)>);

impl Clock {
    fn at(now: DateTime<Utc>) -> Self {
        Self(Arc::new((Mutex::new(now), AtomicUsize::new(0))))
    }

    fn set(&self, now: DateTime<Utc>) {
        *self.0.0.lock().unwrap() = now;
    }

    fn looks(&self) -> usize {
        self.0.1.load(Ordering::Relaxed)
    }

    /// A program that keeps lists by it.
    async fn keeps_lists(&self, shop: &Shop) -> Running {
        let (log, clock, shutdown) =
            (program(&shop.url).await, self.clone(), CancellationToken::new());
        let now = move || {
            clock.0.1.fetch_add(1, Ordering::Relaxed);
            *clock.0.0.lock().unwrap()
        };
        Running(tokio::spawn(weekly::keep(log, Duration::from_millis(10), now, shutdown)))
    }
}

impl Shop {
    async fn until_listed(&self, day: DateTime<Utc>) {
        let day = day.date_naive();
        let listed = async || !self.history::<Weekly>(day).await.1.is_empty();
        self.until(&format!("{day} has its lists"), listed).await;
    }

    /// Whatever was begun at the first of two looks is done at the second.
    async fn until_looked_twice(&self, clock: &Clock) {
        let before = clock.looks();
        self.until("it looks twice", async || clock.looks() >= before + 2).await;
    }
}

#[tokio::test]
async fn a_new_day_brings_other_lists_by_itself_and_they_stand_until_it_is_over() {
    let shop = Shop::open().await;
    let _ranking = shop.ranking().await;
    library(&shop).await;
    let clock = Clock::at(days_later(0));
    let first_program = clock.keeps_lists(&shop).await;
    shop.until_listed(days_later(0)).await;
    let (first, head) = (shop.lists(days_later(0), Period::Week).await, shop.head().await);
    assert_eq!(told(&first)[0], (None, books(&[1])));

    // Neither what is rated nor another program changes them on the same day.
    shop.rate(7, 2, 10, days_later(0)).await;
    clock.set(days_later(0) + TimeDelta::hours(3));
    shop.until_looked_twice(&clock).await;
    drop(first_program);
    let _second_program = clock.keeps_lists(&shop).await;
    shop.until_looked_twice(&clock).await;
    assert_eq!(shop.head().await, head + 1, "the rating");

    clock.set(days_later(1));
    shop.until_listed(days_later(1)).await;
    let second = shop.lists(days_later(1), Period::Week).await;
    assert_eq!(told(&second)[0], (None, books(&[2, 1])), "it counts what was rated the day before");
    assert_eq!(shop.lists(days_later(0), Period::Week).await, first, "what it was stays known");
}

/// Once before its commit, and once when the commit is made without anybody being told.
#[tokio::test]
async fn whoever_is_killed_while_it_fixes_a_day_the_next_goes_on_with_it() {
    let shop = Shop::open().await;
    let _ranking = shop.ranking().await;
    library(&shop).await;
    let before = shop.head().await;
    let mut gate = Gate::close(&shop.url, "process:weekly-lists").await;
    let killed = Victim::listing(&shop.url);
    let waiting = gate.somebody_waits().await;
    drop(killed);
    gate.turn_back(waiting).await;
    assert_eq!(shop.head().await, before, "a rolled back commit left something");

    let killed = Victim::listing(&shop.url);
    let waiting = gate.somebody_waits().await;
    drop(killed);
    gate.let_through(waiting).await;
    let lists = shop.lists(days_later(0), Period::All).await;
    assert_eq!(shop.head().await, before + 9, "three kinds and three periods");
    gate.open().await;

    let clock = Clock::at(days_later(0));
    let _next = clock.keeps_lists(&shop).await;
    shop.until_looked_twice(&clock).await;
    assert_eq!(shop.head().await, before + 9, "nothing is fixed again");
    assert_eq!(shop.lists(days_later(0), Period::All).await, lists);
    clock.set(days_later(1));
    shop.until_listed(days_later(1)).await;
}
