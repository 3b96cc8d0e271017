//! Followers for tests.

use super::{Command, Event, FollowId};
use crate::{
    AccountId,
    samples::{ada, at, bob},
};

pub const fn pair(follower: AccountId, followee: AccountId) -> FollowId {
    FollowId { follower, followee }
}

pub fn followed(follow: FollowId) -> Event {
    Event::UserFollowed { follow, at: at(0) }
}

pub fn unfollowed(follow: FollowId) -> Event {
    Event::UserUnfollowed { follow, at: at(1) }
}

pub fn follow(follow: FollowId) -> Command {
    Command::Follow { follow, at: at(0) }
}

pub fn unfollow(follow: FollowId) -> Command {
    Command::Unfollow { follow, at: at(1) }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    let pair = pair(ada(), bob());
    vec![followed(pair), unfollowed(pair)]
}
