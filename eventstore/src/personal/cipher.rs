//! XChaCha20-Poly1305 with a random nonce in front of each ciphertext.

use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

const NONCE_BYTES: usize = 24;

/// A key that seals and opens. Debug shows nothing of it.
#[derive(Clone)]
pub(super) struct SecretKey([u8; 32]);

impl SecretKey {
    pub(super) fn generate() -> Self {
        Self(Key::generate().into())
    }

    pub(super) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// `bound_to` must be presented again to open, so that a box cannot be moved elsewhere.
    pub(super) fn seal(&self, plain: &[u8], bound_to: &[u8]) -> Vec<u8> {
        let nonce = XNonce::generate();
        let sealed = self
            .cipher()
            .encrypt(&nonce, Payload { msg: plain, aad: bound_to })
            .expect("values are far smaller than the cipher's limit of 256 GiB");
        [nonce.as_slice(), &sealed].concat()
    }

    /// None if the box was damaged, bound to something else or sealed with another key.
    pub(super) fn open(&self, sealed: &[u8], bound_to: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES)?;
        let nonce = XNonce::try_from(nonce).ok()?;
        self.cipher().decrypt(&nonce, Payload { msg: sealed, aad: bound_to }).ok()
    }

    /// This key, to be kept under another one.
    pub(super) fn wrap_with(&self, wrapping: &Self, bound_to: &[u8]) -> Vec<u8> {
        wrapping.seal(&self.0, bound_to)
    }

    pub(super) fn unwrap_with(wrapping: &Self, wrapped: &[u8], bound_to: &[u8]) -> Option<Self> {
        let bytes = wrapping.open(wrapped, bound_to)?;
        Some(Self(bytes.try_into().ok()?))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(self.0))
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(..)")
    }
}
