//! What the log says, at every moment.

use std::collections::{BTreeMap, HashMap};

use domain::book::{self, Isbn};
use domain::enrollment::{self, EnrollmentId};
use domain::rating::Rating;
use domain::{BookId, Recorded};
use eventstore::{Log, RecordedEvent};
use serde_json::Value;
use sqlx::Row;

/// A command's stored answer.
#[derive(Debug)]
pub struct Stored {
    pub stream: String,
    pub sequence: i64,
    pub position: i64,
    pub appended: bool,
    pub refusal: Option<Value>,
}

/// Who has what, after some position.
#[derive(Debug, Default, Clone)]
pub struct Moment {
    pub seats: Vec<EnrollmentId>,
    pub isbns: BTreeMap<BookId, Isbn>,
}

pub struct History {
    streams: HashMap<String, Vec<RecordedEvent>>,
    commands: HashMap<String, Stored>,
    /// By position; the first is before everything.
    moments: Vec<Moment>,
}

impl History {
    pub async fn read(log: &Log) -> Self {
        let mut streams: HashMap<String, Vec<RecordedEvent>> = HashMap::new();
        let mut moments = vec![Moment::default()];
        for event in log.reader().page(0, i64::MAX).await.unwrap() {
            moments.push(after(moments.last().unwrap(), &event));
            streams.entry(event.stream.to_string()).or_default().push(event);
        }
        let rows = sqlx::query(
            "select key, aggregate_type || '/' || aggregate_id as stream, sequence, position,
                    appended, refusal from eventstore.commands",
        )
        .fetch_all(log.pool())
        .await
        .unwrap();
        let commands = rows.iter().map(|row| {
            let refusal: Option<String> = row.get("refusal");
            let stored = Stored {
                stream: row.get("stream"),
                sequence: row.get("sequence"),
                position: row.get("position"),
                appended: row.get("appended"),
                refusal: refusal.map(|refusal| serde_json::from_str(&refusal).unwrap()),
            };
            (row.get("key"), stored)
        });
        Self { commands: commands.collect(), streams, moments }
    }

    pub fn command(&self, key: &str) -> Option<&Stored> {
        self.commands.get(key)
    }

    fn stream<A: Recorded>(&self, id: impl std::fmt::Display) -> &[RecordedEvent] {
        self.streams.get(&format!("{}/{id}", A::TYPE)).map_or(&[], Vec::as_slice)
    }

    /// The stream's events that this command appended.
    pub fn events_of<A: Recorded>(&self, id: impl std::fmt::Display, key: &str) -> Vec<A::Event> {
        let events = self.stream::<A>(id).iter();
        let ours = events.filter(|event| event.metadata()["command_id"] == key);
        ours.map(|event| event.decode().unwrap()).collect()
    }

    /// How many events the stream had when the log had so many.
    pub fn sequence_at<A: Recorded>(&self, id: impl std::fmt::Display, position: i64) -> i64 {
        self.stream::<A>(id).partition_point(|event| event.position <= position) as i64
    }

    /// What the stream's first events make.
    pub fn state<A: Recorded>(&self, id: impl std::fmt::Display, sequence: i64) -> A {
        let mut state = A::default();
        for event in &self.stream::<A>(id)[..sequence as usize] {
            state.apply(event.decode().unwrap());
        }
        state
    }

    pub fn state_at<A: Recorded>(&self, id: impl std::fmt::Display + Copy, position: i64) -> A {
        self.state(id, self.sequence_at::<A>(id, position))
    }

    /// Whether something was so at one moment at least, of those from `floor` to `ceiling`.
    pub fn once(&self, floor: i64, ceiling: i64, so: impl Fn(i64, &Moment) -> bool) -> bool {
        (floor..=ceiling).any(|position| so(position, &self.moments[position as usize]))
    }
}

fn after(moment: &Moment, event: &RecordedEvent) -> Moment {
    let mut moment = moment.clone();
    match event.stream.aggregate_type.as_str() {
        "enrollment" => match event.decode().unwrap() {
            enrollment::Event::StudentEnrolled { enrollment, .. } => moment.seats.push(enrollment),
            enrollment::Event::EnrollmentWithdrawn { enrollment, .. } => {
                moment.seats.retain(|taken| *taken != enrollment);
            }
            _ => {}
        },
        "book" => match event.decode().unwrap() {
            book::Event::BookAdded { book, details, .. }
            | book::Event::BookRevised { book, details, .. } => {
                match details.isbn {
                    Some(isbn) => moment.isbns.insert(book, isbn),
                    None => moment.isbns.remove(&book),
                };
            }
            book::Event::BookWithdrawn { book, .. } => drop(moment.isbns.remove(&book)),
        },
        _ => {}
    }
    moment
}

/// The better of two ratings, if there are both.
pub fn better(one: &Rating, other: &Rating) -> Option<u8> {
    let points = |rating: &Rating| {
        let rating = serde_json::to_value(rating).unwrap();
        rating["score"].as_u64().map(|points| points as u8)
    };
    points(one).zip(points(other)).map(|(one, other)| one.max(other))
}
