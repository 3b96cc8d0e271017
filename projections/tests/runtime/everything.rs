//! All projections of the program at once, while the stream or the log itself is lost under them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cqrs_es::{Aggregate, DomainEvent};
use domain::account::{self, Account};
use domain::book::{self, Book};
use domain::cart::{self, Cart};
use domain::comment::{self, Comment};
use domain::course::{self, Course};
use domain::dismissal::{self, Dismissal, DismissalId};
use domain::enrollment::{self, Enrollment, EnrollmentId};
use domain::follow::{self, Follow, FollowId};
use domain::like::{self, Like, LikeId, Target};
use domain::loan::{self, CopySet};
use domain::order::{self, Order};
use domain::product::{self, Product};
use domain::rating::{self, Rating, RatingId};
use domain::samples::{at, pounds, quantity, uuid};
use domain::shelf::{self, Shelf, ShelfId};
use domain::stock::{self, Level, Stock};
use domain::{AccountId, BookId, CommentId, OrderId, ProductId};
use eventstore::{Bus, BusOptions};
use projections::Projection;
use projections::runtime::{Options, verify};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::house::{Happened, House, Program};

/// All projections share two cores with other tests.
const DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);

/// A house with a stream, a relay and every projection.
struct Business {
    house: House,
    bus: Bus,
    program: Program,
    relay: Option<DropGuard>,
    /// How much has happened; it makes the ids.
    happened: u128,
}

fn recorded<A: Aggregate>(id: impl ToString, event: A::Event) -> Happened {
    Happened {
        aggregate_type: A::TYPE.to_owned(),
        id: id.to_string(),
        event_type: event.event_type(),
        version: event.event_version(),
        payload: serde_json::to_string(&event).unwrap(),
    }
}

/// Something in nearly every slice, all of it new. `score` makes histories differ.
fn happening(number: u128, score: u8) -> Vec<Happened> {
    let reader = AccountId::from(uuid(0x10_0000 + number));
    let other = AccountId::from(uuid(0x10_0000 + number + 1));
    let book = BookId::from(uuid(0x20_0000 + number));
    let product = ProductId::from(uuid(0x30_0000 + number));
    let order = OrderId::from(uuid(0x40_0000 + number));
    let course = uuid(0x50_0000 + number).into();
    let (rating, shelf) =
        (RatingId { reader, item: book.into() }, ShelfId { reader, item: book.into() });
    let comment = CommentId::from(uuid(0x60_0000 + number));
    let like = LikeId { reader: other, target: Target::Comment(comment) };
    let follow = FollowId { follower: reader, followee: other };
    let enrollment = EnrollmentId { student: reader, course };
    let (number, lines, total) = (order::samples::number(), order::samples::lines(), pounds(2034));
    let level = Level { on_hand: 10, reserved: 0 };
    let details = course::samples::details(None, None);
    let created = course::Event::CourseCreated {
        course,
        instructor: other,
        details: Box::new(details),
        at: at(0),
    };
    let posted = comment::Event::CommentPosted {
        comment,
        item: book.into(),
        author: reader,
        text: comment::samples::remark(reader, "Ah"),
        at: at(0),
    };
    let placed = order::Event::OrderPlaced {
        order,
        number,
        customer: reader,
        lines,
        line_count: 1,
        total,
        at: at(0),
    };
    let received = stock::Event::StockReceived {
        product,
        quantity: quantity(10),
        reason: None,
        level,
        at: at(0),
    };
    let quantity = cart::samples::pieces(u32::from(score));
    let dismissal = DismissalId { reader, item: book.into() };
    let put_in = cart::Event::ItemAdded { customer: reader, product, quantity, at: at(0) };
    let score = rating::samples::score(score);
    let due_at = loan::samples::due_at();
    let borrowed = loan::Event::BookBorrowed { book, reader, due_at, at: at(0) };
    let enrolled =
        enrollment::Event::StudentEnrolled { enrollment, completed: 0, lessons: 2, at: at(0) };
    vec![
        recorded::<Account>(reader, account::samples::registered(reader, "ada@example.org")),
        recorded::<Book>(book, book::samples::added(book, book::samples::full_details())),
        recorded::<Course>(course, created),
        recorded::<Product>(
            product,
            product::samples::added(product, product::samples::full_details(), pounds(339)),
        ),
        recorded::<Stock>(product, received),
        recorded::<Rating>(rating, rating::Event::ItemRated { rating, score, at: at(0) }),
        recorded::<Shelf>(shelf, shelf::Event::FavouriteAdded { shelf, at: at(0) }),
        recorded::<Dismissal>(
            dismissal,
            dismissal::Event::RecommendationDismissed { dismissal, at: at(0) },
        ),
        recorded::<CopySet>(book, borrowed),
        recorded::<Comment>(comment, posted),
        recorded::<Like>(like, like::samples::liked(like)),
        recorded::<Follow>(follow, follow::samples::followed(follow)),
        recorded::<Enrollment>(enrollment, enrolled),
        recorded::<Cart>(reader, put_in),
        recorded::<Order>(order, placed),
        recorded::<Order>(
            order,
            order::Event::OrderConfirmed { order, customer: reader, total, at: at(1) },
        ),
    ]
}

