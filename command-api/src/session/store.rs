//! Sessions and their refresh tokens: opaque, hashed at rest, single use.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::AccountId;
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::credentials::Credentials;

const PREFIX: &str = "dbr_";
const SWEEP_MAX: i64 = 1000;
/// Why a session was ended of which a token was used twice.
const REUSED: &str = "reused";

/// The next refresh token of a session.
#[derive(Debug)]
pub(super) struct Next {
    pub session: Uuid,
    pub refresh_token: String,
}

/// What became of a refresh token that was presented.
#[derive(Debug)]
pub(super) enum Presented {
    Unknown,
    Ended {
        account: AccountId,
    },
    /// Used before, longer ago than a lost answer would explain: this one or another of its
    /// session, which is ended now if it was not.
    Reused {
        account: AccountId,
        session: Uuid,
    },
    Good {
        account: AccountId,
        next: Next,
    },
}

/// `None` if the password was changed meanwhile: the row lock makes one wait for the other, so that
/// no session begins with a password that has just been replaced.
pub(super) async fn start(
    pool: &PgPool,
    account: AccountId,
    credentials: &Credentials,
) -> Result<Option<Next>, sqlx::Error> {
    let mut tx = pool.begin().await?;
    let session: Option<Uuid> = sqlx::query_scalar(
        "with good as (
             select account from identity.credentials
             where account = $1 and attempt = $2 and password_hash = $3 and confirmed
             for share)
         insert into identity.sessions (id, account, expires_at)
         select $4, account, clock_timestamp() + interval '7 days' from good
         returning id",
    )
    .bind(account.uuid())
    .bind(credentials.attempt)
    .bind(&credentials.hash)
    .bind(Uuid::now_v7())
    .fetch_optional(&mut *tx)
    .await?;
    let next = match session {
        Some(session) => Some(issue(&mut tx, session).await?),
        None => None,
    };
    tx.commit().await?;
    Ok(next)
}

/// Takes a refresh token and gives the next. A client that lost the answer has 10 s to ask again,
/// but once any token given since has been used, the answer was not lost.
pub(super) async fn exchange(pool: &PgPool, token: &str) -> Result<Presented, sqlx::Error> {
    let mut tx = pool.begin().await?;
    let found: Option<(Uuid, Uuid, bool, Option<String>, bool, bool)> = sqlx::query_as(
        "select s.id, s.account,
                s.revoked_at is not null, s.revoked_for,
                t.expires_at < clock_timestamp(),
                coalesce(t.used_at < clock_timestamp() - interval '10 seconds', false)
                or exists (select from identity.refresh_tokens next
                           where next.session = t.session and next.issued_at >= t.used_at
                             and next.used_at is not null)
         from identity.refresh_tokens t join identity.sessions s on s.id = t.session
         where t.hash = $1
         for update of t, s",
    )
    .bind(hash(token))
    .fetch_optional(&mut *tx)
    .await?;
    let Some((session, account, ended, ended_for, expired, reused)) = found else {
        return Ok(Presented::Unknown);
    };
    let account = AccountId::new(account);
    if ended && ended_for.as_deref() != Some(REUSED) {
        return Ok(Presented::Ended { account });
    }
    if ended || reused {
        revoke_one(&mut tx, session, REUSED).await?;
        tx.commit().await?;
        return Ok(Presented::Reused { account, session });
    }
    if expired {
        return Ok(Presented::Unknown);
    }
    sqlx::query(
        "update identity.refresh_tokens set used_at = coalesce(used_at, clock_timestamp())
         where hash = $1",
    )
    .bind(hash(token))
    .execute(&mut *tx)
    .await?;
    let next = issue(&mut tx, session).await?;
    tx.commit().await?;
    Ok(Presented::Good { account, next })
}

async fn issue(tx: &mut PgConnection, session: Uuid) -> Result<Next, sqlx::Error> {
    let secret = rand::random::<[u8; 32]>();
    let refresh_token = format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(secret));
    sqlx::query(
        "with kept as (
             update identity.sessions set expires_at = clock_timestamp() + interval '7 days'
             where id = $1)
         insert into identity.refresh_tokens (hash, session, expires_at)
         values ($2, $1, clock_timestamp() + interval '7 days')",
    )
    .bind(session)
    .bind(hash(&refresh_token))
    .execute(tx)
    .await?;
    Ok(Next { session, refresh_token })
}

fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}

pub(super) async fn revoke(pool: &PgPool, session: Uuid, why: &str) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    revoke_one(&mut connection, session, why).await
}

async fn revoke_one(
    connection: &mut PgConnection,
    session: Uuid,
    why: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update identity.sessions set revoked_at = clock_timestamp(), revoked_for = $2
         where id = $1 and revoked_at is null",
    )
    .bind(session)
    .bind(why)
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends every session of an account.
pub(crate) async fn revoke_account(
    pool: &PgPool,
    account: AccountId,
    why: &str,
) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    revoke_all(&mut connection, account, why).await
}

pub(crate) async fn revoke_all(
    connection: &mut PgConnection,
    account: AccountId,
    why: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update identity.sessions set revoked_at = clock_timestamp(), revoked_for = $2
         where account = $1 and revoked_at is null",
    )
    .bind(account.uuid())
    .bind(why)
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes sessions and refresh tokens that have been over for a day, a batch at a time: a
/// statement that removes all of a busy day would hold back every refresh that waits for its rows.
pub(crate) async fn sweep(pool: &PgPool) -> Result<(), sqlx::Error> {
    for (table, key) in [("refresh_tokens", "hash"), ("sessions", "id")] {
        let remove = format!(
            "delete from identity.{table}
             where {key} in (select {key} from identity.{table}
                             where expires_at < clock_timestamp() - interval '1 day'
                             order by expires_at limit $1 for update skip locked)"
        );
        loop {
            let removed = sqlx::query(&remove).bind(SWEEP_MAX).execute(pool).await?.rows_affected();
            if removed < SWEEP_MAX.unsigned_abs() {
                break;
            }
        }
    }
    Ok(())
}
