//! What belongs to one person, asked for by another and by nobody: refused, unchanged, and seen by
//! an auditor.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{Answer, Client, School, Shop, System, eventually};

/// A request for what is somebody else's, and how it is turned down: 404 where even that it exists
/// is nobody's business.
struct Door {
    method: &'static str,
    path: String,
    body: Option<Value>,
    refused: (u16, &'static str),
}

fn door(method: &'static str, path: String, refused: (u16, &'static str)) -> Door {
    Door { method, path, body: None, refused }
}

/// What Ada has beside an account and an order.
struct Hers {
    /// Borrowed.
    book: Uuid,
    /// About the course.
    comment: Uuid,
    /// By which programs ask for her.
    key: Uuid,
    export: Uuid,
    /// About the course; she has been answered.
    answer: Uuid,
    conversation: Uuid,
}

impl Hers {
    async fn of(ada: &Client, shop: &Shop, school: &School) -> Self {
        let said = format!("courses/{}/comments", school.course);
        let comment = ada.post(said, json!({ "text": "Good" })).await.accepted().id();
        let key = json!({ "name": "Mine", "scopes": ["read"] });
        let key = ada.post("accounts/me/keys", key).await.accepted().id();
        let export = ada.post("accounts/me/export", json!({})).await.accepted().id();
        ada.put(school.enrollment(), json!({})).await.accepted();
        let questions = format!("courses/{}/questions", school.course);
        let asked = ada.post(questions, json!({ "question": "One page?" })).await.accepted();
        let place = format!("answers/{}", asked.id());
        let ask = || ada.get(&place).after(&asked);
        let answered = eventually(ask, |answer| answer["state"] == "ANSWERED").await;
        let conversation = answered["conversation"].as_str().unwrap().parse().unwrap();
        let (book, answer) = (lent_to(ada, shop).await, asked.id());
        Self { book, comment, key, export, answer, conversation }
    }
}

/// A book that she has borrowed.
async fn lent_to(ada: &Client, shop: &Shop) -> Uuid {
    let book = json!({ "title": "Emma", "authors": ["Jane Austen"] });
    let book = shop.mercy.post("books", book).await.accepted().id();
    let copies = json!({ "copies": 2 });
    shop.mercy.put(format!("books/{book}/copies"), copies).await.accepted();
    ada.put(format!("books/{book}/loan"), json!({})).await.accepted();
    book
}

async fn doors(ada: &Client, shop: &Shop, school: &School, hers: &Hers) -> Vec<Door> {
    let Hers { book, comment, key, export, answer, conversation } = hers;
    const FORBIDDEN: (u16, &str) = (403, "forbidden");
    const TEACHER: (u16, &str) = (403, "not-the-instructor");
    const AUTHOR: (u16, &str) = (403, "not-the-author");
    let order = ada.orders(shop.product, 1).await;
    ada.settled(&order).await;
    let (order, course, lesson) = (order.id(), school.course, school.lessons[0]);
    let (account, teacher, product) = (ada.id, school.ines.id, shop.product);
    let with = |door: Door, body: Value| Door { body: Some(body), ..door };
    let mut all = vec![
        door("GET", format!("orders/{order}"), (404, "order-unknown")),
        door("DELETE", format!("orders/{order}"), (403, "not-the-customer")),
        with(
            door("PATCH", format!("orders/{order}/status"), FORBIDDEN),
            json!({ "status": "SHIPPED" }),
        ),
        door("GET", format!("orders?customer={account}"), FORBIDDEN),
        with(door("PATCH", format!("comments/{comment}"), AUTHOR), json!({ "text": "Mine" })),
        door("DELETE", format!("comments/{comment}"), AUTHOR),
        door("DELETE", format!("accounts/me/keys/{key}"), (404, "key-unknown")),
        door("GET", format!("exports/{export}"), (404, "export-unknown")),
        door("GET", format!("exports/{export}/file"), (404, "export-unknown")),
        with(
            door("POST", format!("courses/{course}/questions"), (403, "not-a-participant")),
            json!({ "question": "Why?" }),
        ),
        with(
            door("PUT", format!("answers/{answer}/rating"), (404, "answer-unknown")),
            json!({ "helpful": false }),
        ),
        door("GET", format!("answers/{answer}"), (404, "answer-unknown")),
        door("GET", format!("conversations/{conversation}"), (404, "conversation-unknown")),
        door("DELETE", format!("accounts/{account}"), FORBIDDEN),
        door("PUT", format!("accounts/{account}/deactivation"), FORBIDDEN),
        door("DELETE", format!("accounts/{teacher}/deactivation"), FORBIDDEN),
        door("DELETE", format!("accounts/{teacher}/roles/instructor"), FORBIDDEN),
        with(door("PATCH", format!("courses/{course}"), TEACHER), json!({ "title": "Mine" })),
        door("DELETE", format!("courses/{course}"), TEACHER),
        door("DELETE", format!("courses/{course}/enrollments/{account}"), TEACHER),
        door("POST", format!("courses/{course}/publication"), TEACHER),
        door("GET", format!("workflows/{}", school.published.id()), (404, "workflow-unknown")),
        with(
            door("POST", format!("courses/{course}/lessons"), TEACHER),
            json!({ "title": "Mine" }),
        ),
        with(
            door("PATCH", format!("courses/{course}/lessons/{lesson}"), TEACHER),
            json!({ "title": "M" }),
        ),
        door("DELETE", format!("courses/{course}/lessons/{lesson}"), TEACHER),
        with(door("PUT", format!("books/{book}/copies"), FORBIDDEN), json!({ "copies": 1 })),
        door("DELETE", format!("books/{book}/loan"), (409, "not-borrowed")),
        door("DELETE", format!("books/{book}/loans/{account}"), FORBIDDEN),
        door("GET", "loans".to_owned(), FORBIDDEN),
        door("GET", format!("stock/{product}/movements"), FORBIDDEN),
        with(
            door("POST", format!("stock/{product}/receipts"), FORBIDDEN),
            json!({ "quantity": 1 }),
        ),
        with(
            door("POST", format!("stock/{product}/adjustments"), FORBIDDEN),
            json!({ "quantity": -1 }),
        ),
        with(door("PATCH", format!("products/{product}"), FORBIDDEN), json!({ "name": "Mine" })),
        door("DELETE", format!("products/{product}"), FORBIDDEN),
        door("DELETE", format!("products/{product}/files/cover.png"), FORBIDDEN),
        door("DELETE", format!("courses/{course}/files/cover.png"), TEACHER),
        door("DELETE", format!("courses/{course}/lessons/{lesson}/files/notes.md"), TEACHER),
        door("GET", format!("audit/streams/account/{account}"), FORBIDDEN),
        door("GET", format!("audit/streams/account/{account}/state"), FORBIDDEN),
        door("GET", format!("audit/events?actor={account}"), FORBIDDEN),
        door("GET", format!("audit/access?account={account}"), FORBIDDEN),
        door("GET", "audit/export".to_owned(), FORBIDDEN),
        door("GET", "audit/verify".to_owned(), FORBIDDEN),
        door("GET", "analytics/summary".to_owned(), FORBIDDEN),
        door("GET", "analytics/products".to_owned(), FORBIDDEN),
        door("GET", format!("analytics/courses/{course}"), FORBIDDEN),
        door("GET", "analytics/stock".to_owned(), FORBIDDEN),
        door("GET", "live?topics=activity".to_owned(), FORBIDDEN),
        door("GET", "operations/projections".to_owned(), FORBIDDEN),
        door("POST", "operations/projections/item_ratings/rebuild".to_owned(), FORBIDDEN),
        door("POST", "operations/projections/item_ratings/verify".to_owned(), FORBIDDEN),
        door("GET", "operations/parked/groups".to_owned(), FORBIDDEN),
        door("GET", format!("operations/processes/fulfilment/instances/{order}"), FORBIDDEN),
        door("POST", format!("operations/processes/fulfilment/instances/{order}/retry"), FORBIDDEN),
        door("GET", "operations/notifications".to_owned(), FORBIDDEN),
        door("POST", format!("operations/notifications/1:{account}:email/retry"), FORBIDDEN),
    ];
    for role in ["analyst", "instructor", "merchandiser", "auditor", "operator"] {
        all.push(door("PUT", format!("accounts/{account}/roles/{role}"), FORBIDDEN));
    }
    all
}

