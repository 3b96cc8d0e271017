//! Requests of people who cannot say who they are yet: they spend from buckets of their own.

use std::ops::Deref;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use chrono::{DateTime, Utc};

use crate::caller::charge;
use crate::request::Facts;
use crate::{Caller, Kit, Problem, clock};

/// A log-in attempt.
#[derive(Debug, Clone, Copy)]
pub struct LogInAttempt {
    pub now: DateTime<Utc>,
}

impl<S> FromRequestParts<S> for LogInAttempt
where
    S: Send + Sync,
    Kit: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let facts = Facts::of(parts)?;
        if let Some(rates) = Kit::from_ref(state).rates() {
            charge(facts, rates.spend_login(parts))?;
        }
        facts.as_described()?;
        Ok(Self { now: clock::now() })
    }
}

/// Somebody asks for a letter to choose a new password by, or has one.
#[derive(Debug, Clone)]
pub struct ResetAttempt(Caller);

impl Deref for ResetAttempt {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl<S> FromRequestParts<S> for ResetAttempt
where
    S: Send + Sync,
    Kit: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if let Some(rates) = Kit::from_ref(state).rates() {
            charge(Facts::of(parts)?, rates.spend_reset(parts))?;
        }
        Caller::from_request_parts(parts, state).await.map(Self)
    }
}
