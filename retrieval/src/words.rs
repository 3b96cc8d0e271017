//! Search by words: BM25 over stems, without stop words.

use bm25::{Document, Language, SearchEngine, SearchEngineBuilder};

use crate::{Hit, best_first};

/// English texts by their words, in memory.
pub struct Words {
    engine: SearchEngine<u32>,
}

impl Words {
    /// A text's id is its place.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let documents = (0..).zip(texts).map(|(id, text)| Document::new(id, apart(text)));
        let documents: Vec<_> = documents.collect();
        let engine = SearchEngineBuilder::with_documents(Language::English, documents)
            .k1(1.2)
            .b(0.75)
            .build();
        Self { engine }
    }

    pub fn find(&self, query: &str, limit: usize) -> Vec<Hit<u32>> {
        let found = self.engine.search(&apart(query), None).into_iter();
        let mut hits = found.map(|hit| Hit { id: hit.document.id, score: hit.score }).collect();
        best_first(&mut hits, limit);
        hits
    }
}

/// Words stand apart wherever anything but a letter or a digit is between them, also in `Vec::new`
/// and `text.len()`, which the boundaries of Unicode would keep together. A single letter, as the
/// names in code often are, says nothing.
fn apart(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric());
    words.filter(|word| word.chars().nth(1).is_some()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_by_other_forms_of_its_words() {
        let words = Words::new(["Keeping accounts", "Binding pamphlets", "The history of trade"]);
        let found = |query| words.find(query, 10).iter().map(|hit| hit.id).collect::<Vec<_>>();
        assert_eq!(found("how is a pamphlet bound or binds"), [1]);
        assert_eq!(found("account"), [0]);
        assert_eq!(found("zebra"), Vec::<u32>::new());
    }

    #[test]
    fn the_parts_of_code_are_words() {
        let words = Words::new(["`account.balance(x)`", "A balance of powers::between x"]);
        let found = |query| words.find(query, 10).iter().map(|hit| hit.id).collect::<Vec<_>>();
        assert_eq!(found("account"), [0]);
        assert_eq!(found("powers"), [1]);
        assert_eq!(found("x"), Vec::<u32>::new());
    }
}
