//! What a GET asks for besides its path: who, as of when, and what the client already has.

use std::ops::Deref;

use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::header::ACCEPT;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use service_kit::{Caller, Freshness, Problem};

use crate::App;

/// Everything about a GET that is the same for every endpoint.
pub struct Asked {
    caller: Caller,
    pub(crate) freshness: Freshness,
    pub(crate) headers: HeaderMap,
    pub(crate) uri: Uri,
    /// What the answer depends on that no position tells.
    beside: String,
}

impl Asked {
    pub fn wants_csv(&self) -> bool {
        let accept = self.headers.get(ACCEPT).and_then(|value| value.to_str().ok());
        accept.is_some_and(|accept| accept.contains("text/csv"))
    }

    /// Whether an answer is wanted while it is being given.
    pub fn wants_events(&self) -> bool {
        let accept = self.headers.get(ACCEPT).and_then(|value| value.to_str().ok());
        accept.is_some_and(|accept| accept.contains("text/event-stream"))
    }

    /// Whether a page for people is wanted, as browsers do.
    pub fn wants_html(&self) -> bool {
        let accept = self.headers.get(ACCEPT).and_then(|value| value.to_str().ok());
        accept.is_some_and(prefers_html)
    }

    /// The answer is made of this too, which changes without the read models.
    pub(crate) fn beside(self, known: impl std::fmt::Debug) -> Self {
        Self { beside: format!("{known:?}"), ..self }
    }

    /// What makes two requests the same question.
    pub(crate) fn question(&self) -> String {
        let who = self.account().map(|account| account.to_string()).unwrap_or_default();
        let form = match (self.wants_csv(), self.wants_html()) {
            (true, _) => "csv",
            (false, true) => "html",
            (false, false) => "json",
        };
        // Windows such as "this week" move with the day.
        let (roles, day) = (self.roles(), self.now.date_naive());
        format!("{who} {roles:?} {form} {day} {} {}", self.uri, self.beside)
    }
}

impl Deref for Asked {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl FromRequestParts<App> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let freshness = Freshness::from_request_parts(parts, app).await?;
        let original = parts.extensions.get::<OriginalUri>();
        let uri = original.map_or_else(|| parts.uri.clone(), |OriginalUri(uri)| uri.clone());
        Ok(Self { caller, freshness, headers: parts.headers.clone(), uri, beside: String::new() })
    }
}

/// Named, and nothing of ours is named that is wanted as much.
fn prefers_html(accept: &str) -> bool {
    let weight = |wanted: &str| {
        accept.split(',').find_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            if !parts.next()?.eq_ignore_ascii_case(wanted) {
                return None;
            }
            let quality = parts.find_map(|part| part.strip_prefix("q="));
            quality.map_or(Some(1.0), |quality| quality.parse::<f64>().ok())
        })
    };
    weight("text/html").unwrap_or(0.0) > weight("application/json").unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_get_pages_and_programs_get_json() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for accept in [browser, "text/html", "application/json;q=0.5, Text/HTML"] {
            assert!(prefers_html(accept), "{accept}");
        }
        for accept in ["*/*", "application/json", "application/json, text/html", "text/html;q=0"] {
            assert!(!prefers_html(accept), "{accept}");
        }
    }
}
