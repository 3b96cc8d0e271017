//! Who follows whom.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::follow::{Event, Follow};
use eventstore::RecordedEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Projection, ProjectionError};

pub struct FollowGraph;

/// Since when, at which position; none once it has ended.
type Following = Option<(DateTime<Utc>, i64)>;

/// Follows as they stand after a batch, and by how much the counts of each account differ.
#[derive(Debug, Default, PartialEq)]
struct Changes {
    follows: BTreeMap<(Uuid, Uuid), Following>,
    counts: BTreeMap<Uuid, (i64, i64)>,
}

#[async_trait]
impl Projection for FollowGraph {
    fn name(&self) -> &'static str {
        "follow_graph"
    }

    fn version(&self) -> u32 {
        1
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Follow::TYPE]
    }

    fn schema(&self) -> &'static str {
        include_str!("follow.sql")
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
    let mut changes = Changes::default();
    for event in batch {
        let (follow, since, difference) = match event.decode()? {
            Event::UserFollowed { follow, at } => (follow, Some((at, event.position)), 1),
            Event::UserUnfollowed { follow, .. } => (follow, None, -1),
        };
        let (follower, followee) = (follow.follower.uuid(), follow.followee.uuid());
        changes.follows.insert((follower, followee), since);
        changes.counts.entry(followee).or_default().0 += difference;
        changes.counts.entry(follower).or_default().1 += difference;
    }
    Ok(changes)
}

async fn write(tx: &mut PgConnection, changes: Changes) -> Result<(), ProjectionError> {
    let (mut followers, mut followees) = (Vec::new(), Vec::new());
    let (mut since, mut positions) = (Vec::new(), Vec::new());
    let (mut leavers, mut left) = (Vec::new(), Vec::new());
    for ((follower, followee), state) in changes.follows {
        match state {
            Some((at, position)) => {
                followers.push(follower);
                followees.push(followee);
                since.push(at);
                positions.push(position);
            }
            None => {
                leavers.push(follower);
                left.push(followee);
            }
        }
    }
    sqlx::query(
        "insert into follows (follower, followee, since, position)
         select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::bigint[])
         on conflict (follower, followee) do update
            set since = excluded.since, position = excluded.position",
    )
    .bind(&followers)
    .bind(&followees)
    .bind(&since)
    .bind(&positions)
    .execute(&mut *tx)
    .await?;
    if !leavers.is_empty() {
        sqlx::query(
            "delete from follows
              where (follower, followee) in (select * from unnest($1::uuid[], $2::uuid[]))",
        )
        .bind(&leavers)
        .bind(&left)
        .execute(&mut *tx)
        .await?;
    }

    let (accounts, (followers, following)): (Vec<_>, (Vec<_>, Vec<_>)) =
        changes.counts.into_iter().unzip();
    sqlx::query(
        "insert into follow_counts as counts (account, followers, following)
         select * from unnest($1::uuid[], $2::bigint[], $3::bigint[])
         on conflict (account) do update
            set followers = counts.followers + excluded.followers,
                following = counts.following + excluded.following",
    )
    .bind(&accounts)
    .bind(&followers)
    .bind(&following)
    .execute(&mut *tx)
    .await?;
    Ok(())
}
