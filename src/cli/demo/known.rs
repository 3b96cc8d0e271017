//! Who knows an item, and since when: readers speak of what they have read, taken or bought.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{AccountId, ItemId};

use super::{dice::Dice, readers::Deeds};
use crate::cli::import::work::{Action, Work};

/// One reader and one item.
pub struct Acquaintance {
    pub reader: AccountId,
    pub since: DateTime<Utc>,
    /// In points, where there is a rating.
    pub points: Option<u8>,
}

pub struct Known {
    pub now: DateTime<Utc>,
    /// Everybody, with the time of joining.
    pub readers: Vec<(AccountId, DateTime<Utc>)>,
    pub items: BTreeMap<ItemId, Vec<Acquaintance>>,
}

impl Known {
    /// `member` has been there since `beginning`, with an account of another making.
    pub fn of(deeds: &Deeds, member: AccountId, [beginning, now]: [DateTime<Utc>; 2]) -> Self {
        let mut known = Self { now, readers: vec![(member, beginning)], items: BTreeMap::new() };
        let Deeds { accounts, opinions, learning, shopping, .. } = deeds;
        for work in [accounts, opinions, learning, shopping].into_iter().flatten() {
            let Work::Send(task) = work else { continue };
            match &task.action {
                Action::Register { account, .. } => known.readers.push((*account, task.at)),
                Action::Rate { reader, item, score } => {
                    known.add(*item, *reader, task.at, Some(score.points()));
                }
                Action::Complete { student, course, .. } => {
                    known.add((*course).into(), *student, task.at, None);
                }
                Action::Place { customer, items, .. } => {
                    for item in items {
                        known.add(item.product.into(), *customer, task.at, None);
                    }
                }
                _ => {}
            }
        }
        known
    }

    /// The first time counts.
    fn add(&mut self, item: ItemId, reader: AccountId, since: DateTime<Utc>, points: Option<u8>) {
        let those = self.items.entry(item).or_default();
        if those.iter().all(|one| one.reader != reader) {
            those.push(Acquaintance { reader, since, points });
        }
    }

    /// Some time in the days after `at`, but not in the future.
    pub fn later(&self, dice: &mut Dice, at: DateTime<Utc>, days: i64) -> DateTime<Utc> {
        let seconds = (self.now - at).min(TimeDelta::days(days)).num_seconds().max(1);
        at + TimeDelta::seconds(1 + dice.below(seconds as usize) as i64).min(self.now - at)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::collections::{HashMap, HashSet};

    use super::*;
    use crate::cli::{
        demo::{
            catalogue::Catalogue,
            likings,
            readers::{DAYS, Story},
            talk, trade,
        },
        import::{source::Source, work::Task},
    };

    /// All that readers do, in the order of the stages.
    fn world(now: DateTime<Utc>) -> Vec<Box<Task>> {
        let source = Source::new("demo").unwrap();
        let catalogue = Catalogue::read(&source).unwrap();
        let member = source.account("member");
        let deeds = Story::new(&catalogue, &source, member, now).tell().unwrap();
        let mut known = Known::of(&deeds, member, [now - TimeDelta::days(DAYS), now]);
        let likings = likings::tell(&mut known, &deeds).unwrap();
        let talk = talk::tell(&catalogue, &source, &known).unwrap();
        let carts = trade::carts(&catalogue, &source, now).unwrap();
        let deliveries = trade::deliveries(&deeds, &catalogue, now).unwrap();
        let Deeds { accounts, opinions, learning, shopping, loans } = deeds;
        let stages = [accounts, opinions, learning, shopping, loans, talk.comments, likings];
        let works = stages.into_iter().chain([talk.likes, carts, deliveries]).flatten();
        let task = |work| match work {
            Work::Send(task) => task,
            other => panic!("{other:?}"),
        };
        works.map(task).collect()
    }

    #[test]
    fn the_world_is_the_same_every_time_and_nothing_in_it_lies_ahead() {
        let now = DateTime::UNIX_EPOCH;
        let (once, again) = (world(now), world(now));
        assert_eq!(format!("{once:?}"), format!("{again:?}"));
        let mut keys = HashSet::new();
        for task in &once {
            assert!(keys.insert(&task.key), "{} twice", task.key);
            assert!(task.at <= now, "{} at {}", task.key, task.at);
        }
    }

    #[test]
    fn nobody_takes_back_what_was_not_given_or_speaks_twice_of_an_item() {
        let (mut given, mut said) = (HashMap::new(), HashSet::new());
        for task in world(DateTime::UNIX_EPOCH) {
            let at = task.at;
            let (what, first) = match task.action {
                Action::Like { reader, target } => (format!("like {reader} {target}"), true),
                Action::Unlike { reader, target } => (format!("like {reader} {target}"), false),
                Action::Favourite { reader, item } => (format!("shelf {reader} {item}"), true),
                Action::LetGo { reader, item } => (format!("shelf {reader} {item}"), false),
                Action::Follow { follower, followee } => (format!("{follower} {followee}"), true),
                Action::Unfollow { follower, followee } => {
                    (format!("{follower} {followee}"), false)
                }
                Action::Rate { reader, item, .. } => (format!("rating {reader} {item}"), true),
                Action::Unrate { reader, item } => (format!("rating {reader} {item}"), false),
                Action::Ship { order } => (format!("{order}"), true),
                Action::Deliver { order } => (format!("{order}"), false),
                Action::DeleteComment { comment, .. } => (comment.to_string(), false),
                Action::Comment { comment, author, item, .. } => {
                    let is_new = given.insert(comment.to_string(), at).is_none();
                    assert!(!is_new || said.insert((author, item)), "{author} again of {item}");
                    continue;
                }
                _ => continue,
            };
            match first {
                true => {
                    given.insert(what, at);
                }
                false => assert!(given[&what] <= at, "{what}"),
            }
        }
        assert!(said.len() > 90, "{}", said.len());
    }
}
