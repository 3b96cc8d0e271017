//! Access tokens: signed, short-lived, checked as RFC 8725 asks.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::account::Scopes;
use domain::{AccountId, ApiKeyId, Role};
use jsonwebtoken::{Algorithm, Header, Validation};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::KeyRing;

/// How long an access token lives.
pub const TOKEN_LIFE: Duration = Duration::from_secs(30 * 60);

const TYPE: &str = "at+jwt";
/// Clocks of our own machines may differ by this much.
const LEEWAY_SECONDS: u64 = 5;
const CACHED_MAX: u64 = 50_000;
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    pub sub: AccountId,
    pub exp: i64,
    pub iat: i64,
    pub jti: Uuid,
    /// The session it came from, so that logging out ends it.
    pub sid: Uuid,
    pub roles: Vec<Role>,
}

/// By what somebody asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    /// A token of this log-in.
    Session(Uuid),
    Key {
        id: ApiKeyId,
        scopes: Scopes,
    },
}

/// Who a token or a key stands for, once verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    pub account: AccountId,
    pub via: Via,
    pub roles: Vec<Role>,
}

/// A fresh token and how many seconds it lives.
#[derive(Debug, Clone)]
pub struct Issued {
    pub token: String,
    pub expires_in: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the access token has expired")]
    Expired,
    #[error("the access token is not one of ours")]
    Foreign,
}

/// Issues and verifies.
#[derive(Debug, Clone)]
pub struct Tokens {
    keys: KeyRing,
    issuer: String,
    audience: String,
    validation: Validation,
    /// Signatures that were good, by SHA-256 of the token: verifying one costs 50 times as much.
    verified: Cache<[u8; 32], Arc<Claims>>,
}

impl Tokens {
    pub fn new(keys: KeyRing, issuer: &str, audience: &str) -> Self {
        // One algorithm, whatever the header says; `none` and HMAC cannot even be named.
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        Self {
            keys,
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            validation,
            verified: Cache::builder().max_capacity(CACHED_MAX).time_to_live(TOKEN_LIFE).build(),
        }
    }

    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    pub fn issue(
        &self,
        account: AccountId,
        session: Uuid,
        roles: Vec<Role>,
        now: DateTime<Utc>,
    ) -> Issued {
        let (key_id, key) = self.keys.signing();
        let iat = now.timestamp();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: account,
            exp: iat + TOKEN_LIFE.as_secs().cast_signed(),
            iat,
            jti: Uuid::new_v4(),
            sid: session,
            roles,
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(key_id.to_owned());
        let token = jsonwebtoken::encode(&header, &claims, key)
            .expect("our own claims serialize and our own key signs");
        Issued { token, expires_in: TOKEN_LIFE.as_secs() }
    }

    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Arc<Claims>, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Foreign);
        }
        let hash: [u8; 32] = Sha256::digest(token).into();
        let claims = match self.verified.get(&hash) {
            Some(claims) => claims,
            None => {
                let claims = Arc::new(self.check(token)?);
                self.verified.insert(hash, claims.clone());
                claims
            }
        };
        let expired = now.timestamp() > claims.exp.saturating_add(LEEWAY_SECONDS.cast_signed());
        if expired { Err(TokenError::Expired) } else { Ok(claims) }
    }

    /// The key is chosen by `kid` among our own; `jku`, `x5u` and `jwk` are never looked at.
    fn check(&self, token: &str) -> Result<Claims, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Foreign)?;
        let typ_is_right = header.typ.as_deref().is_some_and(|typ| {
            typ.eq_ignore_ascii_case(TYPE) || typ.eq_ignore_ascii_case("application/at+jwt")
        });
        if !typ_is_right || header.crit.is_some() {
            return Err(TokenError::Foreign);
        }
        let key = header.kid.as_deref().and_then(|id| self.keys.verifying(id));
        let key = key.ok_or(TokenError::Foreign)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.validation)
            .map_err(|error| match error.kind() {
                jsonwebtoken::errors::ErrorKind::ExpiredSignature => TokenError::Expired,
                _ => TokenError::Foreign,
            })?
            .claims;
        let life = claims.exp.saturating_sub(claims.iat);
        let distinct = claims.roles.iter().collect::<HashSet<_>>().len() == claims.roles.len();
        // What changes rights is remembered for as long as a token may live, and no longer.
        if life > TOKEN_LIFE.as_secs().cast_signed() || !distinct {
            return Err(TokenError::Foreign);
        }
        Ok(claims)
    }
}
