//! The system under test, and whoever uses it.

mod answer;
mod ask;
mod client;
mod program;

use serde_json::{Value, json};
use uuid::Uuid;

pub use answer::{Answer, Receipt};
pub use ask::Ask;
pub use client::Client;
pub use program::{Program, WAIT_MAX, daybook};

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
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let base = program.base.clone();
        let operator = Client::log_in(&http, &base, &program.operator).await;
        Self { base, http, operator }
    }

    /// As nobody in particular.
    pub fn get(&self, path: impl AsRef<str>) -> Ask {
        Ask::new(self.http.get(self.url(path)))
    }

    pub fn post(&self, path: impl AsRef<str>, body: Value) -> Ask {
        Ask::new(self.http.post(self.url(path))).body(body)
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

    pub async fn ada(&self) -> Client {
        self.member("Ada").await
    }

    pub async fn bob(&self) -> Client {
        self.member("Bob").await
    }

    pub async fn merchandiser(&self) -> Client {
        self.with_role("Mercy", "merchandiser").await
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
        let email = format!("{}-{}@example.org", name.to_lowercase(), Uuid::now_v7().simple());
        Self { email, password: "correct horse battery".to_owned(), name: name.to_owned() }
    }
}
