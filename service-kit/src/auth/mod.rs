//! Who asks: access tokens, the keys that sign them, and what has changed since they were signed.

pub mod api_keys;
mod keys;
mod standing;
mod tokens;

pub use keys::{KeyError, KeyRing};
pub use standing::Standing;
pub use tokens::{Bearer, Claims, Issued, TOKEN_LIFE, TokenError, Tokens, Via};
