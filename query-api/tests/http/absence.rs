//! What cannot be had, is known already or is not wanted: on no rung of the ladder, whatever the reason.

use std::time::{Duration, Instant};

use domain::account::{self, Account, ProfileChanges};
use domain::book::{self, Book};
use domain::course::{self, Course};
use domain::dismissal::{self, Dismissal, DismissalId};
use domain::enrollment::{self, Enrollment, EnrollmentId};
use domain::follow::{self, Follow};
use domain::loan::{self, CopySet};
use domain::order::{self, Order, OrderNumber};
use domain::product::{self, Product};
use domain::samples::{at, lesson, pounds, quantity, tags, text, uuid};
use domain::stock::{self, Stock};
use domain::weekly::{self, List, Lists, Period, Ranked, Weekly};
use domain::{AccountId, BookId, CourseId, ItemId, ItemKind, ProductId};
use processes::{Training, train};
use serde_json::{Value, json};

use crate::world::World;

const TEACHER: u128 = 0x7e;
const RATERS: [u128; 3] = [0x11, 0x12, 0x13];

fn account(n: u128) -> AccountId {
    uuid(n).into()
}

/// One item for each reason not to recommend it, and a book for which there is none.
struct Goods {
    withdrawn: BookId,
    archived: CourseId,
    full: CourseId,
    discontinued: ProductId,
    sold_out: ProductId,
    bought: ProductId,
    borrowed: BookId,
    dismissed: BookId,
    disliked: BookId,
    kept: BookId,
}

impl Goods {
    /// All of them can be had, and have these labels.
    async fn offered<const N: usize>(world: &World, first: u128, labels: [&str; N]) -> Self {
        let id = |n: u128| uuid(first + n);
        let goods = Self {
            withdrawn: id(1).into(),
            archived: id(2).into(),
            full: id(3).into(),
            discontinued: id(4).into(),
            sold_out: id(5).into(),
            bought: id(6).into(),
            borrowed: id(7).into(),
            dismissed: id(8).into(),
            disliked: id(9).into(),
            kept: id(10).into(),
        };
        let books = [goods.withdrawn, goods.borrowed, goods.dismissed, goods.disliked, goods.kept];
        for book in books {
            let details = book::Details {
                genres: tags(labels),
                description: Some(text("A captain hunts a white whale across all oceans.")),
                ..book::samples::details("At sea", &book.to_string())
            };
            world.run::<Book>(book, book::samples::add(book, details)).await;
        }
        for course in [goods.archived, goods.full] {
            open_course(world, course, labels).await;
        }
        for product in [goods.discontinued, goods.sold_out, goods.bought] {
            let details = product::Details {
                tags: tags(labels),
                description: Some(text("For the hunt of white whales at sea.")),
                ..product::samples::details(&product.to_string()[24..], "A harpoon")
            };
            let add = product::samples::add(product, details, pounds(339));
            world.run::<Product>(product, add).await;
            let quantity = quantity(5);
            let receive = stock::Command::Receive { product, quantity, reason: None, at: at(0) };
            world.run::<Stock>(product, receive).await;
        }
        goods
    }

    fn all(&self) -> [ItemId; 10] {
        [
            self.withdrawn.into(),
            self.archived.into(),
            self.full.into(),
            self.discontinued.into(),
            self.sold_out.into(),
            self.bought.into(),
            self.borrowed.into(),
            self.dismissed.into(),
            self.disliked.into(),
            self.kept.into(),
        ]
    }

    /// What nobody can have any more.
    async fn run_out(&self, world: &World) {
        world.run::<Book>(self.withdrawn, book::samples::withdraw(self.withdrawn)).await;
        let archive =
            course::Command::Archive { course: self.archived, by: account(TEACHER), at: at(5) };
        world.run::<Course>(self.archived, archive).await;
        let enrollment = EnrollmentId { student: account(0x99), course: self.full };
        let (course, certificate) = (enrollment::samples::course(1), enrollment.certificate());
        let enroll = enrollment::Command::Enroll { enrollment, course, certificate, at: at(5) };
        world.run::<Enrollment>(enrollment, enroll).await;
        let product = self.discontinued;
        world.run::<Product>(product, product::samples::discontinue(product)).await;
        let product = self.sold_out;
        let adjust = stock::Command::Adjust { product, by: -5, reason: None, at: at(5) };
        world.run::<Stock>(product, adjust).await;
    }

