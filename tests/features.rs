//! What there is: one row for each command, with what becomes of it, who may, and where to see it.
//!
//! docs/features.csv is written by hand, a line a feature, with `; ` between several things in one
//! place. docs/FEATURES.md is made from it.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use reqwest::Method;
use service_kit::codes;

use crate::system::{Admitted, Route, as_generated, daybook, description, routes};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

const ABOUT: &str = "# What there is

Made from `docs/features.csv` by `tests/features.rs`, which fails when a route or an event has no row, or a row names something
that does not exist: `DAYBOOK_TEST_UPDATE=1 cargo test --test e2e features` makes it anew. Roles are those of
[AUTHORIZATION.md](AUTHORIZATION.md).

";

const HEADS: [&str; 8] = [
    "feature",
    "command",
    "role",
    "events",
    "refusals",
    "view",
    "test",
    "in the demo or an import",
];

#[derive(Debug, serde::Deserialize)]
struct Feature {
    feature: String,
    /// A route, `read only`, or `process: ...`.
    command: String,
    events: String,
    refusals: String,
    view: String,
    /// Module and function.
    test: String,
    shown: String,
}

fn features() -> Vec<Feature> {
    let mut rows = csv::Reader::from_path(Path::new(ROOT).join("docs/features.csv")).unwrap();
    rows.deserialize().map(|row| row.unwrap()).collect()
}

fn each(cell: &str) -> impl Iterator<Item = &str> {
    cell.split("; ")
}

#[test]
fn the_document_has_every_row_and_no_empty_place() {
    let description = description();
    let mut document = ABOUT.to_owned();
    writeln!(document, "| {} |", HEADS.join(" | ")).unwrap();
    writeln!(document, "|{}", "---|".repeat(HEADS.len())).unwrap();
    for row in features() {
        let (events, refusals) = (code(&row.events), code(&row.refusals));
        let role = role(&row, &description);
        let places = [
            row.feature,
            code(&row.command),
            role,
            events,
            refusals,
            code(&row.view),
            code(&row.test),
            row.shown,
        ];
        let empty = places.iter().position(|place| place.trim().is_empty());
        assert_eq!(empty.map(|place| HEADS[place]), None, "{places:?}");
        writeln!(document, "| {} |", places.join(" | ")).unwrap();
    }
    as_generated("docs/FEATURES.md", &document);
}

/// Names as code, words as words.
fn code(cell: &str) -> String {
    let is_words = |thing: &str| thing == "read only" || thing.contains(": ");
    let shown = |thing| if is_words(thing) { thing.to_owned() } else { format!("`{thing}`") };
    each(cell).map(shown).collect::<Vec<_>>().join("<br>")
}

/// Who may give the command, or see the view if there is none.
fn role(row: &Feature, description: &serde_json::Value) -> String {
    if row.command.starts_with("process: ") {
        return "the system".to_owned();
    }
    let is_read = row.command == "read only";
    let wanted = if is_read { each(&row.view).next().unwrap() } else { &row.command };
    let route = routes(description).find(|route| route.name() == wanted);
    match route.unwrap_or_else(|| panic!("there is no {wanted}")).admitted() {
        Admitted::Anybody => "anybody".to_owned(),
        Admitted::Members => "member".to_owned(),
        Admitted::Roles(roles) => roles.join(", "),
    }
}

#[test]
fn every_route_and_every_event_has_a_row_and_rows_name_nothing_else() {
    let (rows, description) = (features(), description());
    let in_rows = |cell: fn(&Feature) -> &str| -> BTreeSet<String> {
        rows.iter().flat_map(|row| each(cell(row))).map(str::to_owned).collect()
    };
    let named = |is_command: bool| -> BTreeSet<String> {
        let of_kind = |route: &Route| (route.method != Method::GET) == is_command;
        routes(&description).filter(of_kind).map(|route| route.name()).collect()
    };
    let mut commands = in_rows(|row| &row.command);
    commands.retain(|command| command != "read only" && !command.starts_with("process: "));
    assert_same(&commands, &named(true), "commands");
    assert_same(&in_rows(|row| &row.view), &named(false), "views");

    let mut events = in_rows(|row| &row.events);
    events.retain(|event| !event.starts_with("none: "));
    let output = daybook().arg("asyncapi").output().unwrap();
    let stream: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let messages = stream["components"]["messages"].as_object().unwrap().keys();
    let stored = messages.map(|name| name.rsplit_once('-').unwrap().0.to_owned()).collect();
    assert_same(&events, &stored, "events");
}

fn assert_same(rows: &BTreeSet<String>, there: &BTreeSet<String>, what: &str) {
    let missing: Vec<&String> = there.difference(rows).collect();
    assert!(missing.is_empty(), "docs/features.csv has no row for the {what} {missing:?}");
    let invented: Vec<&String> = rows.difference(there).collect();
    assert!(invented.is_empty(), "docs/features.csv names {what} that are not there: {invented:?}");
}

#[test]
fn the_refusals_and_tests_of_every_row_are_there() {
    for row in features() {
        for refusal in each(&row.refusals) {
            assert!(codes::find(refusal).is_some(), "no code is called {refusal}: {row:?}");
        }
        let (module, function) = row.test.split_once("::").unwrap();
        let file = Path::new(ROOT).join(format!("tests/{module}.rs"));
        let tests = fs::read_to_string(&file).unwrap_or_default();
        assert!(tests.contains(&format!("fn {function}()")), "there is no test {}", row.test);
        let is_shown = ["demo", "import"].iter().any(|place| row.shown.contains(place));
        assert!(is_shown, "where does it show in the demo or an import? {row:?}");
    }
}
