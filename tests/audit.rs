//! What an auditor can find out.

use std::process::Stdio;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::system::{Answer, Client, Program, System, WAIT_MAX, daybook};

struct Rated {
    system: System,
    auditor: Client,
    ada: Client,
    book: Uuid,
    stream: String,
    last: crate::system::Receipt,
}

/// Ada gave 9 and then 3, both in one course of things.
async fn rated(trace: &str) -> Rated {
    let system = System::start().await;
    let auditor = system.auditor().await;
    let book = system.add_book(json!({ "title": "Emma", "authors": ["Jane Austen"] })).await;
    let ada = system.ada().await;
    let traceparent = format!("00-{trace}-00f067aa0ba902b7-01");
    ada.rate(book, 9).header("traceparent", &traceparent).await.accepted();
    let last = ada.rate(book, 3).header("traceparent", &traceparent).await.accepted();
    let stream = format!("audit/streams/rating/{}:book:{book}", ada.id);
    Rated { system, auditor, ada, book, stream, last }
}

fn trace_id() -> String {
    Uuid::now_v7().simple().to_string()
}

fn types(page: &Answer) -> Vec<&str> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item["event_type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn events_are_found_by_who_by_which_course_of_things_and_by_command() {
    let trace = trace_id();
    let Rated { auditor, ada, last, .. } = rated(&trace).await;

    let found = auditor.get(format!("audit/events?correlation_id={trace}")).after(&last).await.ok();
    assert_eq!(types(&found), ["RatingChanged", "ItemRated"], "newest first");
    assert_eq!(found["items"][0]["metadata"]["actor"], json!(ada.id));

    let by_actor = auditor.get(format!("audit/events?actor={}&type=ItemRated", ada.id)).await.ok();
    assert_eq!(types(&by_actor), ["ItemRated"]);

    let command = found["items"][1]["metadata"]["command_id"].as_str().unwrap();
    let by_command = auditor.get(format!("audit/events?command_id={command}")).await.ok();
    assert_eq!(types(&by_command), ["ItemRated"]);
    assert_eq!(by_command["items"][0]["leaf"].as_str().unwrap().len(), 64);
}

#[tokio::test]
async fn pages_go_through_the_log_in_either_direction() {
    let trace = trace_id();
    let Rated { auditor, last, .. } = rated(&trace).await;
    for (order, expected) in
        [("newest", ["RatingChanged", "ItemRated"]), ("oldest", ["ItemRated", "RatingChanged"])]
    {
        let list = format!("audit/events?correlation_id={trace}&order={order}&limit=1");
        let first = auditor.get(&list).after(&last).await.ok();
        let cursor = first["next"].as_str().unwrap().to_owned();
        let second = auditor.get(format!("{list}&cursor={cursor}")).await.ok();
        assert_eq!([types(&first)[0], types(&second)[0]], expected);
        assert_eq!(second["next"], Value::Null);
    }
    let after = format!("audit/events?after={}&limit=1", last.position - 1);
    assert_eq!(auditor.get(after).await["items"][0]["position"], json!(last.position));
}

#[tokio::test]
async fn times_are_those_of_recording() {
    let trace = trace_id();
    let Rated { auditor, last, .. } = rated(&trace).await;
    let list = format!("audit/events?correlation_id={trace}");
    let found = auditor.get(&list).after(&last).await.ok();
    let changed_at = found["items"][0]["recorded_at"].as_str().unwrap().to_owned();

    let before = auditor.get(format!("{list}&to={changed_at}")).await.ok();
    let since = auditor.get(format!("{list}&from={changed_at}")).await.ok();
    assert_eq!((types(&before), types(&since)), (vec!["ItemRated"], vec!["RatingChanged"]));
}

#[tokio::test]
async fn a_stream_can_be_seen_as_it_was_at_any_time() {
    let Rated { auditor, stream, .. } = rated(&trace_id()).await;
    let history = auditor.get(&stream).await.ok();
    assert_eq!(types(&history), ["ItemRated", "RatingChanged"]);

    let now = auditor.get(format!("{stream}/state")).await.ok();
    assert_eq!((&now["sequence"], &now["state"]["score"]), (&json!(2), &json!(3)));
    let then = auditor.get(format!("{stream}/state?sequence=1")).await.ok();
    assert_eq!(then["state"]["score"], 9);
    let first_at = history["items"][0]["recorded_at"].as_str().unwrap();
    let then = auditor.get(format!("{stream}/state?at={first_at}")).await.ok();
    assert_eq!((&then["sequence"], &then["state"]["score"]), (&json!(1), &json!(9)));
    let before = auditor.get(format!("{stream}/state?at=2001-01-01T00:00:00Z")).await.ok();
    assert_eq!((&before["sequence"], &before["state"]), (&json!(0), &Value::Null));

    let diff = auditor.get(format!("{stream}/diff?from=1&to=2")).await.ok();
    assert_eq!(diff["changes"], json!([{ "pointer": "/score", "before": 9, "after": 3 }]));
    auditor.get(format!("{stream}/state?sequence=3")).await.refused(422, "invalid");
    auditor.get("audit/streams/rating/nobody").await.refused(404, "stream-unknown");
}

