use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use domain::Email;
use serde::Deserialize;
use service_kit::{Facts, Json, LogInAttempt, Member, Only, Problem};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::commands::{self, Denied, Tokens};
use crate::App;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(log_in)).routes(routes!(refresh)).routes(routes!(log_out))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LogIn {
    #[schema(value_type = String, format = "email", max_length = 254)]
    email: Email,
    #[schema(max_length = 128)]
    password: String,
}

/// Log in.
#[utoipa::path(
    post, path = "/sessions", tag = "sessions", request_body = LogIn, security(()),
    responses((status = 201, description = "Logged in", body = Tokens))
)]
async fn log_in(
    State(app): State<App>,
    attempt: LogInAttempt,
    facts: Facts,
    Json(body): Json<LogIn>,
) -> Result<impl IntoResponse, Problem> {
    let tokens = commands::log_in(&app, &body.email, body.password, attempt.now).await;
    let tokens = tokens.map_err(|denied| recorded(denied, &facts))?;
    Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(tokens)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Refresh {
    #[schema(max_length = 256)]
    refresh_token: String,
}

/// Exchange a refresh token for new tokens. It works once: when it comes back, its session ends and
/// its owner gets a letter. Who never got the answer has 10 s to ask again.
#[utoipa::path(
    post, path = "/sessions/refresh", tag = "sessions", request_body = Refresh, security(()),
    responses((status = 200, description = "New tokens", body = Tokens))
)]
async fn refresh(
    State(app): State<App>,
    attempt: LogInAttempt,
    facts: Facts,
    Json(body): Json<Refresh>,
) -> Result<impl IntoResponse, Problem> {
    let (token, trace) = (&body.refresh_token, facts.trace());
    let tokens = commands::refresh(&app, token, trace, attempt.now).await;
    let tokens = tokens.map_err(|denied| recorded(denied, &facts))?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(tokens)))
}

/// Log out: the session's tokens end within 2 s.
#[utoipa::path(
    delete, path = "/sessions/current", tag = "sessions",
    responses((status = 204, description = "Logged out"))
)]
async fn log_out(State(app): State<App>, caller: Only<Member>) -> Result<StatusCode, Problem> {
    if let Some(session) = caller.session() {
        commands::log_out(&app, session).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The auditor sees whose account it was about.
fn recorded(denied: Denied, facts: &Facts) -> Problem {
    if let Some(account) = denied.account {
        facts.set_account(account);
    }
    denied.problem
}
