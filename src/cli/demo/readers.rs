//! Sixty readers who do not exist, with tastes that a recommender should find again.
//!
//! Everybody likes one group of genres, some a second one. They rate mostly what they like, follow
//! mostly whom they share it with, take a course or two, buy things for reading and writing, and
//! borrow a book now and then.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{AccountId, Name, OrderId, Quantity, enrollment::Mark, rating::Score};

use super::{
    catalogue::{Catalogue, FORMER},
    dice::Dice,
};
use crate::cli::import::{
    source::Source,
    work::{Action, Task, Work, register},
};

const READERS: usize = 60;
const SEED: u64 = 1_813;
/// How far back the story goes.
pub const DAYS: i64 = 60;
/// What is rare is wanted by more than can have it.
pub const RARE: &str = "FIRST-EMMA";
const RARE_WANTED_BY: usize = 5;

const TASTES: [&[&str]; 6] = [
    &["society", "romance"],
    &["adventure", "sea"],
    &["horror", "gothic", "mystery"],
    &["science fiction", "satire"],
    &["philosophy", "poetry", "drama"],
    &["children"],
];
const FIRST_NAMES: [&str; 20] = [
    "Ada", "Bela", "Clara", "Dmitri", "Edda", "Farid", "Greta", "Hamid", "Iris", "Jonas", "Kaya",
    "Leo", "Mina", "Noor", "Olga", "Piet", "Quinn", "Rosa", "Sami", "Thea",
];
const LAST_NAMES: [&str; 15] = [
    "Adler", "Brandt", "Castro", "Diallo", "Eriksen", "Ferrari", "Gruber", "Hansen", "Ivanova",
    "Jansen", "Kowalski", "Lopez", "Moreau", "Novak", "Okafor",
];

struct Reader {
    key: String,
    account: AccountId,
    taste: usize,
    second_taste: Option<usize>,
    /// Hours after the beginning of the story.
    joined: i64,
}

/// The story so far, and the chance that writes it on.
pub struct Story<'c> {
    catalogue: &'c Catalogue,
    source: &'c Source,
    beginning: DateTime<Utc>,
    dice: Dice,
    readers: Vec<Reader>,
}

/// What readers do, stage by stage: everybody registers before anybody follows.
pub struct Deeds {
    pub accounts: Vec<Work>,
    pub opinions: Vec<Work>,
    pub learning: Vec<Work>,
    pub shopping: Vec<Work>,
    pub loans: Vec<Work>,
}

impl<'c> Story<'c> {
    /// `member` is somebody a person can log in as: one more reader, who likes adventures.
    pub fn new(
        catalogue: &'c Catalogue,
        source: &'c Source,
        member: AccountId,
        now: DateTime<Utc>,
    ) -> Self {
        let mut dice = Dice::new(SEED);
        let mut readers: Vec<Reader> = (0..READERS)
            .map(|number| {
                let key = format!("{:02}", number + 1);
                Reader {
                    account: source.account(&key),
                    key,
                    taste: number % TASTES.len(),
                    second_taste: dice.percent(30).then(|| dice.below(TASTES.len())),
                    joined: dice.below(20 * 24) as i64,
                }
            })
            .collect();
        let key = "member".to_owned();
        readers.push(Reader { key, account: member, taste: 1, second_taste: None, joined: 0 });
        Self { catalogue, source, beginning: now - TimeDelta::days(DAYS), dice, readers }
    }

    pub fn tell(mut self) -> anyhow::Result<Deeds> {
        let accounts = self.accounts()?;
        let (mut opinions, mut learning, mut shopping) = (Vec::new(), Vec::new(), Vec::new());
        for reader in 0..self.readers.len() {
            self.rate(reader, &mut opinions)?;
            self.follow(reader, &mut opinions);
            self.learn(reader, &mut learning)?;
            self.buy(reader, &mut shopping)?;
        }
        self.want_the_rare(&mut shopping)?;
        let mut loans = Vec::new();
        for reader in 0..self.readers.len() {
            self.borrow(reader, &mut loans);
        }
        Ok(Deeds { accounts, opinions, learning, shopping, loans })
    }

    fn now(&self) -> DateTime<Utc> {
        self.beginning + TimeDelta::days(DAYS)
    }

    /// Some time between the reader's joining and now.
    fn time(&mut self, reader: usize) -> DateTime<Utc> {
        let joined = self.readers[reader].joined;
        let minutes = (DAYS * 24 - joined) * 60;
        let after = self.dice.below(minutes as usize) as i64;
        self.beginning + TimeDelta::hours(joined) + TimeDelta::minutes(after)
    }

