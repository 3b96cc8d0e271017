//! A new password by letter, for who has forgotten theirs or, as imported people, never had one.
//!
//! Whoever asks learns nothing, neither from the answer nor from how long it takes: an address that
//! nobody has is asked for at an account that nobody has, which the log turns down.

use std::fmt::Display;

use axum::extract::State;
use axum::http::StatusCode;
use domain::account::{Account, Command, ResetToken};
use domain::{AccountId, Email, PasswordResetId};
use eventstore::{Context, ExecuteError, Log, Receipt};
use serde::Deserialize;
use service_kit::{Accepted, Json, OrRefuse, Path, Problem, ReceiptBody, ResetAttempt};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::{Builder, Uuid};

use super::commands::{change_to, refused};
use crate::{App, Password, Passwords};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(request)).routes(routes!(reset))
}

/// A letter, if somebody has this address and may have one.
pub async fn request_reset(log: &Log, context: &Context, email: &Email) -> Result<(), Problem> {
    let lookup = email.lookup();
    let holder = log.holder("email", &lookup, true).await?;
    let account = holder.and_then(|holder| holder.parse().ok());
    let account = account.unwrap_or_else(|| nobody(log, &lookup));
    let reset = PasswordResetId::new(Uuid::now_v7());
    let command = Command::RequestPasswordReset { account, reset, at: context.now };
    match log.execute::<Account>(account, command, context).await {
        Err(ExecuteError::Refused { .. } | ExecuteError::Erased) => Ok(()),
        other => other.or_refuse(refused).map(drop),
    }
}

/// The account that an address without one is looked for at.
fn nobody(log: &Log, lookup: &str) -> AccountId {
    let hash = log.personal().lookup_hash("nobody", lookup);
    let bytes = u128::from_str_radix(&hash[..32], 16).unwrap_or_default().to_be_bytes();
    AccountId::new(Builder::from_random_bytes(bytes).into_uuid())
}

/// The password that the reader of a letter has chosen. Ends all sessions of the account.
pub async fn reset_password(
    log: &Log,
    passwords: &Passwords,
    context: &Context,
    token: &str,
    password: Password,
) -> Result<Receipt, Problem> {
    let token: ResetToken = token.parse().map_err(void)?;
    let ResetToken { account, reset, proof } = token;
    let proves = ResetToken::proves(account, reset);
    if !log.personal().is_lookup_hash(ResetToken::KIND, &proves, &proof) {
        return Err(void("this is not a token of ours"));
    }
    let command = Command::ResetPassword { account, reset, at: context.now };
    change_to(log, passwords, context, account, password, command).await
}

fn void(why: impl Display) -> Problem {
    Problem::not_found("password-reset-void", why)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RequestReset {
    #[schema(value_type = String, format = "email")]
    email: Email,
}

/// Ask for a letter to choose a new password by. The answer never tells whether somebody has this
/// address; five letters an hour go out at most.
#[utoipa::path(
    post, path = "/accounts/password-resets", tag = "accounts", request_body = RequestReset,
    security(()),
    responses((status = 202, description = "If somebody has this address, a letter is on its way"))
)]
async fn request(
    State(app): State<App>,
    caller: ResetAttempt,
    Json(body): Json<RequestReset>,
) -> Result<StatusCode, Problem> {
    if caller.context().expected.is_some() {
        let detail = "a letter is asked for at no version: leave out If-Match";
        return Err(Problem::malformed("bad-header", detail));
    }
    request_reset(&app.log, caller.context(), &body.email).await?;
    Ok(StatusCode::ACCEPTED)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Reset {
    #[schema(value_type = String, min_length = 8, max_length = 128)]
    password: Password,
}

/// Choose a new password with the token of a letter: once, within an hour, and only the latest.
/// Every session of the account ends.
#[utoipa::path(
    post, path = "/accounts/password-resets/{token}", tag = "accounts", request_body = Reset,
    params(("token" = String, Path)), security(()),
    responses((status = 200, description = "Changed", body = ReceiptBody))
)]
async fn reset(
    State(app): State<App>,
    caller: ResetAttempt,
    Path(token): Path<String>,
    Json(body): Json<Reset>,
) -> Result<Accepted, Problem> {
    reset_password(&app.log, &app.passwords, caller.context(), &token, body.password)
        .await
        .map(Accepted::done)
}
