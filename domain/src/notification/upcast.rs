use serde_json::Value;

/// What came with 1.1.0.
const NEW_KINDS: [&str; 2] = ["password_reset", "export_ready"];

/// 1.0.0 to 1.1.0: messages of new kinds. What was written reads as it stands; the version keeps
/// older programs from what they do not know.
pub(crate) fn as_it_stands(payload: Value) -> Value {
    payload
}

/// The schema of 1.0.0: that of 1.1.0 without the new kinds.
pub(crate) fn without_new_kinds(mut schema: Value) -> Value {
    if let Some(kinds) = schema["properties"]["message"]["oneOf"].as_array_mut() {
        kinds.retain(|kind| {
            let name = kind["properties"]["kind"]["const"].as_str();
            name.is_none_or(|name| !NEW_KINDS.contains(&name))
        });
    }
    schema
}
