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
}

impl Asked {
    pub fn wants_csv(&self) -> bool {
        let accept = self.headers.get(ACCEPT).and_then(|value| value.to_str().ok());
        accept.is_some_and(|accept| accept.contains("text/csv"))
    }

    /// What makes two requests the same question.
    pub(crate) fn question(&self) -> String {
        let who = self.account().map(|account| account.to_string()).unwrap_or_default();
        let form = if self.wants_csv() { "csv" } else { "json" };
        // Windows such as "this week" move with the day.
        format!("{who} {:?} {form} {} {}", self.roles(), self.now.date_naive(), self.uri)
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
        Ok(Self { caller, freshness, headers: parts.headers.clone(), uri })
    }
}
