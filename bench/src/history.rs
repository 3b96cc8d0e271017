//! A log as a business of some size has it, made from a seed: valid events of every slice, most of
//! them ratings, each in its place with its leaf in the hash chain.
//!
//! It is copied in rather than appended, since it is what a benchmark needs before it begins.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::{Aggregate, DomainEvent};
use domain::account::{self, Account, ProfileChanges};
use domain::book::{self, Book};
use domain::course::{self, Course};
use domain::enrollment::{self, Enrollment, EnrollmentId};
use domain::follow::{self, Follow, FollowId};
use domain::fulfilment::{self, Fulfilment, Need};
use domain::order::{self, Line, Order, OrderNumber};
use domain::product::{self, Product};
use domain::rating::{self, Rating, RatingId, Score};
use domain::shelf::{self, Shelf, ShelfId};
use domain::stock::{self, Level, Stock};
use domain::{
    AccountId, BookId, CourseId, Currency, ItemId, LessonId, Money, Patch, Personal, ProductId,
    Quantity,
};
use eventstore::{RecordedEvent, StreamId};
use indicatif::{ProgressBar, ProgressStyle};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::{Acquire, Executor, PgPool};
use tokio::sync::mpsc;
use uuid::Uuid;

const SEED: u64 = 1_494;
/// Events written in one commit.
const COMMIT: usize = 10_000;
/// Commits made ready while one is written.
const COMMITS_AHEAD_MAX: usize = 2;
const LESSONS: u32 = 10;
const STOCK: i64 = 900_000;

/// Fills an empty, migrated log with at least this many events.
pub async fn write(pool: &PgPool, events: i64) -> anyhow::Result<()> {
    let (sender, mut commits) = mpsc::channel::<Vec<RecordedEvent>>(COMMITS_AHEAD_MAX);
    let making = tokio::task::spawn_blocking(move || {
        let mut business = Business::new(sender);
        business.open(events)?;
        while business.position < events {
            business.go_on()?;
        }
        business.commit()
    });
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} events of history, {eta} left")?;
    let bar = ProgressBar::new(events.unsigned_abs()).with_style(style);
    let mut hash = vec![0; 32];
    while let Some(commit) = commits.recv().await {
        hash = copy_in(pool, &commit, hash).await?;
        bar.set_position(commit.last().map_or(0, |event| event.position.unsigned_abs()));
    }
    making.await??;
    bar.finish_and_clear();
    // As autovacuum leaves a log of this age: hint bits set, statistics known.
    pool.execute("vacuum analyze eventstore.events").await?;
    Ok(())
}

/// Writes one commit and gives its hash.
async fn copy_in(
    pool: &PgPool,
    commit: &[RecordedEvent],
    previous: Vec<u8>,
) -> anyhow::Result<Vec<u8>> {
    let (Some(first), Some(last)) = (commit.first(), commit.last()) else {
        return Ok(previous);
    };
    let mut text = String::new();
    let mut chained = previous;
    for event in commit {
        chained.extend(event.leaf());
        let number = |number: i64| number.to_string();
        let columns = [
            &event.stream.aggregate_type,
            &event.stream.aggregate_id,
            &number(event.sequence),
            &event.event_type,
            &event.event_version,
            &event.payload,
            &event.metadata,
            &number(event.position),
            &event.recorded_at.to_rfc3339(),
        ];
        for (number, column) in columns.into_iter().enumerate() {
            text.push_str(if number > 0 { "\t" } else { "" });
            // JSON text has no raw tabs and line breaks, only backslashes.
            text.push_str(&column.replace('\\', "\\\\"));
        }
        text.push('\n');
    }
    let mut connection = pool.acquire().await?;
    let mut tx = connection.begin().await?;
    let mut copy = tx
        .copy_in_raw(
            "copy eventstore.events (aggregate_type, aggregate_id, sequence, event_type,
                 event_version, payload, metadata, position, recorded_at) from stdin",
        )
        .await?;
    copy.send(text.as_bytes()).await?;
    copy.finish().await?;
    let hash = sqlx::query_scalar(
        "insert into eventstore.commits (last_position, first_position, hash, recorded_at)
         values ($1, $2, sha256($3), $4)
         returning hash",
    )
    .bind(last.position)
    .bind(first.position)
    .bind(chained)
    .bind(last.recorded_at)
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(hash)
}

