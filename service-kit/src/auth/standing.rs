//! What happened to an account after its token was signed.
//!
//! Rights come from the log, sessions from `identity.sessions`; both are asked at most once a second
//! for everything of the last half hour, which is as long as a token lives. So a change made in any
//! process takes effect in all of them within two seconds, and a request costs no query.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use domain::{AccountId, Role};
use sqlx::{PgPool, Row};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{Bearer, Claims, Via};
use crate::Problem;

const FRESH_FOR: Duration = Duration::from_secs(1);
const LOAD_MAX: Duration = Duration::from_millis(900);

/// The changes that matter to tokens alive now.
#[derive(Debug)]
pub struct Standing {
    pool: PgPool,
    latest: RwLock<Option<Arc<Changes>>>,
    loading: Mutex<()>,
}

#[derive(Debug)]
struct Changes {
    /// Taken before the queries ran: they may know more than this says, never less.
    at: Instant,
    ended: HashSet<Uuid>,
    accounts: HashMap<AccountId, Rights>,
}

#[derive(Debug, Default)]
struct Rights {
    inactive: bool,
    roles: BTreeMap<Role, bool>,
}

impl Standing {
    pub fn new(pool: PgPool) -> Self {
        Self { pool, latest: RwLock::new(None), loading: Mutex::new(()) }
    }

    /// Who the token stands for by now; its roles as they are, not as they were.
    pub async fn of(&self, claims: &Claims) -> Result<Bearer, Problem> {
        let changes = self.changes().await?;
        let mut roles: HashSet<Role> = claims.roles.iter().copied().collect();
        let rights = changes.accounts.get(&claims.sub);
        if changes.ended.contains(&claims.sid) || rights.is_some_and(|rights| rights.inactive) {
            return Err(Problem::unauthorized(
                "token-invalid",
                "the session of this access token has ended",
            ));
        }
        for (role, granted) in rights.iter().flat_map(|rights| &rights.roles) {
            if *granted {
                roles.insert(*role);
            } else {
                roles.remove(role);
            }
        }
        let mut roles: Vec<Role> = roles.into_iter().collect();
        roles.sort_unstable();
        Ok(Bearer { account: claims.sub, via: Via::Session(claims.sid), roles })
    }

    /// Whether a token that was good still is. It knows of the last half hour only.
    pub(crate) async fn still_stands(
        &self,
        account: AccountId,
        session: Uuid,
    ) -> Result<bool, Problem> {
        let changes = self.changes().await?;
        let inactive = changes.accounts.get(&account).is_some_and(|rights| rights.inactive);
        Ok(!inactive && !changes.ended.contains(&session))
    }

    async fn changes(&self) -> Result<Arc<Changes>, Problem> {
        if let Some(fresh) = self.fresh() {
            return Ok(fresh);
        }
        let _only_one_asks = self.loading.lock().await;
        if let Some(fresh) = self.fresh() {
            return Ok(fresh);
        }
        // Nobody is let in on old knowledge: no answer from the database, no answer from us.
        let loaded = tokio::time::timeout(LOAD_MAX, load(&self.pool))
            .await
            .map_err(|_| Problem::busy("unavailable", "the database does not answer"))??;
        let loaded = Arc::new(loaded);
        *self.latest.write().unwrap_or_else(PoisonError::into_inner) = Some(loaded.clone());
        Ok(loaded)
    }

    fn fresh(&self) -> Option<Arc<Changes>> {
        let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner);
        latest.as_ref().filter(|changes| changes.at.elapsed() < FRESH_FOR).cloned()
    }
}

/// Answered by the partial index `events_standing`, whose condition is repeated here word for word.
const RIGHTS: &str = "
    select event_type, coalesce(payload->>'account', aggregate_id) as account,
           payload->>'role' as role
    from eventstore.events
    where event_type in
        ('RoleGranted', 'RoleRevoked', 'AccountDeactivated', 'AccountReactivated', 'AccountErased')
      and recorded_at > clock_timestamp() - interval '31 minutes'
    order by position";

async fn load(pool: &PgPool) -> Result<Changes, sqlx::Error> {
    let at = Instant::now();
    let ended = sqlx::query_scalar(
        "select id from identity.sessions
         where revoked_at is not null and revoked_at > clock_timestamp() - interval '31 minutes'",
    )
    .fetch_all(pool)
    .await?;
    let rows = sqlx::query(RIGHTS).fetch_all(pool).await?;
    let mut accounts: HashMap<AccountId, Rights> = HashMap::new();
    for row in rows {
        let Ok(account) = row.try_get::<&str, _>("account")?.parse() else { continue };
        let role = row.try_get::<Option<&str>, _>("role")?.and_then(|role| role.parse().ok());
        let rights = accounts.entry(account).or_default();
        match (row.try_get("event_type")?, role) {
            ("RoleGranted", Some(role)) => drop(rights.roles.insert(role, true)),
            ("RoleRevoked", Some(role)) => drop(rights.roles.insert(role, false)),
            ("AccountDeactivated" | "AccountErased", _) => rights.inactive = true,
            ("AccountReactivated", _) => rights.inactive = false,
            (other, _) => tracing::warn!(event_type = other, "a role nobody knows: {other}"),
        }
    }
    Ok(Changes { at, ended: HashSet::from_iter(ended), accounts })
}

#[cfg(test)]
mod tests {
    use sqlx::Connection;

    use super::*;

    #[tokio::test]
    async fn asking_for_rights_reads_an_index_of_rare_events_only() -> Result<(), sqlx::Error> {
        let url = local_services::testing::database_url();
        let pool = PgPool::connect(&url).await?;
        eventstore::migrate(&pool).await.expect("the migrations run");
        let mut connection = sqlx::PgConnection::connect(&url).await?;
        sqlx::query("set enable_seqscan = off").execute(&mut connection).await?;
        let plan: Vec<String> =
            sqlx::query_scalar(&format!("explain {RIGHTS}")).fetch_all(&mut connection).await?;
        assert!(plan.join("\n").contains("events_standing"), "{plan:#?}");
        Ok(())
    }
}
