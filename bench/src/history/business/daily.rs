//! A day's business: what readers, students and customers do, and how often.

use std::collections::hash_map::Entry;

use domain::account::{self, Account, ProfileChanges};
use domain::book::{self, Book};
use domain::enrollment::{self, Enrollment, EnrollmentId};
use domain::follow::{self, Follow, FollowId};
use domain::fulfilment::{self, Fulfilment, Need};
use domain::order::{self, Line, Order, OrderNumber};
use domain::product::{self, Product};
use domain::rating::{self, Rating, RatingId, Score};
use domain::shelf::{self, Shelf, ShelfId};
use domain::stock::{self, Stock};
use domain::{ItemId, Patch, Quantity};
use rand::RngExt;

use super::{Business, LESSONS, WORDS, pence};

impl Business {
    /// The next thing that happens.
    pub(in crate::history) fn go_on(&mut self) -> anyhow::Result<()> {
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
