//! Personal values on their way out: the one place of the query side where they are opened.

use eventstore::personal::PersonalKeys;
use serde_json::Value;
use service_kit::Problem;

/// How the two conditions of a stored personal value begin. Inside a JSON string the quotes would be
/// escaped, so this begins nothing else.
const BEGINNINGS: [&str; 2] = ["{\"sealed\":{", "{\"erased\":{"];
/// Neither a subject nor a box has braces in it.
const END: &str = "}}";

/// The document as clients see it: each sealed value becomes the plain value, or `null` once the
/// person has been erased. None if it holds no personal value.
///
/// Documents are kept sealed and opened per answer, so that an erasure shows as soon as the keys
/// notice it.
pub async fn open(keys: &PersonalKeys, json: &str) -> Result<Option<String>, Problem> {
    let pieces = pieces(json);
    if pieces.len() < 2 {
        return Ok(None);
    }
    let mut values: Vec<Value> = pieces
        .iter()
        .filter(|(is_personal, _)| *is_personal)
        .map(|(_, text)| serde_json::from_str(text))
        .collect::<Result<_, _>>()
        .map_err(Problem::internal)?;
    keys.open_values(&mut values).await.map_err(Problem::internal)?;
    let mut values = values.into_iter();
    let mut opened = String::with_capacity(json.len());
    for (is_personal, text) in pieces {
        match is_personal.then(|| values.next()).flatten() {
            Some(value) => opened.push_str(&plain(value).to_string()),
            None => opened.push_str(text),
        }
    }
    Ok(Some(opened))
}

/// The text cut so that each stored personal value is a piece of its own.
fn pieces(json: &str) -> Vec<(bool, &str)> {
    let mut pieces = Vec::new();
    let mut rest = json;
    while let Some(start) = BEGINNINGS.iter().filter_map(|begin| rest.find(begin)).min() {
        let Some(length) = rest[start..].find(END) else { break };
        let end = start + length + END.len();
        pieces.push((false, &rest[..start]));
        pieces.push((true, &rest[start..end]));
        rest = &rest[end..];
    }
    pieces.push((false, rest));
    pieces
}

/// `{"personal": {"subject", "value"}}` or `{"erased": {"subject"}}`.
fn plain(mut opened: Value) -> Value {
    opened.pointer_mut("/personal/value").map(Value::take).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_cut_at_its_personal_values() {
        let json = r#"{"b":{"sealed":{"box":"YQ==","subject":"s"}},"a":["{\"sealed\":{",{"erased":{"subject":"t"}}]}"#;
        let pieces = pieces(json);
        let personal: Vec<&str> = pieces.iter().filter(|p| p.0).map(|p| p.1).collect();
        assert_eq!(
            personal,
            [r#"{"sealed":{"box":"YQ==","subject":"s"}}"#, r#"{"erased":{"subject":"t"}}"#]
        );
        assert_eq!(pieces.iter().map(|p| p.1).collect::<String>(), json);
    }

    #[test]
    fn what_cannot_be_known_any_more_is_null() {
        assert_eq!(plain(json!({"personal": {"subject": "s", "value": "Ada"}})), json!("Ada"));
        assert_eq!(plain(json!({"erased": {"subject": "s"}})), json!(null));
    }
}
