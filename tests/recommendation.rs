use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{Client, Program, Receipt, System, daybook};

/// Two books that three readers like both of, and a third that only one of them does.
struct Tastes {
    system: System,
    liked: Uuid,
    also_liked: Uuid,
    third: Uuid,
    /// The one who likes the third.
    alone: Client,
    last: Receipt,
}

async fn tastes() -> Tastes {
    tastes_in(System::start().await).await
}

async fn tastes_in(system: System) -> Tastes {
    let mercy = system.merchandiser().await;
    let genre = format!("genre {}", Uuid::now_v7().simple());
    let mut books = Vec::new();
    for title in ["Emma", "Persuasion", "Dracula"] {
        let author = Uuid::now_v7().simple().to_string();
        let book = json!({ "title": title, "authors": [author], "genres": [genre] });
        books.push(mercy.post("books", book).await.accepted().id());
    }
    let alone = system.member("Rita").await;
    alone.rate(books[2], 8).await.accepted();
    let mut last = None;
    for reader in [&alone, &system.member("Rita").await, &system.member("Rita").await] {
        reader.rate(books[0], 9).await.accepted();
        last = Some(reader.rate(books[1], 8).await.accepted());
    }
    let (liked, also_liked, third) = (books[0], books[1], books[2]);
    Tastes { system, liked, also_liked, third, alone, last: last.unwrap() }
}

fn items(answer: &crate::system::Answer) -> Vec<Value> {
    answer["items"].as_array().unwrap().clone()
}

async fn recommended(reader: &Client, after: &Receipt) -> Vec<Value> {
    items(&reader.get("recommendations?kind=book").after(after).await.ok())
}

#[tokio::test]
async fn who_likes_a_book_is_told_of_what_others_like_with_it_and_why() {
    let Tastes { system, liked, also_liked, .. } = tastes().await;
    let ada = system.ada().await;
    let rated = ada.rate(liked, 10).await.accepted();

    let list = recommended(&ada, &rated).await;

    assert_eq!(list[0]["id"], also_liked.to_string(), "{list:?}");
    assert_eq!(list[0]["source"], "co-occurrence", "{list:?}");
    let reasons = list[0]["reasons"].as_array().unwrap();
    assert_eq!(reasons[0]["because"], format!("book:{liked}"), "{list:?}");
    let shares: f64 = reasons.iter().map(|reason| reason["share"].as_f64().unwrap()).sum();
    assert!((shares - list[0]["score"].as_f64().unwrap()).abs() < 1e-6, "{list:?}");
    assert!(list[0]["position"].as_i64().unwrap() >= rated.position, "{list:?}");
    assert!(list[0]["model_version"].is_string(), "{list:?}");
    assert!(list.len() <= 5, "{list:?}");
}

#[tokio::test]
async fn what_was_rated_already_is_not_recommended() {
    let Tastes { system, liked, also_liked, .. } = tastes().await;
    let ada = system.ada().await;
    ada.rate(liked, 10).await.accepted();
    let rated = ada.rate(also_liked, 2).await.accepted();

    let list = recommended(&ada, &rated).await;

    let known = [liked.to_string(), also_liked.to_string()];
    let seen = |item: &Value| known.iter().any(|known| item["id"] == known.as_str());
    assert!(!list.iter().any(seen), "{list:?}");
    assert!(!list.is_empty(), "a third book is left");
}

#[tokio::test]
async fn what_was_dismissed_is_never_recommended_until_it_is_taken_back() {
    let Tastes { system, liked, also_liked, .. } = tastes().await;
    let (ada, bob) = (system.ada().await, system.bob().await);
    let dismissal = format!("books/{also_liked}/dismissal");
    ada.rate(liked, 10).await.accepted();
    let dismissed = ada.put(&dismissal, json!({})).await.accepted();
    let again = ada.put(&dismissal, json!({})).await.accepted();
    assert_eq!(again.body["unchanged"], true);

    let shows = |list: Vec<Value>| list.iter().any(|item| item["id"] == also_liked.to_string());
    assert!(!shows(recommended(&ada, &dismissed).await), "not to who dismissed it");
    let rated = bob.rate(liked, 10).await.accepted();
    assert!(shows(recommended(&bob, &rated).await), "it is nobody else's business");
    let back = ada.delete(&dismissal).await.accepted();
    assert!(shows(recommended(&ada, &back).await));

    let unknown = format!("books/{}/dismissal", Uuid::now_v7());
    ada.put(unknown, json!({})).await.refused(404, "item-unknown");
}

#[tokio::test]
async fn somebody_new_gets_something_that_says_where_it_comes_from() {
    let Tastes { system, last, .. } = tastes().await;
    let bob = system.bob().await;

    let list = recommended(&bob, &last).await;

    assert_eq!(list.len(), 5.min(list.len()), "{list:?}");
    assert!(!list.is_empty());
    for item in &list {
        let source = item["source"].as_str().unwrap();
        assert!(["genres", "weekly", "top", "newest"].contains(&source), "{item}");
    }
    system.get("recommendations").await.refused(401, "token-required");
}