/// What has happened so far, as far as what happens next depends on it.
struct Business {
    random: StdRng,
    commits: mpsc::Sender<Vec<RecordedEvent>>,
    pending: Vec<RecordedEvent>,
    position: i64,
    opened_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    accounts: Vec<AccountId>,
    books: Vec<BookId>,
    products: Vec<(ProductId, Level)>,
    courses: Vec<(CourseId, Vec<LessonId>)>,
    /// How long each stream is that may grow.
    sequences: HashMap<StreamId, i64>,
    ratings: HashMap<RatingId, Option<Score>>,
    shelves: HashMap<ShelfId, bool>,
    follows: HashMap<FollowId, bool>,
    enrollments: HashMap<EnrollmentId, u32>,
    orders: u32,
}

impl Business {
    fn new(commits: mpsc::Sender<Vec<RecordedEvent>>) -> Self {
        Self {
            random: StdRng::seed_from_u64(SEED),
            commits,
            pending: Vec::with_capacity(COMMIT),
            position: 0,
            opened_at: DateTime::UNIX_EPOCH + TimeDelta::days(20_000),
            recorded_at: Utc::now(),
            accounts: Vec::new(),
            books: Vec::new(),
            products: Vec::new(),
            courses: Vec::new(),
            sequences: HashMap::new(),
            ratings: HashMap::new(),
            shelves: HashMap::new(),
            follows: HashMap::new(),
            enrollments: HashMap::new(),
            orders: 0,
        }
    }

    /// When the next event happens: some thousands a day.
    fn now(&self) -> DateTime<Utc> {
        self.opened_at + TimeDelta::seconds(self.position * 20)
    }

    /// Ids grow with time, as the product's own do.
    fn id(&mut self) -> Uuid {
        let milliseconds = self.now().timestamp_millis().unsigned_abs();
        uuid::Builder::from_unix_timestamp_millis(milliseconds, &self.random.random()).into_uuid()
    }

    /// One of `count`; the first ones are the popular ones.
    fn popular(&mut self, count: usize) -> usize {
        let share: f64 = self.random.random();
        ((share * share * count as f64) as usize).min(count - 1)
    }

    fn account(&mut self) -> AccountId {
        let number = self.random.random_range(0..self.accounts.len());
        self.accounts[number]
    }

    fn record<A: Aggregate>(
        &mut self,
        id: impl ToString,
        actor: AccountId,
        event: A::Event,
    ) -> anyhow::Result<()> {
        let stream = StreamId::new(A::TYPE, id.to_string());
        let sequence = self.sequences.entry(stream.clone()).or_default();
        *sequence += 1;
        let sequence = *sequence;
        let (command, trace, span) =
            (self.id(), self.random.random::<u128>(), self.random.random::<u64>());
        self.position += 1;
        self.recorded_at += TimeDelta::microseconds(200);
        self.pending.push(RecordedEvent {
            position: self.position,
            stream,
            sequence,
            event_type: event.event_type(),
            event_version: event.event_version(),
            payload: serde_json::to_string(&event)?,
            metadata: format!(
                r#"{{"actor":"{actor}","command_id":"{command}","correlation_id":"{command}","source":"http","traceparent":"00-{trace:032x}-{span:016x}-01"}}"#
            ),
            recorded_at: DateTime::from_timestamp_micros(self.recorded_at.timestamp_micros())
                .context("a time")?,
        });
        if self.pending.len() == COMMIT { self.commit() } else { Ok(()) }
    }

    fn commit(&mut self) -> anyhow::Result<()> {
        let commit = std::mem::replace(&mut self.pending, Vec::with_capacity(COMMIT));
        self.commits.blocking_send(commit).context("nobody writes the history any more")
    }

