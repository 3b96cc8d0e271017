//! What there is to read in Markdown.

use domain::publication::Fingerprint;
use pulldown_cmark::{Event, Options, Parser, TagEnd};
use sha2::{Digest, Sha256};

/// Without marks, addresses and HTML; of a picture, what it says it shows. A heading, a paragraph, an
/// item of a list, a cell or a block of code is a paragraph each.
pub(super) fn plain(markdown: &str) -> String {
    let (mut paragraphs, mut text) = (Vec::new(), String::new());
    let mut end = |text: &mut String| {
        let words: Vec<&str> = text.split_whitespace().collect();
        if !words.is_empty() {
            paragraphs.push(words.join(" "));
        }
        text.clear();
    };
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        match event {
            Event::Text(part) | Event::Code(part) => text.push_str(&part),
            Event::SoftBreak | Event::HardBreak => text.push(' '),
            Event::Start(tag) if !is_within_text(&tag.to_end()) => end(&mut text),
            Event::End(tag) if !is_within_text(&tag) => end(&mut text),
            _ => {}
        }
    }
    paragraphs.join("\n\n")
}

const fn is_within_text(tag: &TagEnd) -> bool {
    matches!(
        tag,
        TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image
    )
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
    fn a_fingerprint_knows_where_one_text_ends() {
        let of = |texts: &[&str]| fingerprint(texts.iter().copied());
        assert_eq!(of(&["ab", "c"]), of(&["ab", "c"]));
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
    }
}
