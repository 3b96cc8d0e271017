//! The process that asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::book::Book;
use domain::enrollment::Enrollment;
use domain::rating::{Rating, Refusal};
use domain::samples::at;
use eventstore::{Context, Decision, ExecuteError, Log, Receipt};
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

use super::{
    Answer, Asked, BOOKS, ISBNS, RATINGS, STUDENTS, Told, book, comparison, enroll, enrollment,
    label, leave, rate, rating, withdraw,
};
use crate::children::Task;
use crate::support;

pub const CLIENTS: &str = "clients";

const CLIENTS_EACH: u64 = 24;
const QUESTIONS: u64 = 25;
/// Of so many questions, both processes ask one under the same key.
const BOTH_ASK: u64 = 10;
/// What is nobody else's begins with this number.
const OWN_RATINGS: u8 = 150;
/// Of so many questions, a client does not wait for the answer to one, and asks again.
const HANGS_UP: u64 = 5;
/// Nothing can be read from the log, since nothing was decided.
const MISSING: &str = "there are not both";

pub async fn ask(task: Task) {
    let log = support::open(&task.url).await;
    warm(&log).await;
    let floor = Arc::new(AtomicI64::new(0));
    task.ready().await;
    let clients = (0..CLIENTS_EACH).map(|number| {
        let seed = (task.seed * CLIENTS_EACH + number) * 2;
        let client = Client {
            log: log.clone(),
            floor: floor.clone(),
            number,
            process: task.number,
            alone: StdRng::seed_from_u64(seed + task.number),
            together: StdRng::seed_from_u64(seed),
        };
        tokio::spawn(client.run())
    });
    for answers in join_all(clients).await {
        answers.unwrap().iter().for_each(|answer| task.report(answer));
    }
}

/// What is cached now is soon what somebody else has changed.
async fn warm(log: &Log) {
    for number in 0..RATINGS {
        log.load::<Rating>(rating(number)).await.unwrap();
    }
    for student in 0..STUDENTS {
        log.load::<Enrollment>(enrollment(student)).await.unwrap();
    }
    for number in 0..BOOKS {
        log.load::<Book>(book(number)).await.unwrap();
    }
}

struct Client {
    log: Log,
    /// The last position that anybody in this process was told of.
    floor: Arc<AtomicI64>,
    number: u64,
    process: u64,
    alone: StdRng,
    /// Throws the same in both processes.
    together: StdRng,
}

impl Client {
    async fn run(mut self) -> Vec<Answer> {
        let mut answers = Vec::new();
        let own = self.own_rating();
        for question in 0..QUESTIONS {
            let (key, asked) = match question % BOTH_ASK {
                0 => (format!("both-{}-{question}", self.number), asked(&mut self.together, None)),
                _ => {
                    let key = format!("{}-{}-{question}", self.process, self.number);
                    (key, asked(&mut self.alone, Some(own)))
                }
            };
            if self.alone.random_bool(0.5) {
                self.floor.fetch_max(self.head().await, Ordering::SeqCst);
            }
            let floor = self.floor.load(Ordering::SeqCst);
            if question % HANGS_UP == 1 {
                // Whatever became of it, asking again under the same key tells.
                let patience = Duration::from_micros(self.alone.random_range(0..4_000));
                drop(tokio::time::timeout(patience, put(&self.log, &key, &asked)).await);
            }
            let (told, replayed) = put(&self.log, &key, &asked).await;
            let ceiling = match &told {
                Told::Accepted { position, .. } => {
                    self.floor.fetch_max(*position, Ordering::SeqCst);
                    i64::MAX
                }
                _ => self.head().await,
            };
            answers.push(Answer { key, asked, told, replayed, floor, ceiling });
        }
        answers
    }

    /// One that nobody else asks about.
    fn own_rating(&self) -> u8 {
        OWN_RATINGS + (self.process * CLIENTS_EACH + self.number) as u8
    }

    async fn head(&self) -> i64 {
        self.log.reader().head().await.unwrap()
    }
}

