//! What the frame learns about a request before any handler runs.

use std::sync::{Arc, OnceLock};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use domain::AccountId;

use crate::Problem;
use crate::rates::Spent;
use crate::trace::Trace;
use crate::who::Who;

/// Shared between the frame and the extractors of one request.
#[derive(Debug, Clone)]
pub struct Facts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    trace: Trace,
    /// SHA-256 over method, path with query, and body.
    fingerprint: [u8; 32],
    who: Who,
    superfluous: Option<Problem>,
    account: OnceLock<AccountId>,
    spent: OnceLock<Spent>,
    audits: OnceLock<()>,
}

impl Facts {
    pub(crate) fn new(
        trace: Trace,
        fingerprint: [u8; 32],
        who: Who,
        superfluous: Option<Problem>,
    ) -> Self {
        Self(Arc::new(Inner {
            trace,
            fingerprint,
            who,
            superfluous,
            account: OnceLock::new(),
            spent: OnceLock::new(),
            audits: OnceLock::new(),
        }))
    }

    pub fn trace(&self) -> Trace {
        self.0.trace
    }

    pub fn fingerprint(&self) -> [u8; 32] {
        self.0.fingerprint
    }

    /// Who may ask this, as the description has it.
    pub(crate) fn who(&self) -> &Who {
        &self.0.who
    }

    /// Refuses what the description does not know: to be asked once it is known who asks.
    pub(crate) fn as_described(&self) -> Result<(), Problem> {
        self.0.superfluous.clone().map_or(Ok(()), Err)
    }

    /// Who asks, once a token has said so: for the record of denials.
    pub fn account(&self) -> Option<AccountId> {
        self.0.account.get().copied()
    }

    /// A handler may name the account that a request without a token is about.
    pub fn set_account(&self, account: AccountId) {
        // The first to know is right; later ones say the same.
        let _ = self.0.account.set(account);
    }

    /// Whether this is a read of the audit side: recorded with what became of it.
    pub(crate) fn audits(&self) -> bool {
        self.0.audits.get().is_some()
    }

    pub fn set_audits(&self) {
        let _ = self.0.audits.set(());
    }

    pub(crate) fn spent(&self) -> Option<&Spent> {
        self.0.spent.get()
    }

    pub(crate) fn set_spent(&self, spent: Spent) {
        let _ = self.0.spent.set(spent);
    }

    pub(crate) fn of(parts: &Parts) -> Result<&Self, Problem> {
        parts
            .extensions
            .get::<Self>()
            .ok_or_else(|| Problem::internal("a route is served without service_kit::framed"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Facts {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(parts).cloned()
    }
}
