use axum::http::StatusCode;
use domain::account::{Account, Command, ProfileChanges, Refusal};
use domain::operators::{self, Operators};
use domain::{AccountId, Email, Name, Personal, Role};
use eventstore::{Context, Decision, ExecuteError, Loaded, Log, Receipt};
use service_kit::{OrRefuse, Problem, Undecided};

use super::api_key;
use crate::{Password, Passwords, credentials, session};

/// Who registers.
#[derive(Debug, Clone)]
pub struct Registration {
    pub account: AccountId,
    pub email: Email,
    pub display_name: Name,
}

/// An account without a password, as imports make them. It has one once it is set by a reset.
pub async fn register(
    log: &Log,
    context: &Context,
    registration: Registration,
) -> Result<Receipt, Problem> {
    let Registration { account, email, display_name } = registration;
    let lookup = email.lookup();
    let command = Command::Register {
        account,
        email: Personal::new(account, email),
        display_name: Personal::new(account, display_name),
        at: context.now,
    };
    // The claim decides. But whose address is taken already must not get a key to personal data
    // that nobody will ever have.
    log.decide::<Account, _, _, _>(context, |_| {
        let (command, lookup) = (command.clone(), lookup.clone());
        async move {
            match log.holder("email", &lookup, true).await? {
                Some(holder) if holder != account.to_string() => {
                    Err(Undecided::Execute(ExecuteError::Taken { kind: "email".to_owned() }))
                }
                _ => Ok(Decision::new(account, command)),
            }
        }
    })
    .await
    .or_refuse(refused)
}

/// An account with a password, in the order that `credentials.rs` explains.
pub async fn create(
    log: &Log,
    passwords: &Passwords,
    context: &Context,
    registration: Registration,
    password: Password,
) -> Result<Receipt, Problem> {
    let account = registration.account;
    let hash = passwords.hash(password).await?;
    let attempt = credentials::prepare(log.pool(), account, &hash).await?;
    let context = context.clone().with(credentials::METADATA, attempt.to_string());
    let result = register(log, &context, registration).await;
    let settled = if made_nothing(&result) {
        credentials::discard(log.pool(), account, attempt).await
    } else if result.is_ok() {
        credentials::confirm(log.pool(), account, attempt).await
    } else {
        Ok(())
    };
    if let Err(error) = settled {
        tracing::warn!(error = %error, account.id = %account, "log-in will settle {account}: {error}");
    }
    result
}

pub async fn change_profile(
    log: &Log,
    context: &Context,
    account: AccountId,
    changes: ProfileChanges,
) -> Result<Receipt, Problem> {
    let command = Command::ChangeProfile { account, changes, at: context.now };
    log.execute::<Account>(account, command, context).await.or_refuse(refused)
}

/// The account's own wish: it must know the password, for whoever has the address can choose
/// another.
pub async fn change_own_email(
    log: &Log,
    passwords: &Passwords,
    context: &Context,
    account: AccountId,
    current_password: String,
    email: Email,
) -> Result<Receipt, Problem> {
    match is_password(log, passwords, account, current_password).await? {
        true => change_email(log, context, account, email).await,
        false => wrong_password(log, context).await,
    }
}

/// Whoever calls this has made sure that it may be done.
pub async fn change_email(
    log: &Log,
    context: &Context,
    account: AccountId,
    email: Email,
) -> Result<Receipt, Problem> {
    let email = Personal::new(account, email);
    let command = Command::ChangeEmail { account, email, at: context.now };
    log.execute::<Account>(account, command, context).await.or_refuse(refused)
}

/// The account's own wish: it must know the old password. Ends all its sessions.
pub async fn change_password(
    log: &Log,
    passwords: &Passwords,
    context: &Context,
    account: AccountId,
    current: String,
    new: Password,
) -> Result<Receipt, Problem> {
    match is_password(log, passwords, account, current).await? {
        true => set_password(log, passwords, context, account, new).await,
        false => wrong_password(log, context).await,
    }
}

/// Never of an account without one: a letter is how it gets its first.
async fn is_password(
    log: &Log,
    passwords: &Passwords,
    account: AccountId,
    given: String,
) -> Result<bool, Problem> {
    let stored = credentials::find(log.pool(), account).await?;
    passwords.verify(given, stored.map(|stored| stored.hash)).await
}