fn asked(random: &mut StdRng, own: Option<u8>) -> Asked {
    if let Some(rating) = own
        && random.random_bool(0.3)
    {
        return Asked::Rate { rating, points: random.random_range(0..3) };
    }
    let (one, other) = (random.random_range(0..RATINGS), random.random_range(0..RATINGS));
    // Few scores, so that many are what they were.
    let points = random.random_range(0..3);
    let student = random.random_range(0..STUDENTS);
    match random.random_range(0..12) {
        0..3 => Asked::Rate { rating: one, points },
        3 => Asked::RateVersion { rating: one, points, expected: random.random_range(0..60) },
        4..6 => Asked::Withdraw { rating: one },
        6..8 => Asked::Compare { one, other },
        8 => Asked::Enroll { student },
        9 => Asked::Leave { student },
        _ => {
            let isbn = random.random_range(0..=ISBNS.len() as u8);
            let isbn = (usize::from(isbn) < ISBNS.len()).then_some(isbn);
            Asked::Label { book: random.random_range(0..BOOKS), isbn }
        }
    }
}

async fn put(log: &Log, key: &str, asked: &Asked) -> (Told, bool) {
    let mut context = Context::system("race", key.to_owned(), at(0));
    context.fingerprint = serde_json::to_vec(asked).unwrap();
    match *asked {
        Asked::Rate { rating: number, points } => {
            let command = rate(rating(number), points);
            told(log.execute::<Rating>(rating(number), command, &context).await)
        }
        Asked::RateVersion { rating: number, points, expected } => {
            context.expected = Some(expected);
            let command = rate(rating(number), points);
            told(log.execute::<Rating>(rating(number), command, &context).await)
        }
        Asked::Withdraw { rating: number } => {
            told(log.execute::<Rating>(rating(number), withdraw(number), &context).await)
        }
        Asked::Compare { one, other } => told(compare(log, &context, one, other).await),
        Asked::Enroll { student } => {
            told(log.execute::<Enrollment>(enrollment(student), enroll(student), &context).await)
        }
        Asked::Leave { student } => {
            told(log.execute::<Enrollment>(enrollment(student), leave(student), &context).await)
        }
        Asked::Label { book: number, isbn } => {
            told(log.execute::<Book>(book(number), label(number, isbn), &context).await)
        }
    }
}

async fn compare(
    log: &Log,
    context: &Context,
    one: u8,
    other: u8,
) -> Result<Receipt, ExecuteError<Refusal>> {
    log.decide::<Rating, _, _, ExecuteError<Refusal>>(context, |facts| async move {
        let first = facts.load::<Rating>(rating(one)).await?.state;
        let second = facts.load::<Rating>(rating(other)).await?.state;
        match super::history::better(&first, &second) {
            Some(points) => {
                let third = comparison(one, other);
                Ok(Decision::new(third, rate(third, points)))
            }
            None => Err(ExecuteError::Invalid(MISSING.to_owned())),
        }
    })
    .await
}

/// What is told, and whether it had been told before.
fn told<R: Serialize + std::fmt::Debug + std::fmt::Display>(
    answer: Result<Receipt, ExecuteError<R>>,
) -> (Told, bool) {
    match answer {
        Ok(Receipt { sequence, position, unchanged, replayed, .. }) => {
            (Told::Accepted { sequence, position, unchanged }, replayed)
        }
        Err(ExecuteError::Refused { refusal, replayed }) => {
            (Told::Refused { refusal: serde_json::to_value(refusal).unwrap() }, replayed)
        }
        Err(ExecuteError::Taken { .. }) => (Told::Taken, false),
        Err(ExecuteError::Full { .. }) => (Told::Full, false),
        Err(ExecuteError::Invalid(text)) if text == MISSING => (Told::Missing, false),
        Err(ExecuteError::Version { current }) => (Told::Version { current }, false),
        Err(ExecuteError::Contended { .. } | ExecuteError::Busy) => (Told::TryAgain, false),
        Err(error) => panic!("{error:?}"),
    }
}