    fn accounts(&self) -> anyhow::Result<Vec<Work>> {
        let mut works = Vec::new();
        for (number, reader) in self.readers.iter().enumerate().take(READERS) {
            let at = self.beginning + TimeDelta::hours(reader.joined);
            let (mut task, _): (Task, _) = register(self.source, "Reader", &reader.key, at);
            if let Action::Register { display_name, .. } = &mut task.action {
                let first = FIRST_NAMES[number % FIRST_NAMES.len()];
                let last = LAST_NAMES[number * 7 % LAST_NAMES.len()];
                *display_name = format!("{first} {last}").parse::<Name>()?;
            }
            works.push(Work::Send(Box::new(task)));
        }
        Ok(works)
    }

    fn rate(&mut self, reader: usize, works: &mut Vec<Work>) -> anyhow::Result<()> {
        let of = &self.readers[reader];
        let likes = |genres: &[String]| {
            [Some(of.taste), of.second_taste]
                .into_iter()
                .flatten()
                .any(|taste| genres.iter().any(|genre| TASTES[taste].contains(&genre.as_str())))
        };
        let (liked, other): (Vec<usize>, Vec<usize>) = (0..self.catalogue.books.len())
            .partition(|book| likes(&self.catalogue.books[*book].genres));
        let (many, few) = (self.dice.between(13, 24), self.dice.between(4, 9));
        let mut chosen = self.dice.some(&liked, many);
        chosen.extend(self.dice.some(&other, few));
        for book in chosen {
            let points = match likes_it(&liked, book) {
                true => self.dice.between(7, 10),
                false => self.dice.between(2, 7),
            };
            let at = self.time(reader);
            let (reader, book) = (&self.readers[reader], &self.catalogue.books[book]);
            let action = Action::Rate {
                reader: reader.account,
                item: book.id.into(),
                score: Score::try_from(points as u8)?,
            };
            let key = format!("rating:{}:{}", reader.key, book.key);
            works.push(Work::prepare(key, reader.account.uuid().as_u128(), at, action));
        }
        Ok(())
    }

    fn follow(&mut self, reader: usize, works: &mut Vec<Work>) {
        let taste = self.readers[reader].taste;
        let others = (0..self.readers.len()).filter(|other| *other != reader);
        let (alike, unlike): (Vec<usize>, Vec<usize>) =
            others.partition(|other| self.readers[*other].taste == taste);
        let (many, few) = (self.dice.between(2, 5), self.dice.between(0, 2));
        let mut followed = self.dice.some(&alike, many);
        followed.extend(self.dice.some(&unlike, few));
        for other in followed {
            // Nobody can be followed before joining.
            let later = if self.readers[other].joined > self.readers[reader].joined {
                other
            } else {
                reader
            };
            let at = self.time(later);
            let (reader, other) = (&self.readers[reader], &self.readers[other]);
            let action = Action::Follow { follower: reader.account, followee: other.account };
            let key = format!("follow:{}:{}", reader.key, other.key);
            works.push(Work::prepare(key, reader.account.uuid().as_u128(), at, action));
        }
    }

    fn learn(&mut self, reader: usize, works: &mut Vec<Work>) -> anyhow::Result<()> {
        let open = |course: &usize| self.catalogue.courses[*course].key != FORMER;
        let courses: Vec<usize> = (0..self.catalogue.courses.len()).filter(open).collect();
        let count = self.dice.between(0, 3);
        for course in self.dice.some(&courses, count) {
            let course = &self.catalogue.courses[course];
            let mut at = self.time(reader);
            let student = self.readers[reader].account;
            let lane = student.uuid().as_u128();
            let name = format!("{}:{}", self.readers[reader].key, course.key);
            let enroll = Action::Enroll { student, course: course.id };
            works.push(Work::prepare(format!("enrollment:{name}"), lane, at, enroll));
            let done = self.dice.between(0, course.lessons.len() + 1).min(course.lessons.len());
            for (place, (lesson, _)) in course.lessons.iter().take(done).enumerate() {
                at += TimeDelta::minutes(self.dice.between(20, 600) as i64);
                at = at.min(self.now());
                let score = Some(Mark::try_from(self.dice.between(55, 100) as u8)?);
                let complete =
                    Action::Complete { student, course: course.id, lesson: *lesson, score };
                let key = format!("completion:{name}:{place}");
                works.push(Work::prepare(key, lane, at, complete));
            }
        }
        Ok(())
    }

