//! What exactly is embedded: everybody makes the same text of the same thing, so that it is done once.

use sha2::{Digest, Sha256};

use crate::Passage;

impl Passage {
    /// With the headings above it, which say what it is about.
    pub fn embedded(&self) -> String {
        match self.headings.is_empty() {
            true => self.text.trim().to_owned(),
            false => format!("{}\n{}", self.headings.join(" > "), self.text.trim()),
        }
    }
}

/// A book, a course or a product in a few words: its title, what else tells what it is (authors,
/// genres, skills, tags), and its description.
pub fn about(title: &str, more: &[&str], description: Option<&str>) -> String {
    let mut text = title.to_owned();
    if !more.is_empty() {
        text.push('\n');
        text.push_str(&more.join(", "));
    }
    if let Some(description) = description {
        text.push('\n');
        text.push_str(description);
    }
    text
}

/// What vectors are kept by, besides the model: the SHA-256 of the text.
pub fn text_hash(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passage_says_where_it_stands_and_an_item_what_it_is() {
        let found = crate::passages("# Accounts\n\n## Debit\n\nLeft.\n");
        assert_eq!(found[0].embedded(), "Accounts > Debit\nLeft.");
        assert_eq!(crate::passages("Alone.\n")[0].embedded(), "Alone.");
        assert_eq!(about("Dune", &["Frank Herbert"], Some("Sand.")), "Dune\nFrank Herbert\nSand.");
        assert_eq!(about("Dune", &[], None), "Dune");
    }
}