    /// People and things, in numbers that fit the events to come.
    fn open(&mut self, events: i64) -> anyhow::Result<()> {
        let share = |of: i64| usize::try_from((events / of).max(10));
        for number in 0..share(50)? {
            self.register(number)?;
        }
        for number in 0..share(100)? {
            self.add_book(number)?;
        }
        for number in 0..share(400)? {
            self.add_product(number)?;
        }
        for number in 0..share(10_000)? {
            self.publish_course(number)?;
        }
        Ok(())
    }

    fn register(&mut self, number: usize) -> anyhow::Result<()> {
        let account = AccountId::from(self.id());
        // As long as a sealed value is; nobody opens it.
        let sealed = |length: usize| format!("{number:0length$}");
        let event = account::Event::AccountRegistered {
            account,
            email: Personal::Sealed { subject: account, sealed: sealed(96) },
            display_name: Personal::Sealed { subject: account, sealed: sealed(80) },
            at: self.now(),
        };
        self.accounts.push(account);
        self.record::<Account>(account, account, event)
    }

    fn book_details(&mut self, number: usize) -> anyhow::Result<Box<book::Details>> {
        let years = 1_800 + i32::try_from(number % 220)?;
        Ok(Box::new(book::Details {
            title: format!("{} and the {} of {number}", WORDS[number % 20], WORDS[number % 13])
                .parse()?,
            authors: vec![format!("{} {}", WORDS[number % 17], WORDS[number % 11]).parse()?]
                .try_into()?,
            isbn: None,
            publisher: Some(format!("{} Press", WORDS[number % 7]).parse()?),
            published_year: Some(years.try_into()?),
            series: None,
            genres: vec![WORDS[number % 20].parse()?].try_into()?,
            audience: book::Audience::General,
            language: Some("en".parse()?),
            description: Some(
                (0..20)
                    .map(|word| WORDS[(number + word * 7) % 20])
                    .collect::<Vec<_>>()
                    .join(" ")
                    .parse()?,
            ),
            cover_url: None,
        }))
    }

    fn add_book(&mut self, number: usize) -> anyhow::Result<()> {
        let (book, by) = (BookId::from(self.id()), self.accounts[0]);
        let details = self.book_details(number)?;
        self.books.push(book);
        self.record::<Book>(book, by, book::Event::BookAdded { book, details, at: self.now() })
    }

    fn add_product(&mut self, number: usize) -> anyhow::Result<()> {
        let (product, by) = (ProductId::from(self.id()), self.accounts[0]);
        let details = Box::new(product::Details {
            sku: format!("SKU-{number}").parse()?,
            name: format!("{} {} {number}", WORDS[number % 20], WORDS[number % 9]).parse()?,
            description: None,
            category: Some(WORDS[number % 5].parse()?),
            tags: vec![WORDS[number % 20].parse()?].try_into()?,
        });
        let (price, at) = (pence(100 + i64::try_from(number)? % 5_000)?, self.now());
        let added = product::Event::ProductAdded { product, details, price, at };
        self.record::<Product>(product, by, added)?;
        let level = Level { on_hand: STOCK, reserved: 0 };
        let (quantity, reason) = (Quantity::try_from(u32::try_from(STOCK)?)?, None);
        let received = stock::Event::StockReceived { product, quantity, reason, level, at };
        self.record::<Stock>(product, by, received)?;
        self.products.push((product, level));
        Ok(())
    }