fn all() -> Vec<Arc<dyn Projection>> {
    projections::all().into_iter().map(Arc::from).collect()
}

impl Business {
    /// None, said aloud, without a nats-server.
    async fn open() -> Option<Self> {
        let nats = local_services::testing::nats()?;
        let house = House::new().await;
        let name = house.url.rsplit('/').next().unwrap().to_uppercase();
        let stream = BusOptions {
            stream: format!("EVERYTHING_{}_{name}", std::process::id()),
            stream_bytes_max: 64 << 20,
            ..BusOptions::default()
        };
        let bus = Bus::connect_with(&nats, stream).await.unwrap();
        let program = house.start_with(all(), Some(bus.clone()), Options::default()).await;
        let mut business = Self { house, bus, program, relay: None, happened: 0 };
        business.start_relay();
        business.go_on(7).await;
        business.caught_up().await;
        Some(business)
    }

    fn start_relay(&mut self) {
        let shutdown = CancellationToken::new();
        let (reader, bus) = (self.house.reader.clone(), self.bus.clone());
        tokio::spawn(eventstore::relay(reader, bus, shutdown.clone()));
        self.relay = Some(shutdown.drop_guard());
    }

    async fn go_on(&mut self, score: u8) -> i64 {
        self.happened += 1;
        self.house.record(happening(self.happened, score)).await
    }

    /// Waits until every projection is live and has scanned the whole log.
    async fn caught_up(&self) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let builds = projections::runtime::status(&self.house.pool).await.unwrap();
            let head = self.house.reader.head().await.unwrap();
            let there = builds.iter().filter(|build| {
                build.live_at.is_some()
                    && build.position >= head
                    && !build.stale
                    && build.parked == 0
            });
            if there.count() == all().len() {
                return;
            }
            assert!(Instant::now() < deadline, "the builds are {builds:#?}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until the stream is sound and ends where the log does.
    async fn stream_complete(&self) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let head = self.house.reader.head().await.unwrap();
            let status = self.bus.status(&self.house.reader).await;
            if let Ok(Some(status)) = &status
                && status.fault.is_none()
                && status.last == head
            {
                return;
            }
            assert!(Instant::now() < deadline, "head {head}, {status:?}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Every read model is what a fresh build makes of the log.
    async fn all_equal_their_rebuild(&self) {
        for projection in projections::all() {
            let (pool, reader) = (&self.house.pool, &self.house.reader);
            let report = verify(pool, reader, &*projection, &|_| {}).await.unwrap();
            assert!(report.equal, "{report:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_projection_survives_that_the_stream_is_deleted_under_load() {
    let Some(mut business) = Business::open().await else { return };
    for round in 0..300 {
        business.go_on(8).await;
        if round % 100 == 50 {
            business.stream_complete().await;
            business.bus.delete_stream().await.unwrap();
        }
    }
    business.caught_up().await;
    business.all_equal_their_rebuild().await;
    business.stream_complete().await;
    business.go_on(9).await;
    business.caught_up().await;
    business.program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_projection_is_made_anew_when_the_log_lost_commits_and_went_on() {
    let Some(mut business) = Business::open().await else { return };
    let mut kept = 0;
    for round in 0..40 {
        let last = business.go_on(8).await;
        kept = if round == 20 { last } else { kept };
    }
    business.caught_up().await;
    business.stream_complete().await;

    // NATS keeps its stream; the restored log is the longer one before anybody has looked.
    business.house.lose_commits_after(kept).await;
    business.happened -= 19;
    for _ in 0..30 {
        business.go_on(3).await;
    }
    business.caught_up().await;
    business.stream_complete().await;
    business.all_equal_their_rebuild().await;
    business.go_on(9).await;
    business.caught_up().await;
    business.program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_tail_keeps_no_projection_behind_for_a_second() {
    let Some(mut business) = Business::open().await else { return };
    let mut fastest = u128::MAX;
    // The machine may be busy; what counts is that it does not take a second by itself.
    for _ in 0..5 {
        business.start_relay();
        business.go_on(8).await;
        business.stream_complete().await;
        business.caught_up().await;
        business.relay = None;
        business.go_on(8).await;
        let since = Instant::now();
        business.caught_up().await;
        fastest = fastest.min(since.elapsed().as_millis());
    }
    assert!(fastest < 1_000, "it took {fastest} ms");
    business.program.stop().await;
}
