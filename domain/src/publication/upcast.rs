use serde_json::Value;

/// 1.0.0 to 1.1.0: files are read and pieces embedded. What was done before reads the same.
pub(crate) fn as_it_was(payload: Value) -> Value {
    payload
}

/// The schema of 1.0.0: that of 1.1.0 without what came with files and embedding.
pub(crate) fn without_embedding(mut schema: Value) -> Value {
    let outcomes = schema.pointer_mut("/properties/outcome/anyOf/0/oneOf");
    if let Some(outcomes) = outcomes.and_then(Value::as_array_mut) {
        outcomes.retain(|outcome| outcome["properties"]["kind"]["const"] != "embedded");
        for outcome in outcomes {
            if let Some(properties) = outcome["properties"].as_object_mut() {
                properties.remove("files");
            }
        }
    }
    schema
}
