//! The Ed25519 keys that sign access tokens.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ed25519_dalek::SigningKey;
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, section 10.3).
const PKCS8_HEAD: &[u8] = &[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// The first key signs; all verify. Rotation puts a new key in front and drops the old one when no
/// token that it signed can be alive.
#[derive(Clone)]
pub struct KeyRing {
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    id: String,
    public: String,
    sign: EncodingKey,
    verify: DecodingKey,
}

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("there is no signing key")]
    None,
    #[error("signing key {0} is not 32 bytes in base64")]
    Unreadable(usize),
    #[error("signing key {0} cannot be used: {1}")]
    Unusable(usize, String),
}

impl KeyRing {
    /// Seeds in base64, one a line, newest first; empty lines and lines with `#` are skipped.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
        let seeds = lines
            .enumerate()
            .map(|(n, line)| {
                let bytes = BASE64_STANDARD.decode(line).ok();
                bytes.and_then(|b| b.try_into().ok()).ok_or(KeyError::Unreadable(n + 1))
            })
            .collect::<Result<Vec<[u8; 32]>, _>>()?;
        Self::from_seeds(&seeds)
    }

    pub fn from_seeds(seeds: &[[u8; 32]]) -> Result<Self, KeyError> {
        let keys = seeds
            .iter()
            .enumerate()
            .map(|(n, seed)| Key::new(seed).map_err(|error| KeyError::Unusable(n + 1, error)))
            .collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(KeyError::None) } else { Ok(Self { keys }) }
    }

    /// A line for a key file, from the system's random source.
    pub fn new_line() -> String {
        BASE64_STANDARD.encode(rand::random::<[u8; 32]>())
    }

    pub(super) fn signing(&self) -> (&str, &EncodingKey) {
        let key = self.keys.first().expect("a key ring is never empty");
        (&key.id, &key.sign)
    }

    pub(super) fn verifying(&self, id: &str) -> Option<&DecodingKey> {
        self.keys.iter().find(|key| key.id == id).map(|key| &key.verify)
    }

    /// What `/.well-known/jwks.json` answers.
    pub fn jwks(&self) -> Value {
        let keys: Vec<Value> = self
            .keys
            .iter()
            .map(|Key { id, public, .. }| {
                json!({"kty": "OKP", "crv": "Ed25519", "x": public, "kid": id,
                       "use": "sig", "alg": "EdDSA"})
            })
            .collect();
        json!({ "keys": keys })
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

impl Key {
    fn new(seed: &[u8; 32]) -> Result<Self, String> {
        let secret = SigningKey::from_bytes(seed);
        let der = [PKCS8_HEAD, seed].concat();
        let public = BASE64_URL_SAFE_NO_PAD.encode(secret.verifying_key().as_bytes());
        let verify = DecodingKey::from_ed_components(&public).map_err(|error| error.to_string())?;
        // RFC 7638: the id follows from the key, so no two keys can share one by mistake.
        let thumbprint = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#);
        let id = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(thumbprint));
        Ok(Self { id, public, sign: EncodingKey::from_ed_der(&der), verify })
    }
}
