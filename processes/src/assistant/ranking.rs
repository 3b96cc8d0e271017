//! Which sources fit a question: by its words, and by its meaning where there is a model for it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use eventstore::Log;
use retrieval::{Fusion, Hit, TextModel, Vector, Words, fuse, text_hash};

use super::source::Source;
use crate::embedding::{BATCH, Embedding, distinct};
use crate::failure::Failure;

/// Sources of one answer.
const SOURCES_MAX: usize = 3;
/// Looked at of each ranking.
const HITS_MAX: usize = 20;
/// Words of a question that count.
const WORDS_MAX: usize = 32;
/// A source whose words fit half as well as those of the best is not quoted.
const OF_THE_BEST: f32 = 0.5;
/// What meaning weighs beside words: see docs/RETRIEVAL.md.
const MEANING_WEIGHT: f32 = 1.5;

/// How much of a question's words a source must have, and how near to its meaning it must be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Strictness {
    /// A lesson that shares a word or two says nothing about the question.
    Course,
    /// A product that has the name will do.
    Shop,
}

impl Strictness {
    const fn share_min(self) -> f32 {
        match self {
            Self::Course => 0.4,
            Self::Shop => 0.25,
        }
    }

    /// What a product is for is said in few
    /// words: tea kept hot and a flask are 0.35, and a scarf is 0.24.
    const fn cosine_min(self) -> f32 {
        match self {
            Self::Course => 0.45,
            Self::Shop => 0.3,
        }
    }
}

pub(super) struct Ranking<'a> {
    pub(super) log: &'a Log,
    pub(super) meaning: &'a TextModel,
    pub(super) strictness: Strictness,
}

/// What is looked for.
pub(super) struct Wanted {
    pub(super) question: String,
    /// A source has enough of these words: of the question itself, unless that goes on from another.
    pub(super) subject: String,
    /// What of the question is compared by its meaning.
    pub(super) meant: String,
}

/// The vector of the question, and those of the sources that have one.
type Meanings = (Vector, Vec<(u32, Vector)>);

impl Ranking<'_> {
    /// Those that fit, best first.
    pub(super) async fn best(
        &self,
        sources: Arc<[Source]>,
        wanted: Wanted,
    ) -> Result<Vec<Source>, Failure> {
        let meanings = match self.meanings(&sources, &wanted.meant).await {
            Err(Failure::Lasting(error)) => {
                tracing::error!("a question is answered by its words alone: {error}");
                None
            }
            meanings => meanings?,
        };
        let strictness = self.strictness;
        let rank = move || best(&sources, &wanted, meanings.as_ref(), strictness);
        tokio::task::spawn_blocking(rank).await.map_err(Failure::passing)
    }

    /// Sources are embedded when they change; of those that are not, some are here, with each question.
    async fn meanings(&self, sources: &[Source], meant: &str) -> Result<Option<Meanings>, Failure> {
        let Some(embedder) = self.meaning.embedder().filter(|_| !meant.is_empty()) else {
            return Ok(None);
        };
        let texts: Vec<String> = sources.iter().map(|source| source.embedded.clone()).collect();
        let embedding = Embedding::new(self.log.pool(), embedder);
        let mut kept: HashMap<[u8; 32], Vector> = embedding.kept(&texts).await?;
        let missing = texts.iter().filter(|text| !kept.contains_key(&text_hash(text)));
        let mut missing = distinct(missing.cloned().collect());
        missing.truncate(BATCH);
        if !missing.is_empty() {
            let made = embedding.embed(&missing).await?;
            kept.extend(missing.iter().map(|text| text_hash(text)).zip(made));
        }
        if kept.is_empty() {
            return Ok(None);
        }
        let asked = embedding.of_question(meant).await?;
        let known = (0..).zip(&texts).filter_map(|(id, text)| {
            let vector = kept.get(&text_hash(text))?;
            Some((id, vector.clone()))
        });
        Ok(Some((asked, known.collect())))
    }
}

