//! What items say, and what of them decides who may be found.

use std::collections::{HashMap, HashSet};

use domain::ItemId;
use processes::texts::{Described, TextHash};
use retrieval::Hit;

/// What filters look at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Facts {
    pub labels: Vec<String>,
    pub audience: Option<String>,
    /// In minor units, and the currency.
    pub price: Option<(i64, String)>,
}

/// What is known of an item.
pub(super) struct Entry {
    facts: Facts,
    /// The item itself, then passages of a course's lessons.
    texts: Vec<TextHash>,
}

impl Entry {
    /// None of what is not shown. Before anybody waits: a course is long.
    pub fn of(described: Described) -> (ItemId, Option<Self>) {
        let Described { item, shown, labels, audience, price, texts } = described;
        let entry = Self { facts: Facts { labels, audience, price }, texts };
        (item, shown.then_some(entry))
    }
}

#[derive(Default)]
pub(super) struct Catalogue {
    items: HashMap<ItemId, Entry>,
    /// Who says a text, in order; twice, if it does so twice.
    texts: HashMap<TextHash, Vec<ItemId>>,
    /// Texts that had no vector when they were last looked for.
    lacking: HashSet<TextHash>,
    /// Texts that nobody says any more, since [`Catalogue::take_unsaid`].
    unsaid: HashSet<TextHash>,
    generation: u64,
}

impl Catalogue {
    /// Another one for each state: what was found in one need not be found in the next.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Something else has changed of what can be found.
    pub fn pass(&mut self) {
        self.generation += 1;
    }

    /// How many texts have a vector, of how many.
    pub fn counts(&self) -> (usize, usize) {
        (self.texts.len() - self.lacking.len(), self.texts.len())
    }

    /// As it is now. New texts lack their vectors until these have [`Self::arrived`].
    pub fn describe(&mut self, entries: Vec<(ItemId, Option<Entry>)>) {
        self.pass();
        for (item, entry) in entries {
            let texts = entry.iter().flat_map(|entry| &entry.texts);
            texts.for_each(|text| self.say(item, *text));
            let before = match entry {
                Some(entry) => self.items.insert(item, entry),
                None => self.items.remove(&item),
            };
            self.unsay(item, before);
        }
    }

    pub fn forget(&mut self, items: &[ItemId]) {
        self.pass();
        for item in items {
            let before = self.items.remove(item);
            self.unsay(*item, before);
        }
    }

    fn say(&mut self, item: ItemId, text: TextHash) {
        let said_by = self.texts.entry(text).or_default();
        if said_by.is_empty() {
            self.lacking.insert(text);
            self.unsaid.remove(&text);
        }
        let place = said_by.partition_point(|other| *other < item);
        said_by.insert(place, item);
    }

    fn unsay(&mut self, item: ItemId, entry: Option<Entry>) {
        for text in entry.into_iter().flat_map(|entry| entry.texts) {
            let Some(said_by) = self.texts.get_mut(&text) else { continue };
            if let Ok(place) = said_by.binary_search(&item) {
                said_by.remove(place);
            }
            if said_by.is_empty() {
                self.texts.remove(&text);
                self.lacking.remove(&text);
                self.unsaid.insert(text);
            }
        }
    }

    pub fn take_unsaid(&mut self) -> Vec<TextHash> {
        self.unsaid.drain().collect()
    }

    pub fn lacking(&self) -> Vec<TextHash> {
        self.lacking.iter().copied().collect()
    }

    /// These have vectors now.
    pub fn arrived<'a>(&mut self, texts: impl IntoIterator<Item = &'a TextHash>) {
        let before = self.lacking.len();
        for text in texts {
            self.lacking.remove(text);
        }
        if self.lacking.len() < before {
            self.pass();
        }
    }

    /// What the item itself says.
    pub fn text_of(&self, item: &ItemId) -> Option<TextHash> {
        self.items.get(item)?.texts.first().copied()
    }

    /// Who says what was found, of those that `admits` lets in: each with its nearest text, nearest
    /// first, `limit` of them.
    pub fn found(
        &self,
        hits: &[Hit<TextHash>],
        limit: usize,
        admits: impl Fn(&ItemId, &Facts) -> bool,
    ) -> Vec<Hit<ItemId>> {
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        for hit in hits {
            for item in self.texts.get(&hit.id).into_iter().flatten() {
                if found.len() == limit {
                    return found;
                }
                let entry = self.items.get(item);
                if entry.is_some_and(|entry| admits(item, &entry.facts)) && seen.insert(*item) {
                    found.push(Hit { id: *item, score: hit.score });
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use domain::ItemKind;
    use retrieval::text_hash;
    use uuid::Uuid;

    use super::*;

    fn item(number: u128) -> ItemId {
        ItemId::new(ItemKind::Course, Uuid::from_u128(number))
    }

    fn says(number: u128, texts: &[&str]) -> (ItemId, Option<Entry>) {
        Entry::of(Described {
            item: item(number),
            shown: !texts.is_empty(),
            labels: vec![format!("label {number}")],
            audience: None,
            price: None,
            texts: texts.iter().map(|text| text_hash(text)).collect(),
        })
    }

    /// As near as they are in line.
    fn hits(texts: &[&str]) -> Vec<Hit<TextHash>> {
        let hit = |(place, text): (usize, &&str)| Hit {
            id: text_hash(text),
            score: 1.0 - place as f32 / 100.0,
        };
        texts.iter().enumerate().map(hit).collect()
    }

    fn items(found: &[Hit<ItemId>]) -> Vec<ItemId> {
        found.iter().map(|hit| hit.id).collect()
    }

    #[test]
    fn a_long_course_leaves_room_for_others_and_counts_as_near_as_its_nearest_passage() {
        let mut catalogue = Catalogue::default();
        catalogue.describe(vec![says(1, &["a", "b", "c", "d"]), says(2, &["e"]), says(3, &["c"])]);

        let found = catalogue.found(&hits(&["a", "b", "c", "d", "e"]), 3, |_, _| true);

        assert_eq!(items(&found), [item(1), item(3), item(2)]);
        assert_eq!(found[0].score, 1.0);
        let admitted = |item: &ItemId, facts: &Facts| {
            assert_eq!(facts.labels.len(), 1);
            *item != self::item(1)
        };
        assert_eq!(items(&catalogue.found(&hits(&["a", "c", "e"]), 1, admitted)), [item(3)]);
    }

    #[test]
    fn a_text_that_several_say_is_gone_when_the_last_of_them_says_it_no_more() {
        let mut catalogue = Catalogue::default();
        catalogue.describe(vec![says(1, &["a", "a"]), says(2, &["a", "b"])]);
        assert_eq!(catalogue.counts(), (0, 2));
        catalogue.arrived(&[text_hash("a"), text_hash("b")]);
        assert_eq!((catalogue.counts(), catalogue.lacking()), ((2, 2), vec![]));

        catalogue.describe(vec![says(1, &[]), says(2, &["a", "c"])]);

        assert_eq!(catalogue.counts(), (1, 2), "what was there already stays: a");
        assert_eq!(catalogue.lacking(), [text_hash("c")]);
        assert_eq!(catalogue.take_unsaid(), [text_hash("b")]);
        assert_eq!(items(&catalogue.found(&hits(&["a"]), 9, |_, _| true)), [item(2)]);
        catalogue.forget(&[item(2)]);
        catalogue.describe(vec![says(3, &["c"])]);
        assert_eq!(catalogue.take_unsaid(), [text_hash("a")], "c is said again");
        assert_eq!(catalogue.text_of(&item(3)), Some(text_hash("c")));
    }
}
