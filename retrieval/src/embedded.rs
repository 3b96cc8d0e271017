//! What exactly is embedded: everybody makes the same text of the same thing, so that it is done once.

use sha2::{Digest, Sha256};

use crate::Passage;

impl Passage {
    /// Below the title of what it is a passage of, which may be empty, and the headings above it: they
    /// say what it is about.
    pub fn embedded(&self, title: &str) -> String {
        let headings = self.headings.iter().map(String::as_str);
        let headings = headings.skip_while(|heading| *heading == title);
        let above = std::iter::once(title).filter(|title| !title.is_empty()).chain(headings);
        let above = above.collect::<Vec<_>>().join(" > ");
        format!("{above}\n{}", self.text.trim()).trim().to_owned()
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
        assert_eq!(found[0].embedded(""), "Accounts > Debit\nLeft.");
        assert_eq!(found[0].embedded("Books"), "Books > Accounts > Debit\nLeft.");
        assert_eq!(found[0].embedded("Accounts"), "Accounts > Debit\nLeft.", "said once");
        assert_eq!(crate::passages("Alone.\n")[0].embedded(""), "Alone.");
        assert_eq!(crate::passages("Alone.\n")[0].embedded("Books"), "Books\nAlone.");
        assert_eq!(about("Dune", &["Frank Herbert"], Some("Sand.")), "Dune\nFrank Herbert\nSand.");
        assert_eq!(about("Dune", &[], None), "Dune");
    }
}
