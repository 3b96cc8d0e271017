//! Who audits: an auditor, whose every request is recorded.

use std::str::FromStr;

use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri};
use domain::AccountId;
use serde::Deserialize;
use service_kit::access_log::Access;
use service_kit::{Auditor, Facts, Freshness, Only, Problem, clock};

use crate::App;

/// A request of an auditor. It is recorded with what became of it, before that is answered.
pub(super) struct Auditing {
    account: AccountId,
    method: Method,
    pub(super) uri: Uri,
    trace_id: String,
    pub(super) freshness: Freshness,
}

/// Why an auditor wants to see personal values: words that another auditor can judge.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Reason(String);

const REASON_CHARS_MAX: usize = 500;

impl Reason {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reason {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for Reason {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = text.trim();
        match text.chars().count() {
            1..=REASON_CHARS_MAX => Ok(Self(text.to_owned())),
            _ => Err(format!("a reason has 1 to {REASON_CHARS_MAX} characters")),
        }
    }
}

impl FromRequestParts<App> for Auditing {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let auditor = Only::<Auditor>::from_request_parts(parts, app).await?;
        let facts = Facts::from_request_parts(parts, app).await?;
        let freshness = Freshness::from_request_parts(parts, app).await?;
        let original = parts.extensions.get::<OriginalUri>();
        let uri = original.map_or_else(|| parts.uri.clone(), |OriginalUri(uri)| uri.clone());
        let auditing = Self {
            account: auditor.account,
            method: parts.method.clone(),
            uri,
            trace_id: facts.trace().trace_id(),
            freshness,
        };
        facts.set_audits();
        Ok(auditing)
    }
}

impl Auditing {
    /// Records that personal values are about to be shown.
    pub(super) async fn reveals(&self, app: &App, reason: &Reason) {
        let path = self.uri.path_and_query().map_or(self.uri.path(), |path| path.as_str());
        app.kit()
            .access_log()
            .record(Access {
                at: clock::now(),
                kind: "reveal",
                account: Some(self.account),
                method: self.method.to_string(),
                path: path.to_owned(),
                status: StatusCode::OK.as_u16(),
                code: String::new(),
                trace_id: self.trace_id.clone(),
                reason: Some(reason.0.clone()),
            })
            .await;
    }
}
