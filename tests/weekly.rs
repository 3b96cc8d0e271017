//! The lists that are fixed once a day, as clients and operators meet them.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use chrono::{Days, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{Program, System, daybook, eventually};

/// Files of one source, gone at the end of the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("daybook-weekly-{}", Uuid::now_v7()));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a command of the program prints.
fn told(program: &Program, arguments: &[&str]) -> Value {
    let mut command = daybook();
    command.args(arguments).args(["--json", "--data-dir"]).arg(&program.data_dir);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.stdout.is_empty(), "{arguments:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Two books: one that three people liked yesterday, one that three liked more a fortnight ago.
fn bring_in(program: &Program) {
    let folder = Folder::new();
    let books = "id,title,author,genres\n1,Emma,Jane Austen,classics\n2,Dune,Frank Herbert,sand\n";
    let books = folder.file("books.csv", books);
    let days_ago = |days| Utc::now().date_naive().checked_sub_days(Days::new(days)).unwrap();
    let mut ratings = "reader,item,score,at\n".to_owned();
    for reader in 1..=3 {
        writeln!(ratings, "{reader},1,8,{}T12:00:00Z", days_ago(1)).unwrap();
        writeln!(ratings, "{reader},2,9,{}T12:00:00Z", days_ago(14)).unwrap();
    }
    let ratings = folder.file("ratings.csv", &ratings);
    for (what, file) in [("books", books), ("ratings", ratings)] {
        let file = file.to_str().unwrap();
        told(program, &["import", what, file, "--source", "library"]);
    }
}

fn titles(answer: &crate::system::Answer) -> Vec<&str> {
    let items = answer["items"].as_array().unwrap().iter();
    items.map(|item| item["title"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_day_has_its_lists_once_and_who_is_new_is_recommended_by_them() {
    let up = || Program::up("weekly", &["--ephemeral"]);
    let program = tokio::task::spawn_blocking(up).await.unwrap();
    let system = System::of(&program).await;
    let nothing = told(&program, &["reco", "lists"]);
    assert_eq!(nothing["outcome"], "nothing", "{nothing}");
    let none = system.get("lists/weekly").await.ok();
    assert_eq!((&none["day"], &none["items"]), (&Value::Null, &json!([])));

    bring_in(&program);
    let fixed = told(&program, &["reco", "lists"]);
    // The program that runs may have been first.
    assert!(["fixed", "known"].contains(&fixed["outcome"].as_str().unwrap()), "{fixed}");
    let day = fixed["day"].as_str().unwrap();
    let again = told(&program, &["reco", "lists"]);
    assert_eq!((&again["outcome"], &again["day"]), (&json!("known"), &json!(day)));
    let auditor = system.auditor().await;
    let events = auditor.get(format!("audit/streams/weekly/{day}")).await.ok();
    assert_eq!(events["items"].as_array().unwrap().len(), 9, "{events}");

    let week = eventually(|| system.get("lists/weekly"), |answer| answer["day"] == day).await;
    assert_eq!(titles(&week), ["Emma"], "{week}");
    let month = system.get("lists/weekly?period=month").await.ok();
    assert_eq!(titles(&month), ["Dune", "Emma"], "{month}");
    let sand = system.get("lists/weekly?period=all&genre=sand&kind=book").await.ok();
    assert_eq!(titles(&sand), ["Dune"], "{sand}");

    let empty = system.get("lists/weekly?genre=whales").await.ok();
    assert_eq!((&empty["day"], &empty["items"]), (&json!(day), &json!([])), "{empty}");
    let first = system.get("lists/weekly?period=month&limit=1").await.ok();
    let next =
        format!("lists/weekly?period=month&limit=1&cursor={}", first["next"].as_str().unwrap());
    let last = system.get(&next).await.ok();
    assert_eq!((titles(&last), &last["next"]), (vec!["Emma"], &Value::Null), "{last}");
    let seen = last.header("etag").to_owned();
    assert_eq!(system.get(&next).header("if-none-match", seen).await.status, 304);

    let ada = system.ada().await;
    let list = ada.get("recommendations?kind=book").await.ok();
    assert_eq!(titles(&list), ["Emma", "Dune"], "{list}");
    let of =
        |place: usize| (&list["items"][place]["source"], &list["items"][place]["model_version"]);
    assert_eq!(of(0), (&json!("weekly"), &json!(format!("weekly/{day}"))), "{list}");
    assert_eq!(of(1).0, "top", "{list}");

    let emma = last["items"][0]["id"].as_str().unwrap();
    let withdrawn = system.merchandiser().await.delete(format!("books/{emma}")).await.accepted();
    let gone = system.get(&next).after(&withdrawn).await.ok();
    assert_eq!((&gone["day"], &gone["items"]), (&json!(day), &json!([])), "{gone}");
}
