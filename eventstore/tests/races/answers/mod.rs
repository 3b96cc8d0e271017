//! Two processes with warm caches ask for changes of the same streams at the same time. Whatever a
//! client is told (changed, unchanged, refused, taken, full, not there, another version) must be
//! what the log said at one moment between the question and the answer.

mod clients;
mod history;
mod proof;

use domain::book::{self, Book, Isbn, Revision};
use domain::course::{self, Course};
use domain::enrollment::{self, CourseFacts, EnrollmentId};
use domain::rating::{self, RatingId};
use domain::samples::{ada, at, middlemarch, rust_course, uuid};
use domain::{AccountId, BookId, Patch};
use eventstore::{Context, Log};
use serde::{Deserialize, Serialize};

use crate::children::race;
use crate::support;
use history::History;

pub use clients::{CLIENTS, ask};

const PROCESSES: u64 = 2;
const SEEDS: u64 = 3;
/// Runs more seeds than CI has time for.
const SEEDS_WANTED: &str = "DAYBOOK_TEST_SEEDS";

const RATINGS: u8 = 3;
const STUDENTS: u8 = 6;
const SEATS: u32 = 3;
const BOOKS: u8 = 4;
const ISBNS: [&str; 2] = ["9780141439549", "9780306406157"];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Asked {
    Rate {
        rating: u8,
        points: u8,
    },
    RateVersion {
        rating: u8,
        points: u8,
        expected: i64,
    },
    Withdraw {
        rating: u8,
    },
    /// Gives the better of two ratings to a third, if there are both.
    Compare {
        one: u8,
        other: u8,
    },
    Enroll {
        student: u8,
    },
    Leave {
        student: u8,
    },
    Label {
        book: u8,
        isbn: Option<u8>,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Told {
    Accepted {
        sequence: i64,
        position: i64,
        unchanged: bool,
    },
    Refused {
        refusal: serde_json::Value,
    },
    Taken,
    Full,
    Missing,
    Version {
        current: i64,
    },
    /// No answer, only that there is none.
    TryAgain,
}

#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    key: String,
    asked: Asked,
    told: Told,
    replayed: bool,
    /// The log had at least this many events when the question was asked.
    floor: i64,
    /// And at most this many when the answer was there.
    ceiling: i64,
}

fn rating(number: u8) -> RatingId {
    let reader = AccountId::from(uuid(u128::from(number)));
    RatingId { reader, ..rating::samples::rating() }
}

/// The rating that [`Asked::Compare`] gives.
fn comparison(one: u8, other: u8) -> RatingId {
    rating(100 + one * RATINGS + other)
}

fn enrollment(student: u8) -> EnrollmentId {
    EnrollmentId { student: AccountId::from(uuid(u128::from(student))), course: rust_course() }
}

fn book(number: u8) -> BookId {
    BookId::from(uuid(u128::from(number)))
}

fn isbn(number: u8) -> Isbn {
    ISBNS[usize::from(number)].parse().unwrap()
}

fn rate(rating: RatingId, points: u8) -> rating::Command {
    rating::Command::Rate { rating, score: rating::samples::score(points), at: at(0) }
}

fn withdraw(number: u8) -> rating::Command {
    rating::Command::Withdraw { rating: rating(number), at: at(0) }
}

fn enroll(student: u8) -> enrollment::Command {
    let course = CourseFacts { open: true, lessons: Vec::new() };
    let enrollment = enrollment(student);
    let certificate = enrollment.certificate();
    enrollment::Command::Enroll { enrollment, course, certificate, at: at(0) }
}

fn leave(student: u8) -> enrollment::Command {
    enrollment::Command::Withdraw { enrollment: enrollment(student), at: at(0) }
}

fn label(number: u8, label: Option<u8>) -> book::Command {
    let isbn = label.map_or(Patch::Clear, |number| Patch::Set(isbn(number)));
    let revision = Box::new(Revision { isbn, ..Revision::default() });
    book::Command::Revise { book: book(number), revision, at: at(0) }
}

/// A course with few seats, and books without an ISBN.
async fn prepare(log: &Log) {
    let details = Box::new(course::samples::details(None, Some(SEATS)));
    let create = course::Command::Create { course: rust_course(), by: ada(), details, at: at(0) };
    let context = |key: String| Context::system("race", key, at(0));
    log.execute::<Course>(rust_course(), create, &context("course".to_owned())).await.unwrap();
    for number in 0..BOOKS {
        let details = book::samples::details("Middlemarch", "George Eliot");
        let add = book::samples::add(book(number), details);
        let key = format!("book {number} {}", middlemarch());
        log.execute::<Book>(book(number), add, &context(key)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_told_what_the_log_contradicts() {
    let wanted = std::env::var(SEEDS_WANTED).ok().and_then(|seeds| seeds.parse().ok());
    for seed in 0..wanted.unwrap_or(SEEDS) {
        let url = support::database();
        let log = support::open(&url).await;
        prepare(&log).await;
        let answers: Vec<Answer> = race(CLIENTS, &url, PROCESSES, seed).await;
        let history = History::read(&log).await;
        for answer in &answers {
            if let Err(wrong) = proof::check(&history, answer) {
                panic!("seed {seed}: {wrong}\n{answer:?}\n{:?}", history.command(&answer.key));
            }
        }
        proof::keys_have_one_answer(&answers);
        proof::everything_was_tried(&answers);
    }
}
