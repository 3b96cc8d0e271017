use chrono::{DateTime, Utc};
use domain::account::{Account, Command};
use domain::operators::{self, Operators};
use domain::{AccountId, Email, Role, SessionId};
use eventstore::{Context, ExecuteError, Log};
use serde::Serialize;
use service_kit::{OrRefuse, Problem, Trace};
use utoipa::ToSchema;
use uuid::Uuid;

use super::store::{self, Presented};
use crate::account::refused;
use crate::{App, credentials};

/// What a client needs to ask as somebody.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tokens {
    pub access_token: String,
    /// Single use: the answer to using it has the next one.
    pub refresh_token: String,
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: u64,
}

/// Why nobody was let in, and who it was about if that is known.
#[derive(Debug)]
pub struct Denied {
    pub problem: Problem,
    pub account: Option<AccountId>,
}

impl<E: Into<Problem>> From<E> for Denied {
    fn from(error: E) -> Self {
        Self { problem: error.into(), account: None }
    }
}

pub async fn log_in(
    app: &App,
    email: &Email,
    password: String,
    now: DateTime<Utc>,
) -> Result<Tokens, Denied> {
    let holder = app.log.holder("email", &email.lookup(), true).await?;
    let account: Option<AccountId> = holder.and_then(|holder| holder.parse().ok());
    let stored = match account {
        Some(account) => credentials::find(app.log.pool(), account).await?,
        None => None,
    };
    let hash = stored.as_ref().map(|stored| stored.hash.clone());
    let good = app.passwords.verify(password, hash).await?;
    let (Some(account), Some(stored), true) = (account, stored, good) else {
        let problem = Problem::unauthorized("bad-credentials", "wrong e-mail or password");
        return Err(Denied { problem, account });
    };
    let roles = roles(&app.log, account).await?;
    let token = store::start(app.log.pool(), account, &stored).await?.ok_or_else(|| {
        let detail = "the password was changed this moment";
        Denied { problem: Problem::unauthorized("bad-credentials", detail), account: Some(account) }
    })?;
    Ok(tokens(app, account, roles, token, now))
}

pub async fn refresh(
    app: &App,
    refresh_token: &str,
    trace: Trace,
    now: DateTime<Utc>,
) -> Result<Tokens, Denied> {
    let invalid = |detail: &str, account| Denied {
        problem: Problem::unauthorized("refresh-token-invalid", detail),
        account,
    };
    match store::exchange(app.log.pool(), refresh_token).await? {
        Presented::Unknown => Err(invalid("this refresh token is unknown or has expired", None)),
        Presented::Ended { account } => {
            Err(invalid("the session of this refresh token has ended", Some(account)))
        }
        Presented::Reused { account, session } => {
            report_reuse(&app.log, account, session.into(), trace, now).await?;
            Err(invalid("a refresh token was used twice: its session is ended", Some(account)))
        }
        Presented::Good { account, next } => {
            let roles = roles(&app.log, account).await?;
            Ok(tokens(app, account, roles, next, now))
        }
    }
}

/// Once for a session, however often its tokens come back: what a crash has kept from being
/// recorded is recorded then.
async fn report_reuse(
    log: &Log,
    account: AccountId,
    session: SessionId,
    trace: Trace,
    now: DateTime<Utc>,
) -> Result<(), Problem> {
    let context = Context::system("sessions", format!("refresh-reuse:{session}"), now)
        .with("correlation_id", trace.trace_id())
        .with("traceparent", trace.to_string());
    let command = Command::ReportRefreshReuse { account, session, at: now };
    let recorded = log.execute::<Account>(account, command, &context).await;
    // Of who is gone nothing is recorded; and what another request is recording is.
    if let Err(ExecuteError::Refused { .. } | ExecuteError::Erased | ExecuteError::KeyInProgress) =
        recorded
    {
        return Ok(());
    }
    if !recorded.or_refuse(refused)?.replayed {
        tracing::warn!(
            account.id = %account,
            "a refresh token of {account} was used twice: session {session} is ended"
        );
    }
    Ok(())
}

fn tokens(
    app: &App,
    account: AccountId,
    roles: Vec<Role>,
    next: store::Next,
    now: DateTime<Utc>,
) -> Tokens {
    let issued = app.kit.tokens().issue(account, next.session, roles, now);
    Tokens {
        access_token: issued.token,
        refresh_token: next.refresh_token,
        token_type: "Bearer",
        expires_in: issued.expires_in,
    }
}

pub(super) async fn log_out(app: &App, session: Uuid) -> Result<(), Problem> {
    store::revoke(app.log.pool(), session, "logged-out").await?;
    Ok(())
}

/// What the account may do now, read from the log itself: a cache may be older than the last half
/// hour, which is all that `Standing` corrects.
async fn roles(log: &Log, account: AccountId) -> Result<Vec<Role>, Denied> {
    let state = log.load_anew::<Account>(account).await?.state;
    if !state.is_active() {
        let problem = Problem::forbidden("account-deactivated", "this account is not active");
        return Err(Denied { problem, account: Some(account) });
    }
    let mut roles = vec![Role::Member];
    roles.extend(state.roles().iter().copied());
    let operators = log.load_anew::<Operators>(operators::STREAM).await?.state;
    if operators.contains(account) {
        roles.push(Role::Operator);
    }
    Ok(roles)
}