    fn buy(&mut self, reader: usize, works: &mut Vec<Work>) -> anyhow::Result<()> {
        let common: Vec<usize> = (0..self.catalogue.products.len())
            .filter(|product| self.catalogue.products[*product].sku() != RARE)
            .collect();
        for number in 0..self.dice.between(0, 4) {
            let at = self.time(reader);
            let count = self.dice.between(1, 4);
            let mut items = Vec::new();
            for product in self.dice.some(&common, count) {
                let pieces = Quantity::try_from(self.dice.between(1, 3) as u32)?;
                items.push(self.catalogue.products[product].item(pieces));
            }
            let (key, customer) = (&self.readers[reader].key, self.readers[reader].account);
            let order: OrderId = self.source.id("order", &format!("{key}:{number}"));
            let lane = order.uuid().as_u128();
            let place = Action::Place { order, customer, items };
            works.push(Work::prepare(format!("order:{key}:{number}"), lane, at, place));
            if self.dice.percent(6) {
                let key = format!("cancellation:{key}:{number}");
                let at = (at + TimeDelta::minutes(30)).min(self.now());
                works.push(Work::prepare(key, lane, at, Action::Cancel { order, by: customer }));
            }
        }
        Ok(())
    }

    fn want_the_rare(&mut self, works: &mut Vec<Work>) -> anyhow::Result<()> {
        let rare = self.catalogue.product(RARE)?;
        let wanting = self.dice.some(&(0..READERS).collect::<Vec<_>>(), RARE_WANTED_BY);
        for reader in wanting {
            let at = self.time(reader);
            let (key, customer) = (&self.readers[reader].key, self.readers[reader].account);
            let order: OrderId = self.source.id("order", &format!("{key}:rare"));
            let items = vec![rare.item(Quantity::try_from(1)?)];
            let place = Action::Place { order, customer, items };
            let lane = order.uuid().as_u128();
            works.push(Work::prepare(format!("order:{key}:rare"), lane, at, place));
        }
        Ok(())
    }

    /// Most bring a book back, some of them late, and some have yet to come.
    fn borrow(&mut self, reader: usize, works: &mut Vec<Work>) {
        let books: Vec<usize> = (0..self.catalogue.books.len()).collect();
        let count = self.dice.between(0, 3);
        for book in self.dice.some(&books, count) {
            let at = self.time(reader);
            let back = at + TimeDelta::days(self.dice.between(3, 25) as i64);
            let is_back = self.dice.percent(90) && back < self.now();
            let (of, book) = (&self.readers[reader], &self.catalogue.books[book]);
            let (lane, reader, name) =
                (of.account.uuid().as_u128(), of.account, format!("{}:{}", of.key, book.key));
            let borrow = Action::Borrow { book: book.id, reader };
            works.push(Work::prepare(format!("loan:{name}"), lane, at, borrow));
            if is_back {
                let give_back = Action::Return { book: book.id, reader };
                works.push(Work::prepare(format!("return:{name}"), lane, back, give_back));
            }
        }
    }
}

fn likes_it(liked: &[usize], book: usize) -> bool {
    liked.binary_search(&book).is_ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::collections::{HashMap, HashSet};

    use super::*;

    fn tell() -> Deeds {
        let source = Source::new("demo").unwrap();
        let catalogue = Catalogue::read(&source).unwrap();
        let member = source.account("member");
        Story::new(&catalogue, &source, member, DateTime::UNIX_EPOCH).tell().unwrap()
    }

    fn keys(works: &[Work]) -> Vec<String> {
        works.iter().map(|work| format!("{work:?}")).collect()
    }

    #[test]
    fn the_story_is_told_the_same_every_time() {
        let (once, again) = (tell(), tell());
        assert_eq!(keys(&once.opinions), keys(&again.opinions));
        assert_eq!(keys(&once.shopping), keys(&again.shopping));
        assert_eq!(keys(&once.learning), keys(&again.learning));
        assert_eq!(keys(&once.loans), keys(&again.loans));
    }

    #[test]
    fn every_command_has_a_key_of_its_own_and_no_deed_lies_in_the_future_of_its_joining() {
        let deeds = tell();
        let Deeds { accounts, opinions, learning, shopping, loans } = &deeds;
        let works: Vec<_> =
            [accounts, opinions, learning, shopping, loans].into_iter().flatten().collect();
        let mut seen = HashSet::new();
        for work in &works {
            let Work::Send(task) = work else { panic!("{work:?}") };
            assert!(seen.insert(task.key.clone()), "{} twice", task.key);
        }
        assert!(works.len() > 2_000, "{}", works.len());
    }

    #[test]
    fn nobody_wants_more_copies_than_there_are() {
        let copies = Catalogue::read(&Source::new("demo").unwrap()).unwrap().books[0].copies;
        let (mut borrowed, mut returned) = (HashMap::new(), 0);
        for work in tell().loans {
            let Work::Send(task) = work else { panic!("{work:?}") };
            match task.action {
                Action::Borrow { book, .. } => *borrowed.entry(book).or_insert(0) += 1,
                _ => returned += 1,
            }
        }
        let most = borrowed.values().max().copied().unwrap();
        assert!(most <= copies.get(), "a book is borrowed {most} times");
        let all: u32 = borrowed.values().sum();
        assert!(returned > 0 && returned < all, "{returned} of {all} came back");
    }
}
