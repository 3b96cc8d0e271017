//! Keys by which programs ask for somebody, for as long as the key is not revoked.
//!
//! What a key may do is read from the log and known for a second: revoking it, taking a role,
//! deactivating or erasing the account takes effect within two seconds, as for tokens.

use std::sync::Arc;
use std::time::Duration;

use cqrs_es::Aggregate;
use domain::account::{Account, Scope, Scopes};
use domain::operators::{self, Operators};
use domain::{AccountId, ApiKeyId, Role};
use eventstore::personal::PersonalKeys;
use eventstore::{Reader, StreamId};
use moka::future::Cache;
use sqlx::PgPool;

use super::{Bearer, Via};
use crate::Problem;

/// The kind of the keyed hash.
pub const KIND: &str = "api-key";
pub const PREFIX: &str = "dbk_";
/// The prefix, and 32 random bytes in base64.
const KEY_CHARS: usize = PREFIX.len() + 43;

const FRESH_FOR: Duration = Duration::from_secs(1);
const LOAD_MAX: Duration = Duration::from_millis(900);
const KNOWN_MAX: u64 = 10_000;

pub struct ApiKeys {
    reader: Reader,
    personal: PersonalKeys,
    owners: Cache<String, (ApiKeyId, AccountId)>,
    rights: Cache<ApiKeyId, Option<Arc<Rights>>>,
}

impl std::fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKeys").finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Rights {
    scopes: Scopes,
    roles: Vec<Role>,
}

impl ApiKeys {
    pub fn new(pool: PgPool, personal: PersonalKeys) -> Self {
        let owners = Cache::builder().max_capacity(KNOWN_MAX).time_to_live(FRESH_FOR).build();
        let rights = Cache::builder().max_capacity(KNOWN_MAX).time_to_live(FRESH_FOR).build();
        Self { reader: Reader::new(pool), personal, owners, rights }
    }

    /// Whom a key asks for, and what it may do by now.
    pub async fn bearer(&self, key: &str) -> Result<Bearer, Problem> {
        if key.len() != KEY_CHARS {
            return Err(unknown());
        }
        let hash = self.personal.lookup_hash(KIND, key);
        let owner = self.owners.try_get_with_by_ref(&hash, in_time(self.owner(&hash)));
        let (id, account) = owner.await.map_err(|problem| (*problem).clone())?;
        let rights = self.rights(id, account).await?.ok_or_else(unknown)?;
        let via = Via::Key { id, scopes: rights.scopes.clone() };
        Ok(Bearer { account, via, roles: rights.roles.clone() })
    }

    /// Whether a key that was good still is, with the roles it had.
    pub(crate) async fn still_stands(
        &self,
        account: AccountId,
        key: ApiKeyId,
        roles: &[Role],
    ) -> Result<bool, Problem> {
        let rights = self.rights(key, account).await?;
        Ok(rights.is_some_and(|rights| rights.roles == roles))
    }

    async fn rights(
        &self,
        key: ApiKeyId,
        account: AccountId,
    ) -> Result<Option<Arc<Rights>>, Problem> {
        let rights = self.rights.try_get_with(key, in_time(self.load(key, account)));
        rights.await.map_err(|problem| (*problem).clone())
    }

    async fn owner(&self, hash: &str) -> Result<(ApiKeyId, AccountId), Problem> {
        let found: Option<(uuid::Uuid, uuid::Uuid, bool)> = sqlx::query_as(
            "select id, account, last_used_on is not distinct from current_date
             from identity.api_keys where hash = $1",
        )
        .bind(hash)
        .fetch_optional(self.reader.pool())
        .await?;
        let (id, account, known_today) = found.ok_or_else(unknown)?;
        if !known_today {
            sqlx::query("update identity.api_keys set last_used_on = current_date where id = $1")
                .bind(id)
                .execute(self.reader.pool())
                .await?;
        }
        Ok((ApiKeyId::new(id), AccountId::new(account)))
    }

    async fn load(
        &self,
        key: ApiKeyId,
        account: AccountId,
    ) -> Result<Option<Arc<Rights>>, Problem> {
        let state: Account = self.replayed(account.to_string()).await?;
        let Some(scopes) = state.key(key).filter(|_| state.is_active()).cloned() else {
            return Ok(None);
        };
        let is_operator = scopes.contain(Scope::Operator)
            && self.replayed::<Operators>(operators::STREAM.to_owned()).await?.contains(account);
        let held = |role: &Role| match role {
            Role::Operator => is_operator,
            role => state.roles().contains(role),
        };
        let roles = std::iter::once(Role::Member).chain(scopes.roles().filter(held));
        let mut roles: Vec<Role> = roles.collect();
        roles.sort_unstable();
        Ok(Some(Arc::new(Rights { scopes, roles })))
    }

    async fn replayed<A: Aggregate>(&self, id: String) -> Result<A, Problem> {
        let events = self.reader.stream(&StreamId::new(A::TYPE, id), 0, i64::MAX).await?;
        let mut state = A::default();
        for event in events {
            state.apply(event.decode::<A::Event>().map_err(Problem::internal)?);
        }
        Ok(state)
    }
}

/// Nobody is let in on old knowledge: no answer from the database, no answer from us.
async fn in_time<T>(answer: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    let answer = tokio::time::timeout(LOAD_MAX, answer).await;
    answer.map_err(|_| Problem::busy("unavailable", "the database does not answer"))?
}

fn unknown() -> Problem {
    Problem::unauthorized("token-invalid", "this API key is unknown, or does not work any more")
}