    /// What `reader` has already, or does not want.
    async fn be_known_to(&self, world: &World, reader: u128) -> i64 {
        let customer = account(reader);
        let order = uuid(0x0d_0000 + reader + self.bought.uuid().as_u128() % 0x1000).into();
        let number = OrderNumber::new(at(0).date_naive(), reader as u32).unwrap();
        let lines = vec![order::samples::line(self.bought, 1, pounds(339))];
        let place = order::Command::Place { order, number, customer, lines, at: at(5) };
        world.run::<Order>(order, place).await;
        world.run::<Order>(order, order::Command::Confirm { order, at: at(6) }).await;

        let book = self.borrowed;
        let copies = loan::samples::copies(20);
        let copies = loan::Command::SetCopies { book, copies, at: at(5) };
        world.run::<CopySet>(book, copies).await;
        let borrow = loan::Command::Borrow { book, reader: customer, at: at(6) };
        world.run::<CopySet>(book, borrow).await;

        let dismissal = DismissalId { reader: customer, item: self.dismissed.into() };
        let dismiss = dismissal::Command::Dismiss { dismissal, at: at(5) };
        world.run::<Dismissal>(dismissal, dismiss).await;
        world.rate(customer, self.disliked, 2).await
    }
}

/// With one lesson and one seat.
async fn open_course<const N: usize>(world: &World, course: CourseId, labels: [&str; N]) {
    let by = account(TEACHER);
    let details = Box::new(course::Details {
        skills: tags(labels),
        ..course::samples::details(Some("Whales, and how to hunt them at sea."), Some(1))
    });
    let create = course::Command::Create { course, by, details, at: at(0) };
    world.run::<Course>(course, create).await;
    let (lesson, details) =
        (lesson(1), Box::new(course::samples::lesson_details(Some("Hold the rope."))));
    let add = course::Command::AddLesson { course, by, lesson, details, position: None, at: at(1) };
    world.run::<Course>(course, add).await;
    let publication = uuid(course.uuid().as_u128() % 0x1_0000 + 0x9b_0000).into();
    let publish = course::Command::Publish { course, by, publication, at: at(2) };
    world.run::<Course>(course, publish).await;
}

/// Where each item of the answer comes from.
async fn sources(world: &World, reader: u128, category: &str, after: i64) -> Vec<(ItemId, String)> {
    let token = world.token(account(reader), &[]);
    let category =
        if category.is_empty() { String::new() } else { format!("&category={category}") };
    let path = format!("/recommendations?limit=50&per_category=50{category}");
    let list = world.get(&path).bearer(&token).after(after).ok().await;
    let named = |item: &Value| {
        let text = |field: &str| item[field].as_str().unwrap().to_owned();
        (text("item").parse().unwrap(), text("source"))
    };
    list["items"].as_array().unwrap().iter().map(named).collect()
}

async fn book_of(world: &World, n: u128, genre: &str) -> BookId {
    let book = uuid(n).into();
    world.add_book(book, "A start", &format!("Author {n}"), Some(genre)).await;
    book
}

async fn fix_week(world: &World, goods: &Goods) {
    let of_kind = |kind: ItemKind| {
        let items = goods.all().into_iter().filter(|item| item.kind == kind);
        let ranked = items.map(|item| Ranked { id: item.id, score: 9.0, ratings: 3 });
        let lists = vec![List { genre: None, items: ranked.collect() }];
        Lists { kind, period: Period::Week, lists }
    };
    let (day, lists) = (weekly::samples::day(0), ItemKind::ALL.map(of_kind).to_vec());
    world.run::<Weekly>(day, weekly::samples::fix(day, lists)).await;
}

