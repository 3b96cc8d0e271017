//! What is chosen so far, with variety: not too much of one genre, category or author.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::rungs::Candidate;

/// What makes items alike: the first genre, skill, category or tag, and who made it.
#[derive(Debug, Default, Clone)]
pub struct Marks {
    pub genre: Option<String>,
    pub makers: Vec<String>,
}

/// A list in the making.
#[derive(Debug)]
pub struct Choice {
    wanted: usize,
    /// So many may have the same mark.
    same_max: usize,
    /// Where a category is asked for, everything is of it.
    by_genre: bool,
    chosen: Vec<Candidate>,
    taken: HashSet<(String, Uuid)>,
    genres: HashMap<String, usize>,
    makers: HashMap<String, usize>,
}

/// Marks of which there are enough.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Enough {
    pub genres: Vec<String>,
    pub makers: Vec<String>,
}

impl Enough {
    pub fn is_nothing(&self) -> bool {
        self.genres.is_empty() && self.makers.is_empty()
    }
}

impl Choice {
    pub fn of(wanted: usize, same_max: usize, by_genre: bool) -> Self {
        Self {
            wanted,
            same_max,
            by_genre,
            chosen: Vec::new(),
            taken: HashSet::new(),
            genres: HashMap::new(),
            makers: HashMap::new(),
        }
    }

    pub fn wanted(&self) -> usize {
        self.wanted
    }

    pub fn is_complete(&self) -> bool {
        self.chosen.len() >= self.wanted
    }

    /// Whether an item that is offered next would be taken.
    pub fn admits(&self, kind: &str, item: Uuid, marks: &Marks) -> bool {
        let room = |counts: &HashMap<String, usize>, mark: &String| {
            counts.get(mark).is_none_or(|count| *count < self.same_max)
        };
        !self.is_complete()
            && !self.taken.contains(&(kind.to_owned(), item))
            && marks.genre.iter().all(|genre| room(&self.genres, genre))
            && marks.makers.iter().all(|maker| room(&self.makers, maker))
    }

    /// Takes it, if it is admitted.
    pub fn offer(&mut self, candidate: Candidate, marks: Marks) {
        if !self.admits(&candidate.kind, candidate.item, &marks) {
            return;
        }
        if let Some(genre) = marks.genre.filter(|_| self.by_genre) {
            *self.genres.entry(genre).or_default() += 1;
        }
        for maker in marks.makers {
            *self.makers.entry(maker).or_default() += 1;
        }
        self.taken.insert((candidate.kind.clone(), candidate.item));
        self.chosen.push(candidate);
    }

    pub fn enough(&self) -> Enough {
        let full = |counts: &HashMap<String, usize>| {
            let full = counts.iter().filter(|(_, count)| **count >= self.same_max);
            let mut full: Vec<String> = full.map(|(mark, _)| mark.clone()).collect();
            full.sort_unstable();
            full
        };
        Enough { genres: full(&self.genres), makers: full(&self.makers) }
    }

    /// From now on more of the same is better than nothing.
    pub fn take_more_of_the_same(&mut self) {
        self.same_max = usize::MAX;
    }

    pub fn chosen(self) -> Vec<Candidate> {
        self.chosen
    }
}
