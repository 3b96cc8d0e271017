//! Events as lines that people read.

use std::borrow::Cow;

use console::Term;
use serde_json::Value;

/// How times are written.
pub const TIME: &str = "%Y-%m-%d %H:%M:%S%.3f";

/// The fields of a payload in one line; its type stands elsewhere. What is sealed says so.
pub fn payload(payload: &Value) -> String {
    let Value::Object(fields) = payload else { return plain(&payload.to_string()).into_owned() };
    let fields = fields.iter().filter(|(name, _)| *name != "type");
    let fields = fields.map(|(name, value)| format!("{name}={}", shown(&opened(value))));
    plain(&fields.collect::<Vec<_>>().join(" ")).into_owned()
}

/// A word as it is, everything else as JSON.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if is_word(text) => text.clone(),
        other => other.to_string(),
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "\"'\\=".contains(c))
}

/// Personal values as what is known of them.
fn opened(value: &Value) -> Cow<'_, Value> {
    match value {
        Value::Object(fields) if fields.len() == 1 => match fields.iter().next() {
            Some((name, inner)) if name == "personal" => Cow::Borrowed(&inner["value"]),
            Some((name, _)) if name == "sealed" || name == "erased" => {
                Cow::Owned(Value::String(format!("({name})")))
            }
            _ => deeper(value),
        },
        _ => deeper(value),
    }
}

fn deeper(value: &Value) -> Cow<'_, Value> {
    match value {
        Value::Object(fields) => Cow::Owned(Value::Object(
            fields.iter().map(|(name, field)| (name.clone(), opened(field).into_owned())).collect(),
        )),
        Value::Array(items) => {
            Cow::Owned(Value::Array(items.iter().map(|item| opened(item).into_owned()).collect()))
        }
        _ => Cow::Borrowed(value),
    }
}

/// Without what a terminal would obey instead of showing: adopted events may hold anything.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    Cow::Owned(text.chars().map(shown).collect())
}

/// Whether somebody looks at standard output.
pub fn is_watched() -> bool {
    Term::stdout().is_term()
}

/// How many columns standard output has; none if it is no terminal, or one that does not say.
pub fn columns() -> Option<usize> {
    Term::stdout().size_checked().map(|(_, columns)| usize::from(columns))
}

/// The line, cut where the terminal ends.
pub fn cut(line: &str, columns: Option<usize>) -> Cow<'_, str> {
    match columns {
        Some(columns) => console::truncate_str(line, columns, "…"),
        None => Cow::Borrowed(line),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_payload_is_one_line_of_its_fields() {
        let event = json!({
            "type": "BookAdded", "book": "b-1", "details": { "title": "Emma" }, "note": "two words",
        });
        assert_eq!(payload(&event), r#"book=b-1 details={"title":"Emma"} note="two words""#);
    }

    #[test]
    fn personal_values_are_shown_as_far_as_they_are_known() {
        let event = json!({
            "email": { "sealed": { "subject": "s", "box": "YQ==" } },
            "changes": { "phone": { "erased": { "subject": "s" } } },
            "name": { "personal": { "subject": "s", "value": "Ada" } },
        });
        assert_eq!(payload(&event), r#"changes={"phone":"(erased)"} email=(sealed) name=Ada"#);
    }

    #[test]
    fn nothing_in_an_event_commands_the_terminal() {
        let event = json!({ "text": "a\u{1b}[2Jb", "more": "\u{9b}2J" });
        let line = payload(&event);
        assert!(!line.contains(char::is_control), "{line:?}");
        assert_eq!(plain("red\u{7}"), "red\\u{7}");
    }

    #[test]
    fn a_line_ends_where_the_terminal_does() {
        assert_eq!(cut("abcdef", Some(4)), "abc…");
        assert_eq!(cut("abcdef", None), "abcdef");
    }
}
