//! Which password opens which account.
//!
//! A password must not enter the log, so registering writes to two places, and a crash may come
//! between them. The order that is safe whenever it comes:
//!
//! 1. hash, and store the hash under (account, attempt), not confirmed;
//! 2. append `AccountRegistered`, whose metadata names the attempt as `credentials`;
//! 3. confirm the attempt.
//!
//! A crash after 1 leaves a row that opens nothing, because the log does not name it; the sweep
//! takes it. A crash after 2 leaves an account whose first event names its attempt: the next log-in
//! looks there and confirms it. So a registered account can always log in, and whoever else tried
//! to register under the same id, or failed, never got a password into it. A repeated request finds
//! the first one's account through its Idempotency-Key and drops the hash it made anew.

use domain::AccountId;
use eventstore::{Log, StreamId};
use service_kit::Problem;
use sqlx::PgPool;
use uuid::Uuid;

/// The key of the metadata entry.
pub(crate) const METADATA: &str = "credentials";

/// A hash that opens an account.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub attempt: Uuid,
    pub hash: String,
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
    sqlx::query(
        "delete from identity.credentials where account = $1 and attempt = $2 and not confirmed",
    )
    .bind(account.uuid())
    .bind(attempt)
    .execute(pool)
    .await?;
    Ok(())
}

/// What opens the account; `None` if nothing does, as for imported accounts.
pub(crate) async fn find(log: &Log, account: AccountId) -> Result<Option<Credentials>, Problem> {
    let rows: Vec<(Uuid, String, bool)> = sqlx::query_as(
        "select attempt, password_hash, confirmed from identity.credentials where account = $1",
    )
    .bind(account.uuid())
    .fetch_all(log.pool())
    .await?;
    if let Some((attempt, hash, _)) = rows.iter().find(|(_, _, confirmed)| *confirmed) {
        return Ok(Some(Credentials { attempt: *attempt, hash: hash.clone() }));
    }
    if rows.is_empty() {
        return Ok(None);
    }
    let Some(named) = named_by_log(log, account).await? else { return Ok(None) };
    let Some((attempt, hash, _)) = rows.into_iter().find(|(attempt, _, _)| *attempt == named)
    else {
        return Ok(None);
    };
    confirm(log.pool(), account, attempt).await?;
    Ok(Some(Credentials { attempt, hash }))
}

async fn named_by_log(log: &Log, account: AccountId) -> Result<Option<Uuid>, Problem> {
    let stream = StreamId::new("account", account.to_string());
    let first = log.reader().stream(&stream, 0, 1).await?;
    let metadata = first.first().map(|event| event.metadata());
    Ok(metadata.and_then(|metadata| metadata.get(METADATA)?.parse().ok()))
}

/// A new password for an account, also its first. Every session ends with the old one.
pub(crate) async fn replace(
    pool: &PgPool,
    account: AccountId,
    hash: &str,
) -> Result<(), sqlx::Error> {
    let mut tx = pool.begin().await?;
    sqlx::query(
        "insert into identity.credentials as c (account, attempt, password_hash, confirmed)
         values ($1, $2, $3, true)
         on conflict (account) where confirmed do update
            set password_hash = excluded.password_hash, changed_at = clock_timestamp()",
    )
    .bind(account.uuid())
    .bind(Uuid::now_v7())
    .bind(hash)
    .execute(&mut *tx)
    .await?;
    crate::session::revoke_all(&mut tx, account, "password").await?;
    tx.commit().await
}

/// Nothing opens the account any more.
pub(crate) async fn remove(pool: &PgPool, account: AccountId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from identity.credentials where account = $1")
        .bind(account.uuid())
        .execute(pool)
        .await?;
    Ok(())
}

/// Removes attempts that the log never named, and what is left of erased persons.
pub(crate) async fn sweep(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query(
        "delete from identity.credentials c
         where not c.confirmed and c.changed_at < clock_timestamp() - interval '1 day'
           and (exists (select from identity.credentials o
                        where o.account = c.account and o.confirmed)
                or not exists (
                    select from eventstore.events e
                    where e.aggregate_type = 'account' and e.aggregate_id = c.account::text
                      and e.sequence = 1 and e.metadata->>'credentials' = c.attempt::text))",
    )
    .execute(pool)
    .await?;
    for table in ["credentials", "sessions"] {
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