#[tokio::test]
async fn what_cannot_be_had_or_is_known_is_on_no_rung() {
    let world = World::start().await;
    let known = Goods::offered(&world, 0x1000, ["whales", "rare"]).await;
    let fresh = Goods::offered(&world, 0x2000, ["fresh"]).await;
    let fitted = book_of(&world, 0x3001, "starts").await;
    let mut last = 0;
    for rater in RATERS.map(account) {
        world.rate(rater, fitted, 9).await;
        for item in known.all() {
            last = world.rate(rater, item, 9).await;
        }
    }
    // The read model has to know before it is fitted.
    world.get(&format!("/books/{fitted}/similar")).after(last).ok().await;
    let training = Training { lambda: 1.0, people_min: 1, ..Training::default() };
    train(&world.log, training).await.unwrap();

    let later = book_of(&world, 0x3002, "starts").await;
    for rater in RATERS.map(account) {
        world.rate(rater, later, 9).await;
    }
    fix_week(&world, &known).await;
    world.register(account(RATERS[0]), "Rita").await;
    let (alone, topical) = (book_of(&world, 0x3003, "whales").await, account(0x104));
    world.rate(account(0x101), fitted, 9).await;
    world.rate(account(0x102), later, 9).await;
    world.rate(account(0x103), alone, 9).await;
    world.register(topical, "Toni").await;
    let changes = ProfileChanges { topics: Some(tags(["whales"])), ..ProfileChanges::default() };
    let choose = account::Command::ChangeProfile { account: topical, changes, at: at(1) };
    world.run::<Account>(topical, choose).await;
    let pair = follow::samples::pair(account(0x105), account(RATERS[0]));
    let last = world.run::<Follow>(pair, follow::samples::follow(pair)).await;

    let rungs = [
        ("model", 0x101, "", &known),
        ("co-occurrence", 0x102, "", &known),
        ("genres", 0x103, "", &known),
        ("topics", 0x104, "", &known),
        ("followed", 0x105, "", &known),
        ("weekly", 0x106, "", &known),
        ("top", 0x107, "rare", &known),
        ("newest", 0x108, "fresh", &fresh),
    ];
    for (rung, reader, category, goods) in rungs {
        let offered = sources(&world, reader, category, last).await;
        for item in goods.all() {
            assert!(offered.contains(&(item, rung.to_owned())), "{rung}, {item}: {offered:?}");
        }
    }
    known.run_out(&world).await;
    fresh.run_out(&world).await;
    for (rung, reader, category, goods) in rungs {
        let last = goods.be_known_to(&world, reader).await;
        let left = sources(&world, reader, category, last).await;
        for item in goods.all() {
            let is_there = left.iter().any(|(there, _)| *there == item);
            assert_eq!(is_there, item == goods.kept.into(), "{rung}, {item}: {left:?}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_had_or_is_known_is_not_recommended_for_its_meaning_either() {
    let Some(world) = World::with_meaning().await else { return };
    let goods = Goods::offered(&world, 0x1000, []).await;
    let liked = book_of(&world, 0x3001, "starts").await;
    let details = book::Revision {
        description: domain::Patch::Set(text("Whales are hunted at sea.")),
        ..book::Revision::default()
    };
    let revise = book::Command::Revise { book: liked, revision: Box::new(details), at: at(1) };
    world.run::<Book>(liked, revise).await;
    let last = world.rate(account(0x101), liked, 9).await;
    let begun = Instant::now();
    loop {
        let offered = sources(&world, 0x101, "", last).await;
        if offered.iter().filter(|(_, source)| source == "meaning").count() == goods.all().len() {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{offered:?}");
        tokio::task::yield_now().await;
    }
    goods.run_out(&world).await;
    let last = goods.be_known_to(&world, 0x101).await;

    let left = sources(&world, 0x101, "", last).await;

    let known: Vec<_> = left.iter().map(|(item, _)| *item).collect();
    assert_eq!(known, [goods.kept.into()], "{left:?}");
}

#[tokio::test]
async fn nobody_is_recommended_a_course_they_teach() {
    let world = World::start().await;
    let course: CourseId = uuid(0x1000).into();
    open_course(&world, course, ["whales"]).await;
    let last = world.rate(account(RATERS[0]), course, 9).await;

    let listed = async |reader: u128| {
        let offered = sources(&world, reader, "", last).await;
        offered.into_iter().map(|(item, _)| item).collect::<Vec<_>>()
    };
    assert_eq!(listed(0x101).await, [course.into()]);
    assert_eq!(listed(TEACHER).await, []);
    let of_a_session = format!("/recommendations?items=book:{}", uuid(1));
    let session = world.get(&of_a_session).after(last).ok().await;
    assert_eq!(session["items"][0]["item"], json!(ItemId::from(course).to_string()));
}
