//! `daybook reco`, as somebody with a file of ratings meets it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use uuid::Uuid;

use crate::system::daybook;

/// Ninety people of three tastes: what somebody likes and its number differ by a multiple of three,
/// but for every fifth.
fn ratings() -> String {
    let mut text = "user_id,item_id,rating,timestamp\n".to_owned();
    for place in 0..12_u32 {
        for person in 0..90_u32 {
            let other = u32::from(place % 5 == 4);
            let item = (person * 7 + place * 11) % 20 * 3 + (person + other) % 3;
            writeln!(text, "{person},{item},8,{}", place * 90 + person).unwrap();
        }
    }
    text
}

struct File(PathBuf);

impl File {
    fn of(text: &str) -> Self {
        let name = format!("daybook-reco-{}.csv", Uuid::now_v7().simple());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Each model's line, by its name.
fn measured(file: &File, arguments: &[&str]) -> BTreeMap<String, Value> {
    let mut command = daybook();
    command.args(["reco", "eval", "--json", "--lambda", "5"]).args(arguments).arg(&file.0);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|line| (line["model"].as_str().unwrap().to_owned(), line)).collect()
}

#[test]
fn every_protocol_measures_models_beside_popularity() {
    let file = File::of(&ratings());
    for (protocol, model, flags) in [
        ("sar75", "EASE, lambda 5", &[][..]),
        ("holdout", "EASE, lambda 5", &[]),
        ("prequential", "EASE, live profiles", &["--warm-up", "500"]),
    ] {
        let lines = measured(&file, &[&["--protocol", protocol], flags].concat());
        let ndcg = |model: &str| {
            let line = &lines.get(model).unwrap_or_else(|| panic!("{model} in {lines:?}"));
            assert_eq!(line["protocol"], protocol);
            line["ndcg_at_10"].as_f64().unwrap()
        };
        assert!(ndcg(model) > ndcg("popularity"), "{lines:?}");
    }
}

#[test]
fn what_cannot_be_measured_is_said_in_a_sentence() {
    let file = File::of("name,age\nada,36\n");
    let mut command = daybook();
    command.args(["reco", "eval", "--protocol", "sar75"]).arg(&file.0);
    let output = command.output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("the first line names no column of people"), "{said}");
}

#[test]
fn a_flag_that_changes_nothing_is_refused_by_name() {
    let file = File::of(&ratings());
    for (protocol, flag, value) in [
        ("sar75", "--items", "10"),
        ("sar75", "--recency", "1"),
        ("prequential", "--strongest", "10"),
        ("prequential", "--drawn", "42"),
        ("holdout", "--warm-up", "500"),
    ] {
        let mut command = daybook();
        command.args(["reco", "eval", "--protocol", protocol, flag, value]).arg(&file.0);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(flag), "{protocol}: {said}");
    }
}
