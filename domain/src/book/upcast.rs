use serde_json::{Value, json};

/// 1.0.0 to 1.1.0: books gained an audience. Before, only the genres told that a book is for kids.
pub(crate) fn audience_from_genres(mut payload: Value) -> Value {
    let details = &mut payload["details"];
    let genres = details["genres"].as_array().map(Vec::as_slice).unwrap_or_default();
    let has = |names: &[&str]| {
        genres.iter().filter_map(Value::as_str).any(|genre| names.contains(&genre))
    };
    let audience = if has(&["children", "childrens", "kids", "picture books"]) {
        "kids"
    } else if has(&["teen", "teens", "young adult"]) {
        "teens"
    } else {
        "general"
    };
    details["audience"] = json!(audience);
    payload
}

/// The schema of 1.0.0: that of 1.1.0 without the audience.
pub(crate) fn without_audience(mut schema: Value) -> Value {
    let details = &mut schema["properties"]["details"];
    if let Some(fields) = details["properties"].as_object_mut() {
        fields.remove("audience");
    }
    if let Some(required) = details["required"].as_array_mut() {
        required.retain(|field| field != "audience");
    }
    schema
}