#[tokio::test]
async fn what_is_somebody_elses_is_refused_to_everybody_else_and_seen_by_auditors() {
    let system = System::start().await;
    let (ada, mallory) = (system.ada().await, system.with_role("Mallory", "instructor").await);
    let shop = Shop::of(system.clone(), 5).await;
    let school = School::of(system.clone(), 1, None).await;
    let auditor = system.auditor().await;
    let hers = Hers::of(&ada, &shop, &school).await;
    let doors = doors(&ada, &shop, &school, &hers).await;
    let before = state(&auditor, &ada, &shop, &school, &hers).await;

    for Door { method, path, body, refused: (status, code) } in &doors {
        let method: Method = method.parse().unwrap();
        let key = Uuid::now_v7();
        let as_other = system.ask_as(&mallory.token, method.clone(), path);
        let as_nobody = system.ask(method, path);
        let [as_other, as_nobody] = [as_other, as_nobody].map(|ask| {
            let ask = ask.header("idempotency-key", key);
            if let Some(body) = body { ask.body(body.clone()) } else { ask }
        });
        as_other.await.refused(*status, code);
        as_nobody.await.refused(401, "token-required");
    }

    assert_eq!(state(&auditor, &ada, &shop, &school, &hers).await, before);
    let denied = format!("audit/access?kind=denied&account={}&limit=200", mallory.id);
    let forbidden: Vec<&Door> = doors.iter().filter(|door| door.refused.0 == 403).collect();
    let all_there = |page: &Answer| {
        forbidden.iter().all(|door| {
            let path = door.path.split('?').next().unwrap_or_default();
            let entries = page["items"].as_array().unwrap();
            entries.iter().any(|entry| {
                entry["method"] == door.method && entry["path"] == format!("/api/v1/{path}")
            })
        })
    };
    eventually(|| auditor.get(&denied), all_there).await;
}

/// How far the streams of those whose doors were tried have got.
async fn state(
    auditor: &Client,
    ada: &Client,
    shop: &Shop,
    school: &School,
    hers: &Hers,
) -> Vec<usize> {
    let mut lengths = Vec::new();
    for stream in [
        format!("account/{}", ada.id),
        format!("account/{}", school.ines.id),
        format!("course/{}", school.course),
        format!("enrollment/{}:{}", ada.id, school.course),
        format!("product/{}", shop.product),
        format!("stock/{}", shop.product),
        format!("loan/{}", hers.book),
        format!("comment/{}", hers.comment),
        format!("conversation/{}", hers.conversation),
    ] {
        let history = auditor.get(format!("audit/streams/{stream}?limit=200")).await.ok();
        lengths.push(history["items"].as_array().unwrap().len());
    }
    lengths
}