#[tokio::test]
async fn a_course_of_things_is_a_tree_of_commands() {
    let trace = trace_id();
    let Rated { auditor, last, .. } = rated(&trace).await;
    let tree = auditor.get(format!("audit/trace/{trace}")).after(&last).await.ok();
    let commands = tree["commands"].as_array().unwrap();
    assert_eq!(commands.len(), 2, "{tree}");
    assert_eq!(commands[0]["events"][0]["event_type"], "ItemRated");
    auditor.get("audit/trace/nothing").await.refused(404, "trace-unknown");
}

#[tokio::test]
async fn personal_values_are_sealed_until_there_is_a_reason_and_gone_once_erased() {
    let system = System::start().await;
    let (auditor, eve) = (system.auditor().await, system.member("Moneypenny").await);
    let stream = format!("audit/streams/account/{}", eve.id);

    let sealed = auditor.get(&stream).await.ok();
    assert!(!sealed.body.to_string().contains("Moneypenny"), "{sealed}");
    auditor.get(format!("{stream}?reveal=%20")).await.refused(422, "invalid");
    let reason = "complaint-17";
    let revealed = auditor.get(format!("{stream}?reveal={reason}")).await.ok();
    assert!(revealed.body.to_string().contains("Moneypenny"), "{revealed}");

    let erased = eve.delete("accounts/me").await;
    assert_eq!(erased.status.as_u16(), 202, "{erased}");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(2);
    loop {
        let revealed = auditor.get(format!("{stream}?reveal={reason}")).await.ok();
        if !revealed.body.to_string().contains("Moneypenny") {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{revealed}");
    }

    let reveals =
        auditor.get(format!("audit/access?kind=reveal&account={}", auditor.id)).await.ok();
    let reasons = reveals["items"].as_array().unwrap();
    assert!(reasons.iter().all(|access| access["reason"] == reason) && !reasons.is_empty());
}

#[tokio::test]
async fn only_auditors_audit_and_every_denial_is_seen() {
    let system = System::start().await;
    let (auditor, ada) = (system.auditor().await, system.ada().await);
    for path in ["audit/events", "audit/verify", "audit/export", "audit/access", "audit/proof/1"] {
        ada.get(path).await.refused(403, "forbidden");
        system.operator().get(path).await.refused(403, "forbidden");
        system.get(path).await.refused(401, "token-required");
    }
    let denied = format!("audit/access?kind=denied&account={}", ada.id);
    let deadline = std::time::Instant::now() + WAIT_MAX;
    loop {
        let seen = auditor.get(&denied).await.ok();
        if seen["items"].as_array().unwrap().len() >= 5 {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{seen}");
    }
}

#[tokio::test]
async fn what_auditors_ask_for_is_recorded_with_what_became_of_it() {
    let system = System::start().await;
    let auditor = system.auditor().await;
    let asked = [
        ("/api/v1/audit/streams/nothing/7", 404, "stream-unknown"),
        ("/api/v1/audit/events?limit=1", 200, ""),
        ("/api/v1/audit/events?limit=0", 422, "invalid"),
    ];
    for (path, status, _) in asked {
        let answer = auditor.get(path.trim_start_matches("/api/v1/")).await;
        assert_eq!(answer.status.as_u16(), status, "{answer}");
    }
    let reads = format!("audit/access?kind=read&account={}", auditor.id);
    let deadline = std::time::Instant::now() + WAIT_MAX;
    for (path, status, code) in asked {
        loop {
            let seen = auditor.get(&reads).await.ok();
            let read = seen["items"].as_array().unwrap().iter().find(|read| read["path"] == path);
            if let Some(read) = read {
                assert_eq!((&read["status"], &read["code"]), (&json!(status), &json!(code)));
                break;
            }
            assert!(std::time::Instant::now() < deadline, "{seen}");
        }
    }
}

#[tokio::test]
async fn the_chain_verifies_and_every_event_has_its_proof() {
    let Rated { auditor, last, .. } = rated(&trace_id()).await;
    let from = last.position;
    let verified = auditor.get(format!("audit/verify?from={from}&to={from}")).await.ok();
    assert_eq!((&verified["ok"], &verified["until"]), (&json!(true), &json!(from)));
    auditor.get("audit/verify?from=1&to=100001").await.refused(422, "invalid");

    let proof = auditor.get(format!("audit/proof/{from}")).await.ok();
    let bytes = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
    let mut hash = Sha256::new_with_prefix(bytes(&proof["previous"]));
    proof["leaves"].as_array().unwrap().iter().for_each(|leaf| hash.update(bytes(leaf)));
    assert_eq!(hash.finalize().as_slice(), bytes(&proof["hash"]));
    let index = usize::try_from(proof["index"].as_u64().unwrap()).unwrap();
    assert_eq!(proof["leaves"][index], proof["leaf"]);
    let found = auditor.get(format!("audit/events?after={}&limit=1", from - 1)).await.ok();
    assert_eq!(found["items"][0]["leaf"], proof["leaf"]);
    auditor.get("audit/proof/999999999").await.refused(404, "position-unknown");
}

#[tokio::test]
async fn an_export_verifies_on_a_machine_that_has_nothing_else() {
    let Rated { auditor, last, .. } = rated(&trace_id()).await;
    let export = auditor.get(format!("audit/export?until={}", last.position)).await.ok();
    let lines = export.body.as_str().unwrap();
    let file = std::env::temp_dir().join(format!("daybook-export-{}.jsonl", Uuid::now_v7()));
    std::fs::write(&file, lines).unwrap();
    let verify = |file: &std::path::Path| {
        let mut command = daybook();
        command.args(["verify", "--json", "--export"]).arg(file).stderr(Stdio::null());
        let output = command.output().unwrap();
        let verification: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), verification)
    };
    let (status, verification) = verify(&file);
    assert_eq!((status, &verification["ok"]), (Some(0), &json!(true)), "{verification}");
    assert!(verification["until"].as_i64().unwrap() >= last.position);

    std::fs::write(&file, lines.replacen("ItemRated", "ItemHated", 1)).unwrap();
    let (status, verification) = verify(&file);
    assert_eq!((status, &verification["break"]["what"]), (Some(1), &json!("leaf")));
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_with_the_field_named() {
    let Rated { auditor, system, book, .. } = rated(&trace_id()).await;
    for (query, pointer) in [
        ("stream_id=x", "/query/stream_type"),
        ("colour=red", "/query/colour"),
        ("limit=0", "/query/limit"),
        ("from=yesterday", "/query/from"),
    ] {
        let problem = auditor.get(format!("audit/events?{query}")).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    auditor.get("audit/events?cursor=nonsense").await.refused(400, "bad-cursor");
    let put = auditor.put(format!("books/{book}"), json!({})).await;
    assert!(put.status.is_client_error(), "{put}");
    drop(system);
}

#[tokio::test]
async fn an_order_is_traced_from_the_request_to_its_confirmation() {
    let system = System::start().await;
    let (auditor, mercy, ada) =
        (system.auditor().await, system.merchandiser().await, system.ada().await);
    let sku = Uuid::now_v7().simple().to_string();
    let price = json!({ "minor": 1999, "currency": "GBP" });
    let product = json!({ "sku": sku, "name": "A lamp", "price": price });
    let product = mercy.post("products", product).await.accepted().id();
    mercy.post(format!("stock/{product}/receipts"), json!({ "quantity": 5 })).await.accepted();

    let trace = trace_id();
    let items = json!({ "items": [{ "product_id": product, "quantity": 2 }] });
    let traceparent = format!("00-{trace}-00f067aa0ba902b7-01");
    ada.post("orders", items).header("traceparent", traceparent).await.accepted();

    let deadline = std::time::Instant::now() + WAIT_MAX;
    let tree = loop {
        let answer = auditor.get(format!("audit/trace/{trace}")).await;
        if answer.status.is_success() && answer.body.to_string().contains("OrderConfirmed") {
            break answer;
        }
        assert!(std::time::Instant::now() < deadline, "{answer}");
    };
    let roots = tree["commands"].as_array().unwrap();
    assert_eq!(roots.len(), 1, "everything follows from the request: {tree}");
    let placed = &roots[0]["events"][0];
    assert_eq!(placed["event_type"], "OrderPlaced");
    assert!(placed["reactions"].to_string().contains("StockReserved"), "{tree}");
}

#[test]
fn the_machine_verifies_and_shows_the_log_of_a_running_system() {
    let program = Program::shared();
    let run = |words: &[&str]| {
        let mut command = daybook();
        let output = command.args(words).arg("--data-dir").arg(&program.data_dir).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (status, verified) = run(&["verify", "--json"]);
    let verified: Value = serde_json::from_str(&verified).unwrap();
    assert_eq!((status, &verified["ok"]), (Some(0), &json!(true)), "{verified}");

    let (status, tail) = run(&["events", "tail", "--since", "0"]);
    assert_eq!(status, Some(0));
    assert!(tail.contains("AccountRegistered"), "{tail}");

    let (status, _) = run(&["adopt", "--table", "eventstore.commits"]);
    assert_eq!(status, Some(1));
}