/// It was the right one, if this very command has changed it: then the log has its answer.
async fn wrong_password(log: &Log, context: &Context) -> Result<Receipt, Problem> {
    log.decide::<Account, _, _, _>(context, |_| async {
        let detail = "this is not the current password";
        Err(Undecided::Unprepared(Problem::invalid("/current_password", detail)))
    })
    .await
    .or_refuse(refused)
}

/// Whoever calls this has made sure that it may be done. Ends all sessions of the account.
pub async fn set_password(
    log: &Log,
    passwords: &Passwords,
    context: &Context,
    account: AccountId,
    password: Password,
) -> Result<Receipt, Problem> {
    let command = Command::ChangePassword { account, at: context.now };
    change_to(log, passwords, context, account, password, command).await
}

/// Sets the password if the command is accepted.
pub(super) async fn change_to(
    log: &Log,
    passwords: &Passwords,
    context: &Context,
    account: AccountId,
    password: Password,
    command: Command,
) -> Result<Receipt, Problem> {
    let hash = passwords.hash(password).await?;
    let attempt = credentials::prepare(log.pool(), account, &hash).await?;
    let context = context.clone().with(credentials::METADATA, attempt.to_string());
    let result = log.execute::<Account>(account, command, &context).await.or_refuse(refused);
    if made_nothing(&result) {
        credentials::discard(log.pool(), account, attempt).await?;
    }
    let receipt = result?;
    credentials::settle(log.pool(), account).await?;
    Ok(receipt)
}

/// An earlier request with the same key did it, or nobody: what was made for this one is of no use.
/// After a failure it may have happened all the same; log-in and sweep will ask the log.
pub(super) fn made_nothing(result: &Result<Receipt, Problem>) -> bool {
    match result {
        Ok(receipt) => receipt.replayed,
        Err(problem) => problem.status().is_client_error(),
    }
}

pub async fn grant_role(
    log: &Log,
    context: &Context,
    account: AccountId,
    role: Role,
) -> Result<Receipt, Problem> {
    let at = context.now;
    if role == Role::Operator {
        return grant_operator(log, context, account).await;
    }
    let command = Command::GrantRole { account, role, at };
    log.execute::<Account>(account, command, context).await.or_refuse(refused)
}

pub async fn revoke_role(
    log: &Log,
    context: &Context,
    account: AccountId,
    role: Role,
) -> Result<Receipt, Problem> {
    let at = context.now;
    if role == Role::Operator {
        return revoke_operator(log, context, account).await;
    }
    let command = Command::RevokeRole { account, role, at };
    log.execute::<Account>(account, command, context).await.or_refuse(refused)
}

/// The account can do nothing until it is activated again. An operator is demoted first.
pub async fn deactivate(
    log: &Log,
    context: &Context,
    account: AccountId,
) -> Result<Receipt, Problem> {
    let command = Command::Deactivate { account, at: context.now };
    let receipt = close(log, context, account, command).await?;
    session::revoke_account(log.pool(), account, "deactivated").await?;
    Ok(receipt)
}

pub async fn reactivate(
    log: &Log,
    context: &Context,
    account: AccountId,
) -> Result<Receipt, Problem> {
    let command = Command::Reactivate { account, at: context.now };
    log.execute::<Account>(account, command, context).await.or_refuse(refused)
}

/// Destroys the person's key with the event, and whatever opened the account.
pub async fn erase(log: &Log, context: &Context, account: AccountId) -> Result<Receipt, Problem> {
    let command = Command::Erase { account, at: context.now };
    let receipt = close(log, context, account, command).await?;
    session::revoke_account(log.pool(), account, "erased").await?;
    credentials::remove(log.pool(), account).await?;
    api_key::forget_all(log.pool(), account).await?;
    Ok(receipt)
}

