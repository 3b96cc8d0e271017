//! Pages as Markdown: headings, lists and tables stay what they are.

use htmd::HtmlToMarkdown;

use super::Unreadable;

/// What nobody reads.
const SKIPPED: [&str; 8] =
    ["head", "script", "style", "noscript", "template", "svg", "iframe", "object"];

pub(super) fn markdown(html: &str) -> Result<String, Unreadable> {
    let converter = HtmlToMarkdown::builder().skip_tags(SKIPPED.into()).build();
    converter.convert(html).map_err(|error| Unreadable::Broken(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_and_lists_stay_and_scripts_go() {
        let html = "<!doctype html><html><head><title>T</title><style>p{}</style></head><body>\
                    <h1>Accounts</h1><p>What <b>they</b> are &amp; do.</p><script>no()</script>\
                    <h2>The <code>debit</code> side</h2><ul><li>Left</li><li>First</li></ul>";
        let text = markdown(html).expect("it can be read");
        assert!(text.starts_with("# Accounts\n\nWhat **they** are & do.\n\n## The `debit` side"));
        assert!(text.contains("Left") && text.contains("First"), "{text}");
        assert!(!text.contains("no()") && !text.contains("p{}"), "{text}");
        let passages = retrieval::passages(&text);
        assert_eq!(passages[1].headings, ["Accounts", "The debit side"]);
    }
}
