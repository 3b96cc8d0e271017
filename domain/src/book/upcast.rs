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