#[tokio::test]
async fn a_session_without_an_account_is_recommended_by_what_it_looked_at() {
    let Tastes { system, liked, also_liked, last, .. } = tastes().await;

    let path = format!("recommendations?kind=book&items=book:{liked}&limit=3");
    let list = items(&system.get(path).after(last).await.ok());

    assert_eq!(list[0]["id"], also_liked.to_string(), "{list:?}");
    let problem = system.get("recommendations?items=nonsense").await.refused(422, "invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/query/items", "{problem}");
}

#[tokio::test]
async fn similar_books_are_those_with_the_same_readers_then_those_alike() {
    let Tastes { system, liked, also_liked, last, .. } = tastes().await;

    let list = items(&system.get(format!("books/{liked}/similar")).after(last).await.ok());

    assert_eq!(list[0]["id"], also_liked.to_string(), "{list:?}");
    assert_eq!(list[0]["source"], "co-occurrence", "{list:?}");
    assert_eq!(list[0]["reasons"]["together"], 3, "{list:?}");
    assert!((list[0]["score"].as_f64().unwrap() - 1.0).abs() < 1e-6, "{list:?}");
    // One reader of both may be chance; the genre they share is not.
    assert_eq!(list[1]["source"], "content", "{list:?}");
    system.get(format!("books/{}/similar", Uuid::now_v7())).await.refused(404, "item-unknown");
}

/// What `daybook reco train` made of it.
fn trained(program: &Program) -> Value {
    let mut command = daybook();
    command.args(["reco", "train", "--lambda", "1", "--json", "--data-dir"]);
    let output = command.arg(&program.data_dir).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What `daybook reco rebuild` proves about a position, and its exit code.
fn rebuilt(program: &Program, position: impl ToString) -> (Option<i32>, Value, String) {
    let mut command = daybook();
    command.args(["reco", "rebuild", "--json", "--to-position", &position.to_string()]);
    let output = command.arg("--data-dir").arg(&program.data_dir).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default(), said)
}

