//! Cuts a Markdown lesson into pieces small enough to mean one thing.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use text_splitter::{ChunkConfig, MarkdownSplitter};

/// About as much as the model reads at once.
const PASSAGE_CHARACTERS_MAX: usize = 900;
/// What a passage repeats of the one before it, so that no thought is cut in two.
const OVERLAP_CHARACTERS: usize = 120;

/// A piece of a text under one heading.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// The headings above it, outermost first.
    pub headings: Vec<String>,
    /// As written: a quotation of it can be found in the lesson.
    pub text: String,
    /// Where it stands in the lesson, in bytes.
    pub place: Range<usize>,
}

/// The passages of a Markdown text in their order. Each lies under one heading; long sections are
/// cut at paragraphs, sentences or words, whichever comes first, with some overlap.
pub fn passages(markdown: &str) -> Vec<Passage> {
    let config = ChunkConfig::new(PASSAGE_CHARACTERS_MAX);
    let config = config.with_overlap(OVERLAP_CHARACTERS).unwrap_or_else(|_| ChunkConfig::new(1));
    let splitter = MarkdownSplitter::new(config);
    let mut found = vec![];
    for section in sections(markdown) {
        let body = &markdown[section.body.clone()];
        for (start, text) in splitter.chunk_indices(body) {
            let start = section.body.start + start;
            let place = start..start + text.len();
            let headings = section.headings.clone();
            found.push(Passage { headings, text: text.to_owned(), place });
        }
    }
    found
}

struct Section {
    headings: Vec<String>,
    body: Range<usize>,
}

fn sections(markdown: &str) -> Vec<Section> {
    let mut sections = vec![Section { headings: vec![], body: 0..markdown.len() }];
    let mut above: Vec<(HeadingLevel, String)> = vec![];
    let mut heading: Option<(HeadingLevel, String)> = None;
    for (event, place) in Parser::new_ext(markdown, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                if let Some(last) = sections.last_mut() {
                    last.body.end = place.start;
                }
                heading = Some((level, String::new()));
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some((_, words)) = &mut heading {
                    words.push_str(&text);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let Some((level, words)) = heading.take() else { continue };
                above.retain(|(outer, _)| *outer < level);
                above.push((level, words));
                let headings = above.iter().map(|(_, words)| words.clone()).collect();
                sections.push(Section { headings, body: place.end..markdown.len() });
            }
            _ => {}
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    const LESSON: &str = "Before any heading.\n\n# Accounts\n\nWhat they are.\n\n\
                          ## The `debit` side\n\nLeft.\n\n# Trade\n\nElsewhere.\n";

    #[test]
    fn a_passage_knows_the_headings_above_it() {
        let found = passages(LESSON);
        let under: Vec<_> = found
            .iter()
            .map(|passage| (passage.headings.join(" / "), passage.text.trim()))
            .collect();
        let expected = [
            ("", "Before any heading."),
            ("Accounts", "What they are."),
            ("Accounts / The debit side", "Left."),
            ("Trade", "Elsewhere."),
        ];
        assert_eq!(under, expected.map(|(headings, text)| (headings.to_owned(), text)));
    }

    #[test]
    fn a_passage_is_where_it_says_in_the_lesson() {
        for passage in passages(LESSON) {
            assert_eq!(LESSON[passage.place.clone()], passage.text);
        }
    }

    #[test]
    fn long_sections_are_cut_with_an_overlap_and_nothing_is_lost() {
        let sentence = |n: usize| format!("Sentence {n} says something of its own. ");
        let lesson = format!("# Long\n\n{}", (0..200).map(sentence).collect::<String>());
        let found = passages(&lesson);
        assert!(found.len() > 5, "{}", found.len());
        for pair in found.windows(2) {
            assert!(pair[1].place.start <= pair[0].place.end, "{pair:?}");
            assert!(pair[1].place.start > pair[0].place.start, "{pair:?}");
        }
        assert!(found.iter().all(|passage| passage.text.chars().count() <= 900));
        assert!(found.last().expect("a test").text.contains("Sentence 199"));
    }

    #[test]
    fn any_text_can_be_cut() {
        assert!(passages("").is_empty());
        assert!(passages("# Only a heading").is_empty());
        let word = "wörter".repeat(1_000);
        assert!(passages(&word).len() > 5);
    }
}
