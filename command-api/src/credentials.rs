//! Which password opens which account.
//!
//! A password must not enter the log, so registering and changing a password write to two places,
//! and a crash may come between them. The order that is safe whenever it comes:
//!
//! 1. hash, and store the hash under (account, attempt), not confirmed;
//! 2. append `AccountRegistered` or `PasswordChanged`, whose metadata names the attempt as
//!    `credentials`;
//! 3. confirm the attempt. Where another one was confirmed, it goes, and every session with it.
//!
//! What the log names last is what opens the account. A crash after 1 leaves a row that opens
//! nothing, because the log does not name it; the sweep takes it. A crash after 2 leaves an attempt
//! that is named and not confirmed: the next log-in, the sweep or the repeated request settles it.
//! So a registered account can always log in, and whoever else tried to register under the same id,
//! or failed, never got a password into it. A repeated request finds what the first one did through
//! its Idempotency-Key and drops the hash it made anew.

use domain::AccountId;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// The key of the metadata entry.
pub(crate) const METADATA: &str = "credentials";

/// Attempts that one sweep looks at.
const PENDING_MAX: i64 = 1_000;

/// A hash that opens an account.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Credentials {
    pub attempt: Uuid,
    pub hash: String,
    confirmed: bool,
}

/// Step 1. Answers the attempt.
pub(crate) async fn prepare(
    pool: &PgPool,
    account: AccountId,
    hash: &str,
) -> Result<Uuid, sqlx::Error> {
    let attempt = Uuid::now_v7();
    sqlx::query(
        "insert into identity.credentials (account, attempt, password_hash) values ($1, $2, $3)",
    )
    .bind(account.uuid())
    .bind(attempt)
    .bind(hash)
    .execute(pool)
    .await?;
    Ok(attempt)
}

/// Step 3.
pub(crate) async fn confirm(
    pool: &PgPool,
    account: AccountId,
    attempt: Uuid,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update identity.credentials set confirmed = true
         where account = $1 and attempt = $2
           and not exists (select from identity.credentials c where c.account = $1 and c.confirmed)",
    )
    .bind(account.uuid())
    .bind(attempt)
    .execute(pool)
    .await?;
    Ok(())
}

/// After a refusal: the attempt came to nothing.
pub(crate) async fn discard(
    pool: &PgPool,
    account: AccountId,
    attempt: Uuid,
) -> Result<(), sqlx::Error> {
    delete(&mut *pool.acquire().await?, account, attempt).await
}

async fn delete(
    connection: &mut PgConnection,
    account: AccountId,
    attempt: Uuid,
) -> Result<(), sqlx::Error> {
    sqlx::query("delete from identity.credentials where account = $1 and attempt = $2")
        .bind(account.uuid())
        .bind(attempt)
        .execute(connection)
        .await?;
    Ok(())
}

/// What opens the account; `None` if nothing does, as for imported accounts.
pub(crate) async fn find(
    pool: &PgPool,
    account: AccountId,
) -> Result<Option<Credentials>, sqlx::Error> {
    let mut rows: Vec<Credentials> = sqlx::query_as(
        "select attempt, password_hash as hash, confirmed from identity.credentials
         where account = $1",
    )
    .bind(account.uuid())
    .fetch_all(pool)
    .await?;
    match rows.as_slice() {
        [] => Ok(None),
        [only] if only.confirmed => Ok(rows.pop()),
        _ => settle(pool, account).await,
    }
}

/// Step 3, for whoever comes by: what the log names last opens the account from now on.
pub(crate) async fn settle(
    pool: &PgPool,
    account: AccountId,
) -> Result<Option<Credentials>, sqlx::Error> {
    let mut tx = pool.begin().await?;
    // Of two who settle, the second sees what the first has done, and the log as it is after that.
    let rows: Vec<Credentials> = sqlx::query_as(
        "select attempt, password_hash as hash, confirmed from identity.credentials
         where account = $1 for update",
    )
    .bind(account.uuid())
    .fetch_all(&mut *tx)
    .await?;
    let named = named_by_log(&mut tx, account).await?;
    let named = rows.iter().find(|row| Some(row.attempt) == named);
    let confirmed = rows.iter().find(|row| row.confirmed);
    let Some(named) = named.filter(|named| !named.confirmed) else {
        return Ok(confirmed.cloned());
    };
    if let Some(replaced) = confirmed {
        delete(&mut tx, account, replaced.attempt).await?;
        crate::session::revoke_all(&mut tx, account, "password").await?;
    }
    sqlx::query(
        "update identity.credentials set confirmed = true, changed_at = clock_timestamp()
         where account = $1 and attempt = $2",
    )
    .bind(account.uuid())
    .bind(named.attempt)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Some(Credentials { confirmed: true, ..named.clone() }))
}

async fn named_by_log(
    connection: &mut PgConnection,
    account: AccountId,
) -> Result<Option<Uuid>, sqlx::Error> {
    let named: Option<String> = sqlx::query_scalar(
        "select metadata->>'credentials' from eventstore.events
         where aggregate_type = 'account' and aggregate_id = $1
           and event_type in ('AccountRegistered', 'PasswordChanged')
         order by sequence desc limit 1",
    )
    .bind(account.to_string())
    .fetch_optional(connection)
    .await?
    .flatten();
    Ok(named.and_then(|named| named.parse().ok()))
}

/// Nothing opens the account any more.
pub(crate) async fn remove(pool: &PgPool, account: AccountId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from identity.credentials where account = $1")
        .bind(account.uuid())
        .execute(pool)
        .await?;
    Ok(())
}

/// Settles what was left in the middle, removes attempts that the log never named, and what is left
/// of erased persons.
pub(crate) async fn sweep(pool: &PgPool) -> Result<(), sqlx::Error> {
    let pending: Vec<Uuid> = sqlx::query_scalar(
        "select account from identity.credentials where not confirmed
         order by changed_at limit $1",
    )
    .bind(PENDING_MAX)
    .fetch_all(pool)
    .await?;
    for account in pending {
        settle(pool, AccountId::new(account)).await?;
        sqlx::query(
            "delete from identity.credentials
             where account = $1 and not confirmed
               and changed_at < clock_timestamp() - interval '1 day'",
        )
        .bind(account)
        .execute(pool)
        .await?;
    }
    for table in ["credentials", "sessions", "api_keys"] {
        sqlx::query(&format!(
            "delete from identity.{table} where account in (
                 select aggregate_id::uuid from eventstore.events
                 where event_type in ('RoleGranted', 'RoleRevoked', 'AccountDeactivated',
                                      'AccountReactivated', 'AccountErased')
                   and event_type = 'AccountErased'
                   and recorded_at > clock_timestamp() - interval '7 days')"
        ))
        .execute(pool)
        .await?;
    }
    Ok(())
}
