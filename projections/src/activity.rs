//! What people did that those who follow them may see: rated, favourited, enrolled, completed a
//! course, followed somebody.
//!
//! Not what they borrowed: anybody may follow anybody without being asked, and what a library lends
//! to whom is a matter between the two. An opinion is given to be heard; a loan is not.
//!
//! What was taken back is gone as if it had never been. Erased people stay in these tables, which
//! know them by their ids alone; the query side leaves them out, whatever is written about them
//! last.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::enrollment::{self, Enrollment};
use domain::follow::{self, Follow};
use domain::rating::{self, Rating, Score};
use domain::shelf::{self, Shelf};
use domain::{AccountId, ItemId};
use eventstore::RecordedEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Projection, ProjectionError};

pub struct Activity;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Rated,
    Favourited,
    Enrolled,
    Completed,
    Followed,
}

impl Deed {
    const fn name(self) -> &'static str {
        match self {
            Self::Rated => "rated",
            Self::Favourited => "favourited",
            Self::Enrolled => "enrolled",
            Self::Completed => "completed",
            Self::Followed => "followed",
        }
    }
}

/// Who did what to which thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    actor: Uuid,
    deed: Deed,
    kind: &'static str,
    object: Uuid,
}

/// The last time; none once it has been taken back.
type Done = Option<(DateTime<Utc>, Option<Score>)>;

/// Deeds as they stand after a batch, each with the position of the last word on it.
type Changes = BTreeMap<Key, (i64, Done)>;

#[async_trait]
impl Projection for Activity {
    fn name(&self) -> &'static str {
        "activity"
    }

    fn version(&self) -> u32 {
        1
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Rating::TYPE, Shelf::TYPE, Enrollment::TYPE, Follow::TYPE]
    }

    fn schema(&self) -> &'static str {
        include_str!("activity.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        write(tx, changes(batch)?).await
    }
}

fn changes(batch: &[&RecordedEvent]) -> Result<Changes, ProjectionError> {
    let mut changes = Changes::new();
    for event in batch {
        let change = match event.stream.aggregate_type.as_str() {
            Rating::TYPE => Some(rated(event.decode()?)),
            Shelf::TYPE => Some(favourited(event.decode()?)),
            Enrollment::TYPE => learned(event.decode()?),
            Follow::TYPE => Some(followed(event.decode()?)),
            _ => None,
        };
        changes.extend(change.map(|(key, done)| (key, (event.position, done))));
    }
    Ok(changes)
}

fn rated(event: rating::Event) -> (Key, Done) {
    let (rating, done) = match event {
        rating::Event::ItemRated { rating, score, at } => (rating, Some((at, Some(score)))),
        rating::Event::RatingChanged { rating, to, at, .. } => (rating, Some((at, Some(to)))),
        rating::Event::RatingWithdrawn { rating, .. } => (rating, None),
    };
    (to_item(rating.reader, Deed::Rated, rating.item), done)
}

fn favourited(event: shelf::Event) -> (Key, Done) {
    let (shelf, done) = match event {
        shelf::Event::FavouriteAdded { shelf, at } => (shelf, Some((at, None))),
        shelf::Event::FavouriteRemoved { shelf, .. } => (shelf, None),
    };
    (to_item(shelf.reader, Deed::Favourited, shelf.item), done)
}

/// Lessons are between the student and the course.
fn learned(event: enrollment::Event) -> Option<(Key, Done)> {
    let (enrollment, deed, done) = match event {
        enrollment::Event::StudentEnrolled { enrollment, at, .. } => {
            (enrollment, Deed::Enrolled, Some((at, None)))
        }
        enrollment::Event::EnrollmentWithdrawn { enrollment, .. } => {
            (enrollment, Deed::Enrolled, None)
        }
        enrollment::Event::CourseCompleted { enrollment, at, .. } => {
            (enrollment, Deed::Completed, Some((at, None)))
        }
        enrollment::Event::LessonCompleted { .. } | enrollment::Event::LessonReopened { .. } => {
            return None;
        }
    };
    Some((to_item(enrollment.student, deed, enrollment.course.into()), done))
}

fn followed(event: follow::Event) -> (Key, Done) {
    let (follow, done) = match event {
        follow::Event::UserFollowed { follow, at } => (follow, Some((at, None))),
        follow::Event::UserUnfollowed { follow, .. } => (follow, None),
    };
    let (actor, object) = (follow.follower.uuid(), follow.followee.uuid());
    (Key { actor, deed: Deed::Followed, kind: "account", object }, done)
}

fn to_item(actor: AccountId, deed: Deed, item: ItemId) -> Key {
    Key { actor: actor.uuid(), deed, kind: item.kind.name(), object: item.id }
}

/// Columns of `activity`.
#[derive(Default)]
struct Rows {
    actors: Vec<Uuid>,
    deeds: Vec<&'static str>,
    kinds: Vec<&'static str>,
    objects: Vec<Uuid>,
    scores: Vec<Option<i16>>,
    times: Vec<DateTime<Utc>>,
    positions: Vec<i64>,
}

impl Rows {
    fn push_key(&mut self, key: Key) {
        self.actors.push(key.actor);
        self.deeds.push(key.deed.name());
        self.kinds.push(key.kind);
        self.objects.push(key.object);
    }
}

async fn write(tx: &mut PgConnection, changes: Changes) -> Result<(), ProjectionError> {
    let (mut rows, mut gone) = (Rows::default(), Rows::default());
    for (key, (position, done)) in changes {
        let Some((at, score)) = done else {
            gone.push_key(key);
            continue;
        };
        rows.push_key(key);
        rows.scores.push(score.map(|score| i16::from(score.points())));
        rows.times.push(at);
        rows.positions.push(position);
    }
    sqlx::query(
        "insert into activity (actor, deed, kind, object, score, at, position)
         select * from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::smallint[],
                              $6::timestamptz[], $7::bigint[])
         on conflict (actor, deed, kind, object) do update
            set score = excluded.score, at = excluded.at, position = excluded.position",
    )
    .bind(rows.actors)
    .bind(rows.deeds)
    .bind(rows.kinds)
    .bind(rows.objects)
    .bind(rows.scores)
    .bind(rows.times)
    .bind(rows.positions)
    .execute(&mut *tx)
    .await?;
    if gone.actors.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "delete from activity
          where (actor, deed, kind, object)
             in (select * from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[]))",
    )
    .bind(gone.actors)
    .bind(gone.deeds)
    .bind(gone.kinds)
    .bind(gone.objects)
    .execute(tx)
    .await?;
    Ok(())
}
