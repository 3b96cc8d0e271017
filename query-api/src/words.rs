//! What is typed where things are looked for: words, `"exact phrases"`, `or`, and `-without`.
//!
//! What is not wanted is split off here: to Postgres `-moby` is a part of the question, which the
//! English half of it would answer for a title that has the word as it stands, and a model of
//! meaning takes it for one more word to look for.

use std::iter;

use sqlx::{Postgres, QueryBuilder};
use unicode_normalization::UnicodeNormalization;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Words {
    /// What is looked for, in the language of search engines; may be empty.
    pub sought: String,
    /// What must not be in what is found, in the same language.
    pub without: Option<String>,
}

impl Words {
    pub fn of(q: &str) -> Self {
        let (mut sought, mut without) = (Vec::<String>::new(), Vec::new());
        let mut rest = q.trim_start_matches(is_between);
        while !rest.is_empty() {
            let word = rest.trim_start_matches('-');
            let is_out = word.len() < rest.len();
            let (term, after) = first_term(word);
            match term.trim_matches('"').trim() {
                "" => {}
                // Each in quotes: a word that says `or` is a word.
                bare if is_out => {
                    sought.pop_if(|before| is_or(before));
                    without.push(format!("\"{bare}\""));
                }
                _ if is_or(&term) && sought.is_empty() && !without.is_empty() => {}
                _ => sought.push(term),
            }
            rest = after.trim_start_matches(is_between);
        }
        let without = Some(without.join(" or ")).filter(|without| !without.is_empty());
        Self { sought: sought.join(" "), without }
    }

    pub fn say_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// A phrase with its quotes, or all up to what ends a word; and what comes after it.
fn first_term(text: &str) -> (String, &str) {
    let opened = text.strip_prefix('"');
    if let Some((phrase, after)) = opened.and_then(|text| text.split_once('"')) {
        return (format!("\"{phrase}\""), after);
    }
    let text = opened.unwrap_or(text);
    let end = text.find(|c| is_between(c) || c == '"').unwrap_or(text.len());
    (text[..end].to_owned(), &text[end..])
}

/// Signs of operators mean nothing in this language, so Postgres skips them, and so do we.
fn is_between(c: char) -> bool {
    c.is_whitespace() || matches!(c, '!' | '&' | '|' | '(' | ')')
}

fn is_or(term: &str) -> bool {
    term.eq_ignore_ascii_case("or")
}

/// The words as they stand (titles, names) or by their English stems (descriptions), with their
/// accents or without.
pub fn push_words(sql: &mut QueryBuilder<'_, Postgres>, words: &str) {
    let folded = folded(words);
    let another = (folded != words).then_some(folded.as_str());
    for (place, text) in iter::once(words).chain(another).enumerate() {
        sql.push(if place == 0 { "(" } else { " || " });
        sql.push("websearch_to_tsquery('simple', ").push_bind(text.to_owned());
        sql.push(") || websearch_to_tsquery('english', ").push_bind(text.to_owned());
        sql.push(")");
    }
    sql.push(")");
}

/// Without accents: the catalogues have their words so too.
pub fn folded(words: &str) -> String {
    words.nfd().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).collect()
}

/// As a condition on a catalogue `c`.
pub fn push_without(sql: &mut QueryBuilder<'_, Postgres>, without: Option<&str>) {
    if let Some(without) = without {
        sql.push(" and not c.search @@ ");
        push_words(sql, without);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_wanted_is_no_part_of_what_is_looked_for() {
        for (q, sought, without) in [
            ("whales -moby", "whales", Some("\"moby\"")),
            ("-moby whales -\"white whale\"", "whales", Some("\"moby\" or \"white whale\"")),
            ("whales or -moby or dick", "whales or dick", Some("\"moby\"")),
            ("-moby or dick", "dick", Some("\"moby\"")),
            ("whales (-moby)", "whales", Some("\"moby\"")),
            ("--moby", "", Some("\"moby\"")),
            ("this -or that", "this that", Some("\"or\"")),
        ] {
            let without = without.map(str::to_owned);
            assert_eq!(Words::of(q), Words { sought: sought.to_owned(), without }, "{q}");
        }
    }

    #[test]
    fn accents_are_folded_and_letters_that_are_others_stay() {
        assert_eq!(folded("Gabriel García Márquez, Žižek"), "Gabriel Garcia Marquez, Zizek");
        assert_eq!(folded("Søren & Łódź"), "Søren & Łodz");
    }

    #[test]
    fn a_dash_in_a_word_or_alone_excludes_nothing() {
        for (q, sought) in [
            ("e-mail", "e-mail"),
            ("salt - and pepper", "salt and pepper"),
            ("\"salt -pepper\" ham", "\"salt -pepper\" ham"),
            ("an \"open quote", "an open quote"),
            ("or", "or"),
            ("C++ & c#", "C++ c#"),
        ] {
            assert_eq!(Words::of(q), Words { sought: sought.to_owned(), without: None }, "{q}");
        }
        for nothing in ["", " - ", "\"\"", "-\" \"", "&|!"] {
            assert!(Words::of(nothing).say_nothing(), "{nothing}");
        }
    }
}
