//! Somebody with an account.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Ask, Login};

#[derive(Clone)]
pub struct Client {
    pub id: Uuid,
    pub login: Login,
    pub token: String,
    pub refresh_token: String,
    base: String,
    http: reqwest::Client,
}

impl Client {
    pub async fn log_in(http: &reqwest::Client, base: &str, login: &Login) -> Self {
        let body = json!({ "email": login.email, "password": login.password });
        let answer = Ask::new(http.post(url(base, "sessions"))).body(body).await;
        assert!(answer.status.is_success(), "{answer}");
        let text = |field: &str| answer[field].as_str().unwrap().to_owned();
        let token = text("access_token");
        Self {
            id: subject(&token),
            login: login.clone(),
            token,
            refresh_token: text("refresh_token"),
            base: base.to_owned(),
            http: http.clone(),
        }
    }

    /// The same person at another address.
    pub fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    pub fn get(&self, path: impl AsRef<str>) -> Ask {
        self.ask(Method::GET, path)
    }

    pub fn delete(&self, path: impl AsRef<str>) -> Ask {
        self.ask(Method::DELETE, path)
    }

    pub fn post(&self, path: impl AsRef<str>, body: Value) -> Ask {
        self.ask(Method::POST, path).body(body)
    }

    pub fn put(&self, path: impl AsRef<str>, body: Value) -> Ask {
        self.ask(Method::PUT, path).body(body)
    }

    pub fn patch(&self, path: impl AsRef<str>, body: Value) -> Ask {
        self.ask(Method::PATCH, path).body(body)
    }

    pub fn ask(&self, method: Method, path: impl AsRef<str>) -> Ask {
        let request = self.http.request(method, url(&self.base, path.as_ref()));
        Ask::new(request.bearer_auth(&self.token))
    }

    pub fn rate(&self, book: Uuid, score: u8) -> Ask {
        self.put(format!("books/{book}/rating"), json!({ "score": score }))
    }

    pub fn follow(&self, other: &Self) -> Ask {
        self.ask(Method::PUT, format!("accounts/me/following/{}", other.id))
    }
}

/// A path of the API, or, with a slash before it, of the site.
pub fn url(base: &str, path: &str) -> String {
    if path.starts_with('/') { format!("{base}{path}") } else { format!("{base}/api/v1/{path}") }
}

/// Whom a token is about. We issued it, so there is nothing to verify.
fn subject(token: &str) -> Uuid {
    use base64::Engine;
    let claims = token.split('.').nth(1).unwrap();
    let claims = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    claims["sub"].as_str().unwrap().parse().unwrap()
}
