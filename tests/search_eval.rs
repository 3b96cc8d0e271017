//! `daybook search eval`, as somebody with a folder of judged questions meets it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;
use uuid::Uuid;

use crate::system::daybook;

const CORPUS: &str = r#"{"_id": "whale", "title": "Whales", "text": "A captain hunts a whale across the seas."}
{"_id": "ledger", "title": "Ledgers", "text": "Merchants keep their accounts by double-entry bookkeeping."}
{"_id": "bread", "title": "Bread", "text": "Knead the dough, let it rise, bake it in a hot oven."}
"#;
const QUERIES: &str = r#"{"_id": "1", "text": "whales"}
{"_id": "2", "text": "bookkeeping of merchants"}
{"_id": "3", "text": "nobody says what answers this"}
"#;
/// A score of 0 says that a document does not answer.
const JUDGEMENTS: &str =
    "query-id\tcorpus-id\tscore\n1\twhale\t1\n1\tledger\t0\n2\tledger\t2\n3\tbread\t0\n";

struct Folder(PathBuf);

impl Folder {
    fn of(judgements: &str) -> Self {
        let name = format!("daybook-search-{}", Uuid::now_v7().simple());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        for (name, text) in [
            ("corpus.jsonl", CORPUS),
            ("queries_train.jsonl", QUERIES),
            ("qrels_train.tsv", judgements),
        ] {
            fs::write(folder.join(name), text).unwrap();
        }
        Self(folder)
    }

    fn measured(&self, model: &str) -> Output {
        let mut command = daybook();
        command.env("DAYBOOK_TEXT_MODEL", model);
        command.args(["search", "eval", "--json"]).arg(&self.0).output().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The rows of a table by what they are of, without the time they took.
fn rows(output: &Output) -> BTreeMap<String, Value> {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("3 texts, 2 questions"), "{said}");
    let lines = std::str::from_utf8(&output.stdout).unwrap().lines();
    let lines = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .map(|mut line| {
            line["seconds"].take();
            (line["ranked_by"].as_str().unwrap().to_owned(), line)
        })
        .collect()
}

#[test]
fn every_way_of_finding_is_measured_by_what_is_judged_to_answer() {
    let Some(model) = local_services::testing::text_model() else { return };
    let folder = Folder::of(JUDGEMENTS);
    let measured = || rows(&folder.measured(model.to_str().unwrap()));
    let lines = measured();
    let ways = lines.keys().map(String::as_str).collect::<Vec<_>>();
    let expected = [
        "both, reciprocal rank, 1",
        "both, z-score, 1",
        "full text (GET /search)",
        "meaning (best passage)",
        "words (BM25)",
    ];
    assert_eq!(ways, expected);
    for (way, line) in &lines {
        assert_eq!((&line["ndcg_at_10"], &line["text_at_1"]), (&1.0.into(), &1.0.into()), "{way}");
    }

    // What was embedded is not embedded again, though that run was killed while it wrote.
    let kept = kept_vectors();
    let length = fs::metadata(&kept).unwrap().len();
    File::options().append(true).open(&kept).unwrap().write_all(b"half a record").unwrap();
    assert_eq!(measured(), lines);
    assert_eq!(fs::metadata(&kept).unwrap().len(), length);
}

fn kept_vectors() -> PathBuf {
    let folder = local_services::testing::options().runtime_dir.unwrap();
    let mut files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let is_kept = |file: &PathBuf| file.extension().is_some_and(|it| it == "vectors");
    files.find(is_kept).unwrap()
}

#[test]
fn what_cannot_be_measured_is_said_in_a_sentence() {
    for (judgements, problem) in [
        ("query-id\tcorpus-id\tscore\n3\tbread\t0\n", "no question has an answer"),
        ("query-id\tcorpus-id\tscore\n1\twhale\tmuch\n", "a score is a number, not much"),
        ("query-id\tcorpus-id\tscore\n1\tshark\t1\n", "no document shark"),
    ] {
        let output = Folder::of(judgements).measured("off");
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(problem), "{said}");
    }
}
