//! Personal values on their way out: the one place of the query side where they are opened.

use eventstore::PersonalKeys;
use serde_json::Value;
use service_kit::Problem;

/// The document as clients see it: each sealed value becomes the plain value, or `null` once the
/// person has been erased.
///
/// Documents are cached sealed and opened per answer, so that an erasure shows as soon as the keys
/// notice it.
pub async fn open(keys: &PersonalKeys, json: &str) -> Result<Option<String>, Problem> {
    // Quick and never wrong with no: inside a JSON string the quotes would be escaped.
    let may_be_personal =
        ["\"sealed\"", "\"personal\"", "\"erased\""].iter().any(|marker| json.contains(marker));
    if !may_be_personal {
        return Ok(None);
    }
    let mut document: Value = serde_json::from_str(json).map_err(Problem::internal)?;
    keys.open_value(&mut document).await.map_err(Problem::internal)?;
    plain(&mut document);
    serde_json::to_string(&document).map(Some).map_err(Problem::internal)
}

fn plain(value: &mut Value) {
    match value {
        Value::Object(map) if map.len() == 1 => {
            if let Some(known) = map.get_mut("personal").and_then(|inner| inner.get_mut("value")) {
                *value = known.take();
            } else if map.get("erased").is_some_and(|inner| inner.get("subject").is_some()) {
                *value = Value::Null;
            } else {
                map.values_mut().for_each(plain);
            }
        }
        Value::Object(map) => map.values_mut().for_each(plain),
        Value::Array(items) => items.iter_mut().for_each(plain),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn opened_values_stand_in_the_document_as_they_are() {
        let mut document = json!({
            "account": 1,
            "name": {"personal": {"subject": "s", "value": "Ada"}},
            "others": [{"name": {"erased": {"subject": "t"}}}],
        });
        plain(&mut document);
        let shown = json!({"account": 1, "name": "Ada", "others": [{"name": null}]});
        assert_eq!(document, shown);
    }
}
