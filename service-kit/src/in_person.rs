use std::ops::Deref;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;

use crate::caller::Needs;
use crate::{Kit, Only, Problem};

/// A caller that has logged in, for what no program may do by a key: `InPerson<Member>`.
#[derive(Debug, Clone)]
pub struct InPerson<R>(Only<R>);

impl<R> Deref for InPerson<R> {
    type Target = Only<R>;

    fn deref(&self) -> &Only<R> {
        &self.0
    }
}

impl<S, R> FromRequestParts<S> for InPerson<R>
where
    S: Send + Sync,
    R: Needs,
    Kit: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Only::<R>::from_request_parts(parts, state).await?;
        match caller.session() {
            Some(_) => Ok(Self(caller)),
            None => Err(Problem::forbidden("log-in-required", "no API key may do this: log in")),
        }
    }
}
