//! What readers make of what they know: ratings of courses and products, likes, favourites, what
//! they want no more of, and second thoughts about all of it.

use chrono::{DateTime, Utc};
use domain::{AccountId, ItemId, ItemKind, like::Target, rating::Score};

use super::{dice::Dice, known::Known, readers::Deeds};
use crate::cli::import::work::{Action, Work};

const SEED: u64 = 1_605;

/// In the order of time for everybody: the lanes are the readers'.
pub struct Likings<'k> {
    known: &'k mut Known,
    dice: Dice,
    works: Vec<Work>,
}

/// Ratings are added to what is known.
pub fn tell(known: &mut Known, deeds: &Deeds) -> anyhow::Result<Vec<Work>> {
    let mut likings = Likings { known, dice: Dice::new(SEED), works: Vec::new() };
    likings.rate()?;
    likings.like()?;
    likings.dismiss();
    likings.think_again(deeds);
    Ok(likings.works)
}

impl Likings<'_> {
    /// Answers when it happens.
    fn add(
        &mut self,
        what: &str,
        (reader, item): (AccountId, ItemId),
        after: DateTime<Utc>,
        action: Action,
    ) -> DateTime<Utc> {
        let at = self.known.later(&mut self.dice, after, 12);
        let key = format!("{what}:{reader}:{item}");
        self.works.push(Work::prepare(key, reader.uuid().as_u128(), at, action));
        at
    }

    /// Books are rated already.
    fn rate(&mut self) -> anyhow::Result<()> {
        let mut items = std::mem::take(&mut self.known.items);
        for (item, those) in items.iter_mut().filter(|(item, _)| item.kind != ItemKind::Book) {
            for one in those {
                if self.dice.percent(60) {
                    let points = self.dice.between(4, 10) as u8;
                    let (reader, item, score) = (one.reader, *item, Score::try_from(points)?);
                    let rate = Action::Rate { reader, item, score };
                    one.since = self.add("rating", (reader, item), one.since, rate);
                    one.points = Some(points);
                }
            }
        }
        self.known.items = items;
        Ok(())
    }

    fn like(&mut self) -> anyhow::Result<()> {
        let items = std::mem::take(&mut self.known.items);
        for (item, one) in
            items.iter().flat_map(|(item, those)| those.iter().map(|one| (*item, one)))
        {
            let Some(points) = one.points else { continue };
            let (reader, target, pair) = (one.reader, Target::Item(item), (one.reader, item));
            if points >= 9 && self.dice.percent(25) {
                let at = self.add("like", pair, one.since, Action::Like { reader, target });
                if self.dice.percent(6) {
                    self.add("unlike", pair, at, Action::Unlike { reader, target });
                }
            }
            if points == 10 && self.dice.percent(40) {
                let at = self.add("favourite", pair, one.since, Action::Favourite { reader, item });
                if self.dice.percent(8) {
                    self.add("let-go", pair, at, Action::LetGo { reader, item });
                }
            }
            match self.dice.below(100) {
                0..3 => {
                    let better = if points < 8 { points + 2 } else { points - 1 };
                    let rate = Action::Rate { reader, item, score: Score::try_from(better)? };
                    self.add("rating-again", pair, one.since, rate);
                }
                3 => {
                    self.add("no-rating", pair, one.since, Action::Unrate { reader, item });
                }
                _ => {}
            }
        }
        self.known.items = items;
        Ok(())
    }

    /// What a reader has not read, and does not want to be told of again.
    fn dismiss(&mut self) {
        let all: Vec<ItemId> = self.known.items.keys().copied().collect();
        for (reader, joined) in self.known.readers.clone() {
            if !self.dice.percent(35) {
                continue;
            }
            let count = self.dice.between(1, 3);
            for item in self.dice.some(&all, count) {
                if self.known.items[&item].iter().any(|one| one.reader == reader) {
                    continue;
                }
                let pair = (reader, item);
                let at = self.add("dismissal", pair, joined, Action::Dismiss { reader, item });
                if self.dice.percent(15) {
                    self.add("want-again", pair, at, Action::WantAgain { reader, item });
                }
            }
        }
    }

    /// Some are followed no more, some lessons are done once more, and some courses are left before
    /// their first lesson is done.
    fn think_again(&mut self, deeds: &Deeds) {
        let mut starting = Vec::new();
        for work in deeds.opinions.iter().chain(&deeds.learning) {
            let Work::Send(task) = work else { continue };
            match task.action {
                Action::Follow { follower, followee } if self.dice.percent(5) => {
                    let key = format!("unfollow:{follower}:{followee}");
                    let at = self.known.later(&mut self.dice, task.at, 9);
                    let unfollow = Action::Unfollow { follower, followee };
                    self.works.push(Work::prepare(key, task.lane, at, unfollow));
                }
                Action::Enroll { student, course } => starting.push((student, course, task.at)),
                Action::Complete { student, course, lesson, .. } => {
                    starting.retain(|(who, what, _)| (*who, *what) != (student, course));
                    if self.dice.percent(4) {
                        let key = format!("reopened:{student}:{lesson}");
                        let at = self.known.later(&mut self.dice, task.at, 9);
                        let reopen = Action::Reopen { student, course, lesson };
                        self.works.push(Work::prepare(key, task.lane, at, reopen));
                    }
                }
                _ => {}
            }
        }
        for (student, course, at) in starting {
            if self.dice.percent(60) {
                let leave = Action::Withdraw { student, course };
                self.add("left", (student, course.into()), at, leave);
            }
        }
    }
}