    fn publish_course(&mut self, number: usize) -> anyhow::Result<()> {
        let (course, by, at) = (CourseId::from(self.id()), self.accounts[1], self.now());
        let details = Box::new(course::Details {
            title: format!("{} for readers {number}", WORDS[number % 20]).parse()?,
            description: Some("What it is about, in a sentence or two.".parse()?),
            level: Some(course::Level::Beginner),
            skills: vec![WORDS[number % 20].parse()?].try_into()?,
            seats: None,
        });
        let created = course::Event::CourseCreated { course, instructor: by, details, at };
        self.record::<Course>(course, by, created)?;
        let mut lessons = Vec::new();
        for position in 1..=LESSONS {
            let lesson = LessonId::from(self.id());
            let details = Box::new(course::LessonDetails {
                title: format!("Lesson {position}").parse()?,
                text: Some("What there is to learn. ".repeat(20).parse()?),
                minutes: Some(30.try_into()?),
            });
            let added = course::Event::LessonAdded { course, lesson, position, details, at };
            self.record::<Course>(course, by, added)?;
            lessons.push(lesson);
        }
        let publication = self.id().into();
        let requested = course::Event::PublicationRequested { course, publication, at };
        self.record::<Course>(course, by, requested)?;
        let (instructor, count) = (by, LESSONS);
        let published =
            course::Event::CoursePublished { course, publication, instructor, lessons: count, at };
        self.record::<Course>(course, by, published)?;
        self.courses.push((course, lessons));
        Ok(())
    }

    /// The next thing that happens.
    fn go_on(&mut self) -> anyhow::Result<()> {
        match self.random.random_range(0..1_000) {
            0..50 => self.favour(),
            50..100 => self.follow(),
            100..160 => self.study(),
            160..168 => self.buy(),
            168..175 => self.change_profile(),
            175..180 => self.revise_book(),
            180..183 => self.reprice(),
            _ => self.rate(),
        }
    }

    fn item(&mut self) -> ItemId {
        let number = self.popular(self.books.len());
        self.books[number].into()
    }

    fn rate(&mut self) -> anyhow::Result<()> {
        let (reader, item, at) = (self.account(), self.item(), self.now());
        let rating = RatingId { reader, item };
        let to = Score::try_from(self.random.random_range(2..=10))?;
        let withdraw = self.random.random_bool(0.1);
        let event = match self.ratings.insert(rating, Some(to)).flatten() {
            None => rating::Event::ItemRated { rating, score: to, at },
            Some(score) if withdraw || score == to => {
                self.ratings.insert(rating, None);
                rating::Event::RatingWithdrawn { rating, score, at }
            }
            Some(from) => rating::Event::RatingChanged { rating, from, to, at },
        };
        self.record::<Rating>(rating, reader, event)
    }

    fn favour(&mut self) -> anyhow::Result<()> {
        let (reader, item, at) = (self.account(), self.item(), self.now());
        let shelf = ShelfId { reader, item };
        let event = if toggled(self.shelves.entry(shelf)) {
            shelf::Event::FavouriteAdded { shelf, at }
        } else {
            shelf::Event::FavouriteRemoved { shelf, at }
        };
        self.record::<Shelf>(shelf, reader, event)
    }

    fn follow(&mut self) -> anyhow::Result<()> {
        let (follower, at) = (self.account(), self.now());
        let popular = self.popular(self.accounts.len());
        let followee = self.accounts[popular];
        if follower == followee {
            return Ok(());
        }
        let follow = FollowId { follower, followee };
        let event = if toggled(self.follows.entry(follow)) {
            follow::Event::UserFollowed { follow, at }
        } else {
            follow::Event::UserUnfollowed { follow, at }
        };
        self.record::<Follow>(follow, follower, event)
    }

    /// Enrolls, or completes the next lesson; after the last one there is a certificate.
    fn study(&mut self) -> anyhow::Result<()> {
        let (student, at, lessons) = (self.account(), self.now(), LESSONS);
        let popular = self.popular(self.courses.len());
        let (course, taught) = &self.courses[popular];
        let enrollment = EnrollmentId { student, course: *course };
        let Entry::Occupied(mut progress) = self.enrollments.entry(enrollment) else {
            self.enrollments.insert(enrollment, 0);
            let enrolled =
                enrollment::Event::StudentEnrolled { enrollment, completed: 0, lessons, at };
            return self.record::<Enrollment>(enrollment, student, enrolled);
        };
        if *progress.get() == lessons {
            return Ok(());
        }
        let lesson = taught[*progress.get() as usize];
        *progress.get_mut() += 1;
        let completed = *progress.get();
        let score = Some(80.try_into()?);
        let done = enrollment::Event::LessonCompleted {
            enrollment,
            lesson,
            score,
            completed,
            lessons,
            at,
        };
        self.record::<Enrollment>(enrollment, student, done)?;
        if completed == lessons {
            let certificate = self.id().into();
            let event = enrollment::Event::CourseCompleted { enrollment, certificate, at };
            self.record::<Enrollment>(enrollment, student, event)?;
        }
        Ok(())
    }

