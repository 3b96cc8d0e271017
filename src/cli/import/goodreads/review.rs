//! What a reader wrote about a book: Goodreads has it with a little HTML, a comment is plain text.

use domain::comment::Remark;

/// How a comment ends whose review was longer than a comment can be.
const CUT: &str = " […]";
/// How one begins that tells how the book ends.
const SPOILER: &str = "Spoiler:\n";
/// `&amp;` last, or `&amp;lt;` would be taken for a `<`.
const ENTITIES: [(&str, &str); 6] = [
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", "\""),
    ("&#39;", "'"),
    ("&nbsp;", " "),
    ("&amp;", "&"),
];

/// `None` where nothing is left to say.
pub fn remark(review: &str, is_spoiler: bool) -> Option<Remark> {
    let text = tidy(&plain(review));
    if text.is_empty() {
        return None;
    }
    let text = if is_spoiler { format!("{SPOILER}{text}") } else { text };
    shortened(text).parse().ok()
}

fn plain(review: &str) -> String {
    let mut text = String::with_capacity(review.len());
    let mut rest = review;
    while let Some((before, behind)) = rest.split_once('<') {
        text.push_str(before);
        let tag = behind.split_once('>').and_then(|(tag, after)| Some((instead_of(tag)?, after)));
        let (instead, after) = tag.unwrap_or(("<", behind));
        text.push_str(instead);
        rest = after;
    }
    text.push_str(rest);
    ENTITIES.iter().fold(text, |text, (entity, means)| text.replace(entity, means))
}

/// What stands for a tag; `None` if it is none, as in `I <3 this`.
fn instead_of(tag: &str) -> Option<&'static str> {
    let closes = tag.starts_with('/');
    let mut words = tag.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric());
    match (words.next()?.to_ascii_lowercase().as_str(), closes) {
        ("br", _) => Some("\n"),
        ("p" | "div" | "blockquote" | "ul" | "ol", _) => Some("\n\n"),
        ("li", false) => Some("\n- "),
        ("spoiler", false) => Some("[spoiler: "),
        ("spoiler", true) => Some("]"),
        (
            "a" | "b" | "code" | "del" | "em" | "font" | "h1" | "h2" | "h3" | "i" | "img" | "li"
            | "pre" | "s" | "small" | "span" | "strike" | "strong" | "sub" | "sup" | "u",
            _,
        ) => Some(""),
        _ => None,
    }
}

/// Without what cannot be printed, blanks at the ends of lines, and more than one empty line.
fn tidy(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let printed: String = text.chars().filter(|c| !c.is_control() || "\n\t".contains(*c)).collect();
    let mut lines: Vec<&str> = printed.trim().lines().map(str::trim_end).collect();
    lines.dedup_by(|line, before| line.is_empty() && before.is_empty());
    lines.join("\n")
}

/// Cut between two words.
fn shortened(text: String) -> String {
    if text.chars().count() <= Remark::CHARS_MAX {
        return text;
    }
    let most: String = text.chars().take(Remark::CHARS_MAX - CUT.chars().count()).collect();
    let whole = most.rsplit_once(char::is_whitespace).map_or(most.as_str(), |(whole, _)| whole);
    format!("{}{CUT}", whole.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(review: &str, says: &str) {
        assert_eq!(remark(review, false).as_ref().map_or("", Remark::as_str), says, "{review}");
    }

    #[test]
    fn a_review_reads_as_it_did_without_its_tags() {
        check("Fine.<br/><br />Really.", "Fine.\n\nReally.");
        check("<p>One</p><p>Two</p>", "One\n\nTwo");
        check(
            "An <i>odd</i> <a href=\"/book/show/1\">book</a> &amp; a <B>bold</B> one", //
            "An odd book & a bold one",
        );
        check("Twice:<ul><li>once</li><li>again</li></ul>", "Twice:\n\n- once\n- again");
        check("<spoiler>She marries him.</spoiler> Good.", "[spoiler: She marries him.] Good.");
        check("I <3 it, 1 < 2 > 0, <3", "I <3 it, 1 < 2 > 0, <3");
        check("&lt;b&gt; &amp;lt; it&#39;s", "<b> &lt; it's");
        check("a\r\nb\u{7}  \n\n\n\nc", "a\nb\n\nc");
        check("<br/> &nbsp;", "");
    }

    #[test]
    fn one_that_gives_the_end_away_says_so_first() {
        let says = remark("He did it.", true);
        assert_eq!(says.as_ref().map(Remark::as_str), Some("Spoiler:\nHe did it."));
        assert_eq!(remark("<br/>", true), None);
    }

    #[test]
    fn one_that_is_too_long_is_cut_between_two_words() {
        let long = "wörter ".repeat(Remark::CHARS_MAX / 7 + 1);
        let says = String::from(remark(&long, false).expect("it says something"));
        assert!(says.ends_with("wörter […]") && says.chars().count() <= Remark::CHARS_MAX);
        assert!(says.chars().count() > Remark::CHARS_MAX - 14, "{}", says.chars().count());
        let fits = "ö".repeat(Remark::CHARS_MAX);
        check(&fits, &fits);
        assert!(remark(&format!("{fits}x"), false).is_some(), "one endless word");
    }
}
