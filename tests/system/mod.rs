//! The system under test, and whoever uses it.

mod answer;
mod ask;
mod client;
mod generated;
mod listening;
mod program;
mod routes;
mod school;
mod shop;

use std::time::Instant;

use serde_json::{Value, json};
use uuid::Uuid;

pub use answer::{Answer, Receipt};
pub use ask::Ask;
pub use client::Client;
pub use generated::as_generated;
pub use listening::Listening;
pub use program::{Program, Starting, WAIT_MAX, address, daybook, make_operator};
pub use routes::{Admitted, NOBODY, Route, description, routes};
pub use school::{School, drafted, lesson, publish};
pub use shop::Shop;

/// A running Daybook, and an operator who can make anybody anything.
#[derive(Clone)]
pub struct System {
    base: String,
    http: reqwest::Client,
    operator: Client,
}

impl System {
    /// The one that all tests of this program share.
    pub async fn start() -> Self {
        let program = tokio::task::spawn_blocking(Program::shared).await.unwrap();
        Self::of(program).await
    }

    /// The one that this program serves.
    pub async fn of(program: &Program) -> Self {
        Self::at(&program.base, &program.operator).await
    }

    pub async fn at(base: &str, operator: &Login) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let operator = Client::log_in(&http, base, operator).await;
        Self { base: base.to_owned(), http, operator }
    }

    /// As nobody in particular.
    pub fn get(&self, path: impl AsRef<str>) -> Ask {
        Ask::new(self.http.get(self.url(path)))
    }

    pub fn post(&self, path: impl AsRef<str>, body: Value) -> Ask {
        Ask::new(self.http.post(self.url(path))).body(body)
    }

    /// With a token that may be anybody's, or nobody's.
    pub fn ask_as(&self, token: &str, method: reqwest::Method, path: impl AsRef<str>) -> Ask {
        Ask::new(self.http.request(method, self.url(path)).bearer_auth(token))
    }

    pub fn ask(&self, method: reqwest::Method, path: impl AsRef<str>) -> Ask {
        Ask::new(self.http.request(method, self.url(path)))
    }

    /// The same system at another address, where others of its roles are.
    pub fn reading_from(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    fn url(&self, path: impl AsRef<str>) -> String {
        client::url(&self.base, path.as_ref())
    }

    pub fn operator(&self) -> &Client {
        &self.operator
    }

    /// Somebody new.
    pub async fn member(&self, name: &str) -> Client {
        let login = Login::new(name);
        let body = json!({
            "email": login.email, "password": login.password, "display_name": login.name,
        });
        self.post("accounts", body).await.accepted();
        Client::log_in(&self.http, &self.base, &login).await
    }

    /// Somebody logs in once more: the new token has the roles of this moment.
    pub async fn again(&self, login: &Login) -> Client {
        Client::log_in(&self.http, &self.base, login).await
    }

    pub async fn ada(&self) -> Client {
        self.member("Ada").await
    }

    pub async fn bob(&self) -> Client {
        self.member("Bob").await
    }

    pub async fn merchandiser(&self) -> Client {
        self.with_role("Mercy", "merchandiser").await
    }

    pub async fn instructor(&self) -> Client {
        self.with_role("Ines", "instructor").await
    }

    pub async fn analyst(&self) -> Client {
        self.with_role("Anna", "analyst").await
    }

    pub async fn auditor(&self) -> Client {
        self.with_role("Audrey", "auditor").await
    }

    pub async fn with_role(&self, name: &str, role: &str) -> Client {
        let login = Login::new(name);
        let body = json!({
            "email": login.email, "password": login.password, "display_name": login.name,
        });
        let id = self.post("accounts", body).await.accepted().id();
        self.operator.put(format!("accounts/{id}/roles/{role}"), json!({})).await.accepted();
        // The token is asked for after the grant, so that it has the role.
        Client::log_in(&self.http, &self.base, &login).await
    }

    /// A book in the catalogue.
    pub async fn add_book(&self, book: Value) -> Uuid {
        self.merchandiser().await.post("books", book).await.accepted().id()
    }
}

/// What somebody logs in with.
#[derive(Debug, Clone)]
pub struct Login {
    pub email: String,
    pub password: String,
    pub name: String,
}

impl Login {
    /// Nobody else has this address.
    pub fn new(name: &str) -> Self {
        let first = name.split(' ').next().unwrap_or(name).to_lowercase();
        let email = format!("{first}-{}@example.org", Uuid::now_v7().simple());
        Self { email, password: "correct horse battery".to_owned(), name: name.to_owned() }
    }
}

/// Asks until the answer is as it must become, and fails when it does not.
pub async fn eventually(ask: impl Fn() -> Ask, holds: impl Fn(&Answer) -> bool) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = Answer { is_awaited: true, ..ask().await };
        if holds(&answer) {
            return Answer { is_awaited: false, ..answer };
        }
        assert!(begun.elapsed() < WAIT_MAX, "it stays so: {answer}");
    }
}