/// What `daybook reco explain` says, and whether it could.
fn explained(program: &Program, arguments: &[&str]) -> (bool, String) {
    let mut command = daybook();
    command.args(["reco", "explain", "--data-dir"]).arg(&program.data_dir).args(arguments);
    let output = command.output().unwrap();
    let said = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[tokio::test]
async fn operators_are_told_what_somebody_is_recommended_and_why() {
    let up = || Program::up("explained", &["--ephemeral"]);
    let program = tokio::task::spawn_blocking(up).await.unwrap();
    let system = System::of(&program).await;
    let Tastes { system, liked, .. } = tastes_in(system).await;
    let ada = system.ada().await;
    let rated = ada.rate(liked, 10).await.accepted();
    trained(&program);
    let answer = ada.get("recommendations?kind=book&limit=3").after(&rated).await.ok();
    assert_eq!(answer["items"][0]["source"], "model", "{answer}");

    let who = ada.login.email.as_str();
    let asked = ["--account", who, "--kind", "book", "--limit", "3"];
    let (_, json) = explained(&program, &[&asked[..], &["--json"]].concat());
    let mut json: Value = serde_json::from_str(&json).unwrap();
    // Each has seen the log as far as it had come.
    let mut answered = answer.body.clone();
    for list in [&mut json, &mut answered] {
        for item in list["items"].as_array_mut().unwrap() {
            item["position"].take();
        }
    }
    assert_eq!(json, answered);
    let (_, text) = explained(&program, &asked);
    let first = &answer["items"][0];
    for said in [first["title"].as_str(), first["model_version"].as_str(), Some("Emma")] {
        assert!(text.contains(said.unwrap()), "{text}");
    }
    let by_id =
        explained(&program, &["--account", &ada.id.to_string(), "--kind", "book", "--limit", "3"]);
    assert_eq!(by_id, (true, text));

    let nobody = Uuid::now_v7().to_string();
    let (could, said) = explained(&program, &["--account", &nobody]);
    assert!(!could && said.contains(&nobody), "{said}");
}

fn source_of(list: &[Value], book: Uuid) -> Option<&str> {
    let found = list.iter().find(|item| item["id"] == book.to_string());
    found.and_then(|item| item["source"].as_str())
}

#[tokio::test]
async fn once_trained_the_model_answers_by_the_profile_of_the_moment_without_who_is_erased() {
    let up = || Program::up("trained", &["--ephemeral"]);
    let program = tokio::task::spawn_blocking(up).await.unwrap();
    let system = System::of(&program).await;
    let Tastes { system, liked, also_liked, third, alone, .. } = tastes_in(system).await;
    let ada = system.ada().await;
    let rated = ada.rate(liked, 10).await.accepted();
    assert_eq!(source_of(&recommended(&ada, &rated).await, also_liked), Some("co-occurrence"));

    let outcome = trained(&program);
    assert_eq!(outcome["outcome"], "serves", "{outcome}");
    assert_eq!((&outcome["fit"]["people"], &outcome["fit"]["items"]), (&json!(4), &json!(3)));
    let list = recommended(&ada, &rated).await;
    assert_eq!(list[0]["id"], also_liked.to_string(), "{list:?}");
    assert_eq!(list[0]["source"], "model", "{list:?}");
    let version = list[0]["model_version"].as_str().unwrap();
    assert!(version.contains(&outcome["fit"]["model_hash"].as_str().unwrap()[..12]), "{version}");
    let reasons = list[0]["reasons"].as_array().unwrap();
    assert_eq!(reasons[0]["because"], format!("book:{liked}"), "{list:?}");
    let shares: f64 = reasons.iter().map(|reason| reason["share"].as_f64().unwrap()).sum();
    assert!((shares - list[0]["score"].as_f64().unwrap()).abs() < 1e-6, "{list:?}");
    let path = format!("recommendations?kind=book&items=book:{also_liked}");
    let session = items(&system.get(path).after(&rated).await.ok());
    assert_eq!(source_of(&session, liked), Some("model"), "{session:?}");

    // The profile is of this moment, the model is not.
    let rated = ada.rate(also_liked, 9).await.accepted();
    let list = recommended(&ada, &rated).await;
    assert_eq!(source_of(&list, also_liked), None, "{list:?}");
    assert_eq!(source_of(&list, third), Some("model"), "{list:?}");

    let erased = alone.delete("accounts/me").await.accepted();
    recommended(&ada, &erased).await;
    let outcome = trained(&program);
    assert_eq!((&outcome["fit"]["people"], &outcome["fit"]["items"]), (&json!(3), &json!(2)));
    let list = recommended(&ada, &erased).await;
    assert!(!list.is_empty(), "other rungs go on");
    assert_ne!(source_of(&list, third), Some("model"), "nobody likes it any more: {list:?}");
}

#[tokio::test]
async fn an_auditor_proves_which_model_recommended_something() {
    let up = || Program::up_with("proven", &["--ephemeral"], &[("DAYBOOK_TRAIN_AFTER", "0")]);
    let program = tokio::task::spawn_blocking(up).await.unwrap();
    let system = System::of(&program).await;
    let Tastes { system, liked, third, alone, .. } = tastes_in(system).await;
    let ada = system.ada().await;
    let rated = ada.rate(liked, 10).await.accepted();
    let before = rated.position - 1;
    recommended(&ada, &rated).await;
    let first = trained(&program)["fit"].take();
    let recommended_then = recommended(&ada, &rated).await;
    let rated = ada.rate(third, 9).await.accepted();
    recommended(&ada, &rated).await;
    let second = trained(&program)["fit"].take();
    let erased = alone.delete("accounts/me").await.accepted();
    let serving = recommended(&ada, &erased).await;

    // Both as they were, again and again, though one of their people is erased and none serves it.
    for fit in [&first, &second] {
        let (code, proof, said) = rebuilt(&program, &fit["position"]);
        assert_eq!((code, &proof["as_recorded"]), (Some(0), &json!(true)), "{proof} {said}");
        for field in ["position", "people", "items", "lambda", "item_order_hash", "model_hash"] {
            assert_eq!(proof["fit"][field], fit[field], "{field} of {proof}");
        }
        let (_, again, _) = rebuilt(&program, &fit["position"]);
        assert_eq!(proof["counts_hash"], again["counts_hash"]);
    }
    assert_ne!(first["model_hash"], second["model_hash"]);
    let version = recommended_then[0]["model_version"].as_str().unwrap();
    assert!(version.contains(&first["model_hash"].as_str().unwrap()[..12]), "{version}");
    assert_eq!(recommended(&ada, &erased).await, serving, "nothing else serves");

    let (code, unknown, _) = rebuilt(&program, before);
    assert_eq!((code, &unknown["as_recorded"]), (Some(0), &Value::Null), "{unknown}");
    assert_ne!(unknown["counts_hash"], rebuilt(&program, &first["position"]).1["counts_hash"]);
    let (code, _, said) = rebuilt(&program, i64::MAX);
    assert!(code == Some(1) && said.contains("the log ends at position"), "{code:?} {said}");
    let (code, _, said) = rebuilt(&program, 1);
    assert!(code == Some(1) && said.contains("nobody liked anything yet"), "{code:?} {said}");
    for nonsense in ["0", "-1", "soon"] {
        assert_eq!(rebuilt(&program, nonsense).0, Some(2), "{nonsense}");
    }
}
