//! What happens in the business, one event after another, by a seed.

mod daily;

use std::collections::HashMap;

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::{Aggregate, DomainEvent};
use domain::account::{self, Account};
use domain::book::{self, Book};
use domain::course::{self, Course};
use domain::enrollment::EnrollmentId;
use domain::follow::FollowId;
use domain::product::{self, Product};
use domain::rating::{RatingId, Score};
use domain::shelf::ShelfId;
use domain::stock::{self, Level, Stock};
use domain::{
    AccountId, BookId, CourseId, Currency, LessonId, Money, Personal, ProductId, Quantity,
};
use eventstore::{RecordedEvent, StreamId};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::mpsc;
use uuid::Uuid;

const SEED: u64 = 1_494;
/// Events written in one commit.
const COMMIT: usize = 10_000;
const LESSONS: u32 = 10;
const STOCK: i64 = 900_000;

/// What has happened so far, as far as what happens next depends on it.
pub(super) struct Business {
    random: StdRng,
    commits: mpsc::Sender<Vec<RecordedEvent>>,
    pending: Vec<RecordedEvent>,
    pub(super) position: i64,
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
    pub(super) fn new(commits: mpsc::Sender<Vec<RecordedEvent>>) -> Self {
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

    pub(super) fn commit(&mut self) -> anyhow::Result<()> {
        let commit = std::mem::replace(&mut self.pending, Vec::with_capacity(COMMIT));
        self.commits.blocking_send(commit).context("nobody writes the history any more")
    }

    /// People and things, in numbers that fit the events to come.
    pub(super) fn open(&mut self, events: i64) -> anyhow::Result<()> {
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
}

fn pence(minor: i64) -> anyhow::Result<Money> {
    Ok(Money::new(minor, Currency::GBP)?)
}

const WORDS: [&str; 20] = [
    "harbour", "lantern", "winter", "garden", "railway", "mirror", "island", "letters", "orchard",
    "stranger", "river", "silence", "daughter", "compass", "empire", "feather", "granite",
    "horizon", "juniper", "kestrel",
];
