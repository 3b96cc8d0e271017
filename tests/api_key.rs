use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{System, eventually};

#[tokio::test]
async fn a_program_reads_and_writes_by_a_key_and_its_owner_sees_when() {
    let system = System::start().await;
    let ada = system.ada().await;
    let book = system.add_book(json!({ "title": "Emma", "authors": ["Jane Austen"] })).await;
    let body = json!({ "name": "Reading list", "scopes": ["read", "write"] });
    let made = ada.post("accounts/me/keys", body).await.accepted();
    let key = made.body["key"].as_str().unwrap().to_owned();
    let mine = ada.get("accounts/me/keys").after(&made).await.ok();
    let of = |answer: &Value| answer["items"][0].clone();
    assert_eq!(of(&mine.body)["name"], "Reading list", "{mine}");
    assert_eq!(of(&mine.body)["scopes"], json!(["read", "write"]), "{mine}");
    assert_eq!(of(&mine.body)["last_used_on"], Value::Null, "{mine}");
    assert!(!mine.body.to_string().contains(&key), "{mine}");

    let ask = |method, path: &str| system.ask_as(&key, method, path);
    let rating = ask(reqwest::Method::PUT, &format!("books/{book}/rating"));
    let rated = rating.body(json!({ "score": 9 })).await.accepted();
    let ratings = ask(reqwest::Method::GET, "accounts/me/ratings").after(&rated).await.ok();
    assert_eq!(ratings["items"][0]["score"], 9, "{ratings}");
    let used = ada.get("accounts/me/keys").await.ok();
    assert!(of(&used.body)["last_used_on"].is_string(), "{used}");

    let auditor = system.auditor().await;
    let history = auditor.get(format!("audit/streams/account/{}", ada.id)).await.ok();
    let history = history.body.to_string();
    assert!(history.contains("ApiKeyCreated") && !history.contains(&key), "{history}");
    let bob = system.bob().await;
    assert_eq!(bob.get("accounts/me/keys").await.ok()["items"], json!([]));

    let revoked = ada.delete(format!("accounts/me/keys/{}", made.id())).await.accepted();
    let gone = || ask(reqwest::Method::GET, "accounts/me");
    eventually(gone, |answer| answer.status == 401).await.refused(401, "token-invalid");
    let none = ada.get("accounts/me/keys").after(&revoked).await.ok();
    assert_eq!(none["items"], json!([]), "{none}");
    let never = format!("dbk_{}", "A".repeat(43));
    system.ask_as(&never, reqwest::Method::GET, "accounts/me").await.refused(401, "token-invalid");
    ada.delete(format!("accounts/me/keys/{}", Uuid::now_v7())).await.refused(404, "key-unknown");
}
