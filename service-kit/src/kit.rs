//! What every handler of an HTTP process shares.

use std::sync::Arc;

use eventstore::personal::PersonalKeys;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::Problem;
use crate::access_log::AccessLog;
use crate::auth::api_keys::ApiKeys;
use crate::auth::{Bearer, KeyRing, Standing, Tokens, Via};
use crate::rates::{Rates, RatesPerMinute};

/// How this process treats its callers.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `iss` and `aud` of our access tokens.
    pub issuer: String,
    pub audience: String,
    pub keys: KeyRing,
    /// `None` switches rate limits off: for benchmarks.
    pub rates: Option<RatesPerMinute>,
    /// How many proxies of ours stand before us and append to X-Forwarded-For.
    pub proxy_hops: usize,
    pub require_idempotency_key: bool,
}

impl Settings {
    pub fn new(keys: KeyRing) -> Self {
        Self {
            issuer: "daybook".to_owned(),
            audience: "daybook".to_owned(),
            keys,
            rates: Some(RatesPerMinute::default()),
            proxy_hops: 0,
            require_idempotency_key: false,
        }
    }
}

/// Cheap to clone. An application's state gives it by `FromRef`, so that extractors find it.
#[derive(Debug, Clone)]
pub struct Kit(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    tokens: Tokens,
    standing: Standing,
    api_keys: ApiKeys,
    rates: Option<Rates>,
    access_log: AccessLog,
    require_idempotency_key: bool,
    shutdown: CancellationToken,
}

impl Kit {
    /// Must be called within a tokio runtime: the writer of the access log is a task.
    pub fn new(
        pool: PgPool,
        personal: PersonalKeys,
        settings: Settings,
        shutdown: CancellationToken,
    ) -> Self {
        Self(Arc::new(Parts {
            tokens: Tokens::new(settings.keys, &settings.issuer, &settings.audience),
            standing: Standing::new(pool.clone()),
            api_keys: ApiKeys::new(pool.clone(), personal),
            rates: settings.rates.map(|rates| Rates::new(rates, settings.proxy_hops)),
            access_log: AccessLog::start(pool),
            require_idempotency_key: settings.require_idempotency_key,
            shutdown,
        }))
    }

    pub fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    pub fn standing(&self) -> &Standing {
        &self.0.standing
    }

    pub fn api_keys(&self) -> &ApiKeys {
        &self.0.api_keys
    }

    /// Whether who was let in still would be: for answers that outlive the moment they were
    /// permitted at. To be asked every second or so.
    pub async fn still_stands(&self, bearer: &Bearer) -> Result<bool, Problem> {
        let Bearer { account, via, roles } = bearer;
        match via {
            Via::Session(session) => self.standing().still_stands(*account, *session).await,
            Via::Key { id, .. } => self.api_keys().still_stands(*account, *id, roles).await,
        }
    }

    pub fn rates(&self) -> Option<&Rates> {
        self.0.rates.as_ref()
    }

    pub fn access_log(&self) -> &AccessLog {
        &self.0.access_log
    }

    pub fn requires_idempotency_key(&self) -> bool {
        self.0.require_idempotency_key
    }

    /// Cancelled when the process is asked to end: long answers, such as SSE, end then.
    pub fn shutdown(&self) -> &CancellationToken {
        &self.0.shutdown
    }
}