/// Ends an account. An operator is demoted first, so that the last one stays; that nobody promotes
/// the account again meanwhile is a fact the decision stands on.
async fn close(
    log: &Log,
    context: &Context,
    account: AccountId,
    command: Command,
) -> Result<Receipt, Problem> {
    // Nobody is demoted for an end that is refused.
    if hindrance(log, context, account, &command).await?.is_none() {
        demote_first(log, context, account).await?;
    }
    log.decide::<Account, _, _, _>(context, |facts| {
        let command = command.clone();
        async move {
            if !facts.load::<Operators>(operators::STREAM).await?.state.contains(account) {
                return Ok(Decision::new(account, command));
            }
            Err(match hindrance(log, context, account, &command).await? {
                Some(hindrance) => Undecided::Execute(hindrance),
                None => Undecided::Unprepared(Problem::busy(
                    "busy",
                    "the account was made an operator meanwhile",
                )),
            })
        }
    })
    .await
    .or_refuse(refused)
}

/// Why the log would turn this command down as things are.
async fn hindrance(
    log: &Log,
    context: &Context,
    account: AccountId,
    command: &Command,
) -> Result<Option<ExecuteError<Refusal>>, Problem> {
    let Loaded { state, sequence: current } = log.load_anew::<Account>(account).await?;
    if context.expected.is_some_and(|expected| expected != current) {
        return Ok(Some(ExecuteError::Version { current }));
    }
    let refusal = state.decide(command.clone()).err();
    Ok(refusal.map(|refusal| ExecuteError::Refused { refusal, replayed: false }))
}

async fn grant_operator(
    log: &Log,
    context: &Context,
    account: AccountId,
) -> Result<Receipt, Problem> {
    let at = context.now;
    log.decide::<Operators, _, _, _>(context, |facts| async move {
        let state = facts.load::<Account>(account).await?.state;
        if !state.is_active() {
            return Err(Undecided::Unprepared(refused(inactive(&state))));
        }
        Ok(Decision::new(operators::STREAM, operators::Command::Grant { account, at }))
    })
    .await
    .or_refuse(operators_refused)
}

async fn revoke_operator(
    log: &Log,
    context: &Context,
    account: AccountId,
) -> Result<Receipt, Problem> {
    let command = operators::Command::Revoke { account, at: context.now };
    log.execute::<Operators>(operators::STREAM, command, context).await.or_refuse(operators_refused)
}

/// Under a key of its own, derived from the command's: a repeated command finds both done.
async fn demote_first(log: &Log, context: &Context, account: AccountId) -> Result<(), Problem> {
    let operators = log.load_anew::<Operators>(operators::STREAM).await?.state;
    if operators.contains(account) {
        let key = format!("{}:demote", context.key);
        let context = Context { key, expected: None, ..context.clone() };
        revoke_operator(log, &context, account).await?;
    }
    Ok(())
}

/// A closed account starts nothing.
pub(crate) fn must_be_active(account: &Account) -> Result<(), Problem> {
    if account.is_active() { Ok(()) } else { Err(refused(inactive(account))) }
}

fn inactive(account: &Account) -> Refusal {
    use domain::account::Status;
    match account.status() {
        Status::Absent => Refusal::Unknown,
        Status::Erased => Refusal::Erased,
        Status::Deactivated | Status::Active => Refusal::Deactivated,
    }
}

pub(crate) fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Unknown => Problem::not_found("account-unknown", refusal),
        Refusal::AlreadyRegistered => Problem::conflict("account-exists", refusal),
        Refusal::Deactivated => Problem::conflict("account-deactivated", refusal),
        Refusal::Erased => Problem::new(StatusCode::GONE, "account-erased", refusal),
        Refusal::OperatorsAreElsewhere => Problem::internal(refusal),
        Refusal::EveryoneIsMember => Problem::conflict("everyone-is-member", refusal),
        Refusal::TooManyKeys => Problem::conflict("keys-exhausted", refusal),
        Refusal::RoleNotHeld => Problem::conflict("role-not-held", refusal),
        Refusal::KeyUnknown => Problem::not_found("key-unknown", refusal),
        Refusal::ResetVoid => Problem::not_found("password-reset-void", refusal),
    }
}

fn operators_refused(refusal: operators::Refusal) -> Problem {
    match refusal {
        operators::Refusal::LastOperator => Problem::conflict("last-operator", refusal),
    }
}
