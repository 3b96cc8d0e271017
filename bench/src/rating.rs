//! What everybody appends: a reader's ratings of a book, some 300 bytes an event.

use chrono::{DateTime, Utc};
use domain::rating::{Event, Rating, RatingId, Score};
use domain::{AccountId, BookId};
use eventstore::Metadata;
use eventstore::append::{Append, NewEvent, Write};
use uuid::Uuid;

pub use domain::rating::Rating as Aggregate;

/// One command and its events, not written down in anyone's format yet: each contender does that
/// in its own way, within the time measured.
#[derive(Debug)]
pub struct Rated {
    rating: RatingId,
    command: Uuid,
    at: DateTime<Utc>,
    events: usize,
}

impl Rated {
    /// So many events for a stream that nobody has used.
    pub fn new(events: usize) -> Self {
        let reader = AccountId::new(Uuid::new_v4());
        let item = BookId::new(Uuid::new_v4()).into();
        Self { rating: RatingId { reader, item }, command: Uuid::now_v7(), at: Utc::now(), events }
    }

    pub const fn stream_type() -> &'static str {
        <Rating as cqrs_es::Aggregate>::TYPE
    }

    pub fn stream(&self) -> String {
        self.rating.to_string()
    }

    pub const fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// With their sequences. Each score differs from the one before.
    pub fn events(&self) -> impl Iterator<Item = (i64, Event)> {
        (1..).zip(self.scores()).map(|(sequence, (from, to))| {
            let (rating, at) = (self.rating, self.at);
            let event = match from {
                None => Event::ItemRated { rating, score: to, at },
                Some(from) => Event::RatingChanged { rating, from, to, at },
            };
            (sequence, event)
        })
    }

    fn scores(&self) -> impl Iterator<Item = (Option<Score>, Score)> {
        let score = |points| Score::try_from(points).ok();
        let scores = (0..=10).cycle().take(self.events).filter_map(score);
        let before = (0..=10).cycle().map(score);
        std::iter::once(None).chain(before).zip(scores)
    }

    pub fn metadata(&self) -> Metadata {
        Metadata::from([
            ("actor".to_owned(), self.rating.reader.to_string()),
            ("command_id".to_owned(), self.command.to_string()),
            ("correlation_id".to_owned(), self.command.to_string()),
        ])
    }

    /// As our log takes it.
    pub fn append(&self) -> anyhow::Result<Append> {
        use cqrs_es::DomainEvent;
        let metadata = serde_json::to_string(&self.metadata())?;
        let mut events = Vec::with_capacity(self.events);
        for (_, event) in self.events() {
            events.push(NewEvent {
                event_type: event.event_type(),
                event_version: event.event_version(),
                payload: serde_json::to_string(&event)?,
                metadata: metadata.clone(),
            });
        }
        Ok(Append {
            caller: self.rating.reader.to_string(),
            key: self.command.to_string(),
            fingerprint: self.command.as_bytes().repeat(2),
            refusal: None,
            writes: vec![Write {
                stream: eventstore::StreamId::new(Self::stream_type(), self.stream()),
                expected: 0,
                events,
            }],
            guards: Vec::new(),
            claims: Vec::new(),
            subjects: Vec::new(),
            erased: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_some_three_hundred_bytes() -> anyhow::Result<()> {
        let append = Rated::new(3).append()?;
        assert_eq!(append.writes[0].events.len(), 3);
        for event in &append.writes[0].events {
            let bytes = event.payload.len() + event.metadata.len();
            assert!((250..=350).contains(&bytes), "{bytes}");
        }
        Ok(())
    }

    #[test]
    fn a_long_history_is_one_the_rules_allow() {
        let mut rating = Rating::default();
        for (_, event) in Rated::new(30).events() {
            let command = match &event {
                Event::ItemRated { rating, score: to, at }
                | Event::RatingChanged { rating, to, at, .. } => {
                    domain::rating::Command::Rate { rating: *rating, score: *to, at: *at }
                }
                Event::RatingWithdrawn { .. } => panic!("nothing is withdrawn"),
            };
            assert_eq!(rating.decide(command), Ok(vec![event.clone()]));
            cqrs_es::Aggregate::apply(&mut rating, event);
        }
    }
}