    /// An order with one to ten lines, fulfilled at once.
    fn buy(&mut self) -> anyhow::Result<()> {
        let (customer, order, at) = (self.account(), self.id().into(), self.now());
        let mut chosen: Vec<usize> = (0..self.random.random_range(1..=10))
            .map(|_| self.popular(self.products.len()))
            .collect();
        chosen.sort_unstable();
        chosen.dedup();
        let quantity = Quantity::try_from(2)?;
        let (mut lines, mut needs) = (Vec::new(), Vec::new());
        for number in &chosen {
            let product = self.products[*number].0;
            let (sku, name) = (format!("SKU-{number}").parse()?, WORDS[number % 20].parse()?);
            lines.push(Line { product, sku, name, quantity, unit_price: pence(250)? });
            needs.push(Need { product, quantity });
        }
        let total = pence(500 * i64::try_from(lines.len())?)?;
        let line_count = u32::try_from(lines.len())?;
        self.orders = self.orders % OrderNumber::NUMBER_MAX + 1;
        let number = OrderNumber::new(at.date_naive(), self.orders)?;
        let placed =
            order::Event::OrderPlaced { order, number, customer, lines, line_count, total, at };
        self.record::<Order>(order, customer, placed)?;
        let started = fulfilment::Event::FulfilmentStarted { order, needs, at };
        self.record::<Fulfilment>(order, customer, started)?;
        let mut products = Vec::new();
        for number in chosen {
            let (product, level) = &mut self.products[number];
            let product = *product;
            level.reserved += 2;
            let level = *level;
            let reserved = stock::Event::StockReserved { product, order, quantity, level, at };
            self.record::<Stock>(product, customer, reserved)?;
            products.push(product);
        }
        let reserved = fulfilment::Event::LinesReserved { order, products, at };
        self.record::<Fulfilment>(order, customer, reserved)?;
        let confirmed = order::Event::OrderConfirmed { order, customer, total, at };
        self.record::<Order>(order, customer, confirmed)?;
        let confirmed = fulfilment::Event::FulfilmentConfirmed { order, at };
        self.record::<Fulfilment>(order, customer, confirmed)
    }

    fn change_profile(&mut self) -> anyhow::Result<()> {
        let (account, at) = (self.account(), self.now());
        let language = Patch::Set("en".parse()?);
        let changes = ProfileChanges { language, ..ProfileChanges::default() };
        let event = account::Event::ProfileChanged { account, changes, at };
        self.record::<Account>(account, account, event)
    }

    fn revise_book(&mut self) -> anyhow::Result<()> {
        let (number, by, at) = (self.popular(self.books.len()), self.accounts[0], self.now());
        let (book, details) = (self.books[number], self.book_details(number + 1)?);
        self.record::<Book>(book, by, book::Event::BookRevised { book, details, at })
    }

    fn reprice(&mut self) -> anyhow::Result<()> {
        let (number, by, at) = (self.popular(self.products.len()), self.accounts[0], self.now());
        let (product, from, to) = (self.products[number].0, pence(250)?, pence(300)?);
        let event = product::Event::ProductRepriced { product, from, to, at };
        self.record::<Product>(product, by, event)
    }
}

/// Turns something on or off and says whether it is on now.
fn toggled<K>(entry: Entry<'_, K, bool>) -> bool {
    let on = entry.or_insert(false);
    *on = !*on;
    *on
}

fn pence(minor: i64) -> anyhow::Result<Money> {
    Ok(Money::new(minor, Currency::GBP)?)
}

const WORDS: [&str; 20] = [
    "harbour", "lantern", "winter", "garden", "railway", "mirror", "island", "letters", "orchard",
    "stranger", "river", "silence", "daughter", "compass", "empire", "feather", "granite",
    "horizon", "juniper", "kestrel",
];
