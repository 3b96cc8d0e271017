//! What there is to read in Markdown, and how it is cut into chunks.

use domain::publication::Fingerprint;
use pulldown_cmark::{Event, Options, Parser, TagEnd};
use sha2::{Digest, Sha256};

/// About a page: what one embedding or one citation is about.
const CHUNK_CHARS_MAX: usize = 2_000;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Heading(String),
    /// A paragraph, an item of a list, a cell, a block of code.
    Paragraph(String),
}

impl Piece {
    fn text(&self) -> &str {
        match self {
            Self::Heading(text) | Self::Paragraph(text) => text,
        }
    }
}

/// Without marks, addresses and HTML; of a picture, what it says it shows.
pub(super) fn pieces(markdown: &str) -> Vec<Piece> {
    let (mut pieces, mut text) = (Vec::new(), String::new());
    let mut end = |text: &mut String, piece: fn(String) -> Piece| {
        let words: Vec<&str> = text.split_whitespace().collect();
        if !words.is_empty() {
            pieces.push(piece(words.join(" ")));
        }
        text.clear();
    };
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        match event {
            Event::Text(part) | Event::Code(part) => text.push_str(&part),
            Event::SoftBreak | Event::HardBreak => text.push(' '),
            Event::End(TagEnd::Heading(_)) => end(&mut text, Piece::Heading),
            Event::Start(tag) if !is_within_text(&tag.to_end()) => {
                end(&mut text, Piece::Paragraph);
            }
            Event::End(tag) if !is_within_text(&tag) => end(&mut text, Piece::Paragraph),
            _ => {}
        }
    }
    pieces
}

const fn is_within_text(tag: &TagEnd) -> bool {
    matches!(
        tag,
        TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image
    )
}

pub(super) fn plain(markdown: &str) -> String {
    let pieces = pieces(markdown);
    let texts: Vec<&str> = pieces.iter().map(Piece::text).collect();
    texts.join("\n\n")
}

/// A chunk begins at every heading, and where one would become too long. None is longer than
/// `CHUNK_CHARS_MAX`.
pub(super) fn chunks(pieces: &[Piece]) -> Vec<String> {
    let mut chunks: Vec<String> = Vec::new();
    for piece in pieces {
        let mut begins = matches!(piece, Piece::Heading(_));
        for part in parts(piece.text()) {
            match chunks.last_mut() {
                Some(chunk) if !begins && length(chunk) + 2 + length(part) <= CHUNK_CHARS_MAX => {
                    chunk.push_str("\n\n");
                    chunk.push_str(part);
                }
                _ => chunks.push(part.to_owned()),
            }
            begins = false;
        }
    }
    chunks
}

/// A text that is too long for a chunk, cut between two words where there are words.
fn parts(mut text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    while let Some((limit, _)) = text.char_indices().nth(CHUNK_CHARS_MAX) {
        let cut = text[..limit].rfind(' ').filter(|cut| *cut > 0).unwrap_or(limit);
        parts.push(&text[..cut]);
        text = text[cut..].trim_start();
    }
    parts.push(text);
    parts
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// Tells `["ab", "c"]` from `["a", "bc"]`.
pub(super) fn fingerprint<'a>(texts: impl Iterator<Item = &'a str>) -> Fingerprint {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    let digest: [u8; 32] = hash.finalize().into();
    digest.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_stays_and_the_marks_go() {
        let markdown = "# Who *frees* what\n\nOne `owner`, **always**.\nSee [the book](https://x.y).\n\n\
                        - first\n- second\n  - inner\n\n```rust\nlet a = 1;\n```\n\n<!-- no -->\n\n\
                        | a | b |\n|---|---|\n| c | d |\n\n![a tree](t.png)\n\n---\n";
        let text = plain(markdown);
        let pieces: Vec<&str> = text.split("\n\n").collect();
        assert_eq!(
            pieces,
            [
                "Who frees what",
                "One owner, always. See the book.",
                "first",
                "second",
                "inner",
                "let a = 1;",
                "a",
                "b",
                "c",
                "d",
                "a tree",
            ]
        );
        assert_eq!(plain("---\n\n<!-- nothing -->\n\n***"), "");
    }

    #[test]
    fn a_chunk_begins_at_every_heading() {
        let markdown = "Before.\n\n# One\n\nFirst.\n\nSecond.\n\n## Two\n\nThird.";
        let chunks = chunks(&pieces(markdown));
        assert_eq!(chunks, ["Before.", "One\n\nFirst.\n\nSecond.", "Two\n\nThird."]);
    }

    #[test]
    fn no_chunk_is_too_long_and_no_word_is_lost() {
        let long = "wörter ".repeat(1_000);
        let endless = "ß".repeat(CHUNK_CHARS_MAX + 1);
        let markdown = format!("# Head\n\n{long}\n\nshort\n\n{endless}");
        let chunks = chunks(&pieces(&markdown));
        assert!(chunks.iter().all(|chunk| length(chunk) <= CHUNK_CHARS_MAX));
        let words = |text: &str| -> String { text.split_whitespace().collect() };
        assert_eq!(words(&chunks.join(" ")), words(&plain(&markdown)));
    }

    #[test]
    fn a_fingerprint_knows_where_one_text_ends() {
        let of = |texts: &[&str]| fingerprint(texts.iter().copied());
        assert_eq!(of(&["ab", "c"]), of(&["ab", "c"]));
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
    }
}
