//! Somebody who may do everything, and something of every kind to do it to.

use std::collections::HashMap;

use serde_json::json;
use uuid::Uuid;

use super::description::{Operation, Shape};
use crate::system::{Client, School, Shop, System, eventually};

pub struct Scene {
    /// Of an account with every role.
    pub token: String,
    ids: HashMap<&'static str, String>,
}

impl Scene {
    pub async fn of(system: &System) -> Self {
        let almighty = almighty(system).await;
        let bob = system.bob().await;
        bob.follow(&almighty).await.accepted();
        let ada = system.ada().await;
        ada.follow(&almighty).await.accepted();
        almighty.follow(&bob).await.accepted();
        almighty.follow(&ada).await.accepted();
        for title in ["Emma", "Persuasion"] {
            let book = json!({ "title": title, "authors": ["Jane Austen"] });
            let book = almighty.post("books", book).await.accepted().id();
            almighty.rate(book, 7).await.accepted();
            almighty.put(format!("books/{book}/favourite"), json!({})).await.accepted();
            let copies = json!({ "copies": 1 });
            almighty.put(format!("books/{book}/copies"), copies).await.accepted();
            almighty.put(format!("books/{book}/loan"), json!({})).await.accepted();
        }
        let book = json!({ "title": "Middlemarch", "authors": ["George Eliot"] });
        let book = almighty.post("books", book).await.accepted().id();
        let mut comment = Uuid::nil();
        for other in [&bob, &almighty] {
            other.rate(book, 5).await.accepted();
            other.put(format!("books/{book}/like"), json!({})).await.accepted();
            let said = other.post(format!("books/{book}/comments"), json!({ "text": "Ah" })).await;
            comment = said.accepted().id();
        }
        let school = School::taught_by(system.clone(), almighty.clone(), 2, None).await;
        let shop = Shop::kept_by(system.clone(), almighty.clone(), 100).await;
        let second = School::taught_by(system.clone(), almighty.clone(), 1, None).await;
        for school in [&school, &second] {
            almighty.put(school.enrollment(), json!({})).await.accepted();
        }
        shop.stocked(&json!({ "minor": 5, "currency": "GBP" }), 1).await;
        let item = format!("cart/items/{}", shop.product);
        almighty.put(item, json!({ "quantity": 2 })).await.accepted();
        almighty.orders(shop.product, 1).await;
        let order = almighty.orders(shop.product, 1).await;
        almighty.settled(&order).await;
        let questions = format!("courses/{}/questions", school.course);
        let question = json!({ "question": "Why begin with one page?" });
        let asked = almighty.post(&questions, question.clone()).await.accepted();
        almighty.post("assistant/questions", question).await.accepted();
        let place = format!("answers/{}", asked.id());
        let ask = || almighty.get(&place).after(&asked);
        let answered = eventually(ask, |answer| answer["state"] == "ANSWERED").await;
        let rating = json!({ "helpful": true });
        almighty.put(format!("{place}/rating"), rating).await.accepted();
        let ids = HashMap::from([
            ("answers", asked.id().to_string()),
            ("conversations", answered["conversation"].as_str().unwrap_or_default().to_owned()),
            ("accounts", bob.id.to_string()),
            ("comments", comment.to_string()),
            ("following", bob.id.to_string()),
            ("books", book.to_string()),
            ("{kind}", book.to_string()),
            ("courses", school.course.to_string()),
            ("lessons", school.lessons[0].to_string()),
            ("products", shop.product.to_string()),
            ("stock", shop.product.to_string()),
            ("items", shop.product.to_string()),
            ("orders", order.id().to_string()),
            ("roles", "analyst".to_owned()),
            ("projections", "item_ratings".to_owned()),
            ("processes", "fulfilment".to_owned()),
            ("leaderboards", "most-liked".to_owned()),
            ("instances", order.id().to_string()),
            ("streams", "account".to_owned()),
            ("{type}", bob.id.to_string()),
        ]);
        Self { token: almighty.token, ids }
    }

    /// The path of something that is there, but for one parameter.
    pub fn path(&self, operation: &Operation, but: Option<(&str, &str)>) -> String {
        let mut before = "";
        let parts = operation.path.split('/').map(|part| {
            let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            let filled = match (name, but) {
                (None, _) => part.to_owned(),
                (Some(name), Some((wrong, text))) if name == wrong => text.to_owned(),
                (Some("kind"), _) => "books".to_owned(),
                (Some(name), _) => match self.ids.get(before) {
                    Some(id) => id.clone(),
                    None => anything(operation, name),
                },
            };
            before = part;
            filled
        });
        parts.collect::<Vec<_>>().join("/")
    }
}

fn anything(operation: &Operation, name: &str) -> String {
    let known = operation.parameters("path").find(|parameter| parameter.name == name);
    match known.map(|parameter| &parameter.shape) {
        Some(Shape::Integer { .. }) => "1".to_owned(),
        _ => Uuid::now_v7().to_string(),
    }
}

async fn almighty(system: &System) -> Client {
    let somebody = system.member("Alma").await;
    for role in ["analyst", "instructor", "merchandiser", "auditor", "operator"] {
        let path = format!("accounts/{}/roles/{role}", somebody.id);
        system.operator().put(path, json!({})).await.accepted();
    }
    system.again(&somebody.login).await
}
