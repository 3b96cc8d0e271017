use serde_json::Value;

/// Messages of new kinds. What was written reads as it stands; the version keeps older programs
/// from what they do not know.
pub(crate) fn as_it_stands(payload: Value) -> Value {
    payload
}

/// The schema of 1.0.0: that of 1.1.0 without the kinds that came with it.
pub(crate) fn without_kinds_of_1_1(schema: Value) -> Value {
    without(&["password_reset", "export_ready"], schema)
}

/// The schema of 1.1.0: that of 1.2.0 without the kinds that came with it.
pub(crate) fn without_kinds_of_1_2(schema: Value) -> Value {
    without(&["email_changed", "session_ended"], schema)
}

fn without(new_kinds: &[&str], mut schema: Value) -> Value {
    if let Some(kinds) = schema["properties"]["message"]["oneOf"].as_array_mut() {
        kinds.retain(|kind| {
            let name = kind["properties"]["kind"]["const"].as_str();
            name.is_none_or(|name| !new_kinds.contains(&name))
        });
    }
    schema
}
