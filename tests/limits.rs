//! Nothing that is sent or answered is without a limit: of every text, number and list that a client
//! may send the description says how much, and every list that it gets comes in pages.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use crate::system::{Route, description, routes};

/// Lists without a second page, and why they end by themselves.
const WHOLE: [(&str, &str); 7] = [
    ("/api/v1/accounts/me/keys", "nobody has more than 20"),
    ("/api/v1/leaderboards", "as many as are named in the settings"),
    ("/api/v1/operations/processes", "one entry for each process"),
    ("/api/v1/operations/projections", "one entry for each build of each projection"),
    ("/api/v1/recommendations", "the best few: `limit`, at most 50"),
    ("/api/v1/search/suggest", "the first few titles, for somebody who is typing"),
    ("/api/v1/{kind}/{id}/similar", "the best few: `limit`, at most 50"),
];

#[test]
fn whatever_is_sent_has_a_limit() {
    let description = description();
    let mut endless = Vec::new();
    let mut bodies = 0;
    for route in routes(&description) {
        let mut sent: Vec<(String, &Value)> = Vec::new();
        for parameter in route.operation["parameters"].as_array().into_iter().flatten() {
            let place = format!("{}/{}", parameter["in"], parameter["name"]).replace('"', "");
            sent.push((place, &parameter["schema"]));
        }
        let body = &route.operation["requestBody"]["content"]["application/json"]["schema"];
        if !body.is_null() {
            bodies += 1;
            sent.push(("body".to_owned(), body));
        }
        for (place, schema) in sent {
            let mut found = Vec::new();
            unlimited(&description, schema, &place, &mut BTreeSet::new(), &mut found);
            endless.extend(found.iter().map(|what| format!("{}: {what}", named(&route))));
        }
    }
    assert!(bodies > 20, "only {bodies} bodies are described");
    assert!(endless.is_empty(), "{} without a limit:\n{}", endless.len(), endless.join("\n"));
}

#[test]
fn every_list_comes_in_pages() {
    let description = description();
    let (mut paged, mut whole) = (0, Vec::new());
    for route in routes(&description).filter(|route| route.method == Method::GET) {
        let answer = &route.operation["responses"]["200"]["content"]["application/json"]["schema"];
        if resolved(&description, answer)["properties"]["items"].is_null() {
            continue;
        }
        let parameters = route.operation["parameters"].as_array();
        let has = |name: &str| parameters.is_some_and(|all| all.iter().any(|p| p["name"] == name));
        if has("limit") && has("cursor") {
            paged += 1;
        } else {
            whole.push(route.path);
        }
    }
    assert!(paged > 20, "only {paged} lists are described");
    assert_eq!(whole, WHOLE.map(|(path, _)| path), "page them, or say why they end by themselves");
}

fn named(route: &Route) -> String {
    format!("{} {}", route.method, route.path)
}

fn resolved<'a>(description: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => description.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

fn unlimited(
    description: &Value,
    schema: &Value,
    at: &str,
    seen: &mut BTreeSet<String>,
    found: &mut Vec<String>,
) {
    if let Some(reference) = schema["$ref"].as_str() {
        if seen.insert(reference.to_owned()) {
            unlimited(description, resolved(description, schema), at, seen, found);
            seen.remove(reference);
        }
        return;
    }
    for either in ["oneOf", "anyOf", "allOf"] {
        for option in schema[either].as_array().into_iter().flatten() {
            unlimited(description, option, at, seen, found);
        }
    }
    let has = |keys: &[&str]| keys.iter().any(|key| !schema[*key].is_null());
    let is = |kind: &str| match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(|one| one == kind),
        one => one == kind,
    };
    if is("string") && !has(&["maxLength", "format", "enum", "pattern"]) {
        found.push(format!("{at} has no length"));
    }
    if (is("integer") || is("number")) && !(has(&["minimum"]) && has(&["maximum"])) {
        found.push(format!("{at} has no range"));
    }
    if is("array") {
        if !has(&["maxItems"]) {
            found.push(format!("{at} may have any number of items"));
        }
        unlimited(description, &schema["items"], &format!("{at}/0"), seen, found);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        unlimited(description, property, &format!("{at}/{name}"), seen, found);
    }
}