fn best(
    sources: &[Source],
    wanted: &Wanted,
    meanings: Option<&Meanings>,
    strictness: Strictness,
) -> Vec<Source> {
    let words = Words::new(sources.iter().map(|source| &*source.embedded));
    let mut by_words = words.find(&wanted.question, HITS_MAX);
    let shares = shares(&words, &wanted.subject, sources.len());
    let least = by_words.first().map_or(0.0, |best| best.score * OF_THE_BEST);
    by_words.retain(|hit| {
        let share = shares.get(&hit.id).copied().unwrap_or_default();
        share >= strictness.share_min() && hit.score >= least
    });
    let mut by_meaning: Vec<Hit<u32>> = meanings
        .iter()
        .flat_map(|(asked, known)| known.iter().map(|(id, it)| (*id, asked.cosine(it))))
        .filter(|(_, cosine)| *cosine >= strictness.cosine_min())
        .map(|(id, score)| Hit { id, score })
        .collect();
    by_meaning.sort_by(|a, b| b.score.total_cmp(&a.score));
    by_meaning.truncate(HITS_MAX);
    let rankings: [(f32, &[Hit<u32>]); 2] = [(1.0, &by_words), (MEANING_WEIGHT, &by_meaning)];
    let found = fuse(Fusion::ReciprocalRank, &rankings, SOURCES_MAX);
    found.into_iter().filter_map(|hit| sources.get(hit.id as usize).cloned()).collect()
}

/// How many of the words of a question that say something each source has. Those that nobody has
/// count too: they are what the question is about.
fn shares(words: &Words, question: &str, sources: usize) -> HashMap<u32, f32> {
    let asked: BTreeSet<String> = question
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| says_something(word))
        .map(str::to_lowercase)
        .take(WORDS_MAX)
        .collect();
    let mut shares = HashMap::new();
    for word in &asked {
        for hit in words.find(word, sources) {
            *shares.entry(hit.id).or_default() += 1.0 / asked.len() as f32;
        }
    }
    shares
}

/// Whether a question is about what was asked before: `And why?`, `Which colour?`
pub(super) fn goes_on(question: &str) -> bool {
    let words = question.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| says_something(word)).count() <= 1
}

/// A stop word is not even found in itself. Numbers of a question are prices and quantities.
fn says_something(word: &str) -> bool {
    !word.chars().all(char::is_numeric) && !Words::new([word]).find(word, 1).is_empty()
}

#[cfg(test)]
mod tests {
    use domain::conversation::Citation;
    use domain::samples::{lesson, text};

    use super::*;

    fn source(words: &str) -> Source {
        let citation = Citation::Lesson {
            lesson: lesson(1),
            title: text("Ownership"),
            headings: vec![],
            file: None,
            quote: text(words),
        };
        Source { embedded: words.to_owned(), quote: words.to_owned(), citation }
    }

    fn found(question: &str, meanings: Option<&Meanings>) -> Vec<String> {
        let sources = [
            "Each value has one owner, which frees its memory.",
            "A borrow lends a value without giving it away.",
            "Threads of a program run side by side.",
        ];
        let sources = sources.map(source);
        let [question, subject, meant] = [question; 3].map(str::to_owned);
        let wanted = Wanted { question, subject, meant };
        let best = best(&sources, &wanted, meanings, Strictness::Course);
        best.into_iter().map(|source| source.quote).collect()
    }

    #[test]
    fn a_question_finds_what_has_its_words() {
        assert!(found("Who frees the memory of a value?", None)[0].starts_with("Each value"));
        assert!(found("What are threads?", None)[0].starts_with("Threads"));
    }

    #[test]
    fn one_shared_word_among_many_is_no_answer() {
        let nothing: [String; 0] = [];
        assert_eq!(found("How do I run the dishwasher with vinegar tablets?", None), nothing);
        assert_eq!(found("What is the capital of France?", None), nothing);
        assert_eq!(found("", None), nothing);
        assert_eq!(found("and the of?", None), nothing);
    }

    #[test]
    fn a_question_with_a_subject_of_its_own_does_not_go_on_from_the_last() {
        assert!(goes_on("And why is that?") && goes_on("What is its colour?"));
        assert!(!goes_on("What is the capital of France?"));
    }

    #[test]
    fn what_means_the_same_is_found_without_a_shared_word() {
        let vector = |at: usize| {
            let numbers: Vec<f32> =
                (0..retrieval::DIMENSIONS).map(|n| f32::from(u8::from(n == at))).collect();
            Vector::new(numbers).expect("it is a vector")
        };
        let meanings = (vector(7), vec![(0, vector(1)), (1, vector(7)), (2, vector(2))]);
        let found = found("lending", Some(&meanings));
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("A borrow"));
    }
}
