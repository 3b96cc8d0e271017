//! What differs between two documents, as JSON pointers with the value before and after.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// One difference. Before or after is absent where there was nothing.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct Change {
    /// RFC 6901; empty: the whole document.
    pub pointer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    pub before: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    pub after: Option<Value>,
}

/// Every difference, outermost where a whole part came or went.
pub(super) fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    compare("", Some(before), Some(after), &mut found);
    found
}

fn compare(pointer: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Change>) {
    match (before, after) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let added = after.keys().filter(|name| !before.contains_key(*name));
            for name in before.keys().chain(added) {
                let escaped = name.replace('~', "~0").replace('/', "~1");
                let pointer = format!("{pointer}/{escaped}");
                compare(&pointer, before.get(name), after.get(name), found);
            }
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) => {
            for index in 0..before.len().max(after.len()) {
                let pointer = format!("{pointer}/{index}");
                compare(&pointer, before.get(index), after.get(index), found);
            }
        }
        (before, after) if before == after => {}
        (before, after) => found.push(Change {
            pointer: pointer.to_owned(),
            before: before.cloned(),
            after: after.cloned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(pointer: &str, before: Option<Value>, after: Option<Value>) -> Change {
        Change { pointer: pointer.to_owned(), before, after }
    }

    #[test]
    fn the_same_twice_has_no_difference() {
        let document = json!({"a": [1, {"b": null}]});
        assert_eq!(changes(&document, &document), []);
    }

    #[test]
    fn differences_are_told_where_they_are() {
        let before = json!({"name": "old", "tags": ["a", "b"], "gone": 1, "a/b": {"c": 1}});
        let after = json!({"name": "new", "tags": ["a"], "a/b": {"c": 2}, "come": {"x": 1}});
        let mut found = changes(&before, &after);
        found.sort_by(|one, other| one.pointer.cmp(&other.pointer));
        assert_eq!(
            found,
            [
                change("/a~1b/c", Some(json!(1)), Some(json!(2))),
                change("/come", None, Some(json!({"x": 1}))),
                change("/gone", Some(json!(1)), None),
                change("/name", Some(json!("old")), Some(json!("new"))),
                change("/tags/1", Some(json!("b")), None),
            ]
        );
    }

    #[test]
    fn the_beginning_is_one_difference() {
        let born = changes(&Value::Null, &json!({"a": 1}));
        assert_eq!(born, [change("", Some(Value::Null), Some(json!({"a": 1})))]);
    }
}
