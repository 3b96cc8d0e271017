//! Passwords: what is accepted as one, and Argon2id off the request threads.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use serde::Deserialize;
use service_kit::Problem;
use tokio::sync::Semaphore;

/// A password somebody may choose: 8 to 128 characters. Never shown, never logged.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Password(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a password has 8 to 128 characters")]
pub struct PasswordError;

impl Password {
    const CHARS_MIN: usize = 8;
    pub const CHARS_MAX: usize = 128;
}

impl FromStr for Password {
    type Err = PasswordError;

    fn from_str(text: &str) -> Result<Self, PasswordError> {
        match text.chars().count() {
            Self::CHARS_MIN..=Self::CHARS_MAX => Ok(Self(text.to_owned())),
            _ => Err(PasswordError),
        }
    }
}

impl TryFrom<String> for Password {
    type Error = PasswordError;

    fn try_from(text: String) -> Result<Self, PasswordError> {
        text.parse()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// Hashes and verifies, as many at once as there are cores: each takes 19 MiB and one core, and a
/// flood of log-ins must wait rather than starve everything else.
#[derive(Debug, Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// How many may wait for their turn; the rest is told to come back.
const WAITING_MAX: usize = 256;

impl Default for Passwords {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let places = Arc::new(Semaphore::new(WAITING_MAX));
        Self { turns: Arc::new(Semaphore::new(cores)), places }
    }
}

impl Passwords {
    /// A PHC string with a salt of its own.
    pub async fn hash(&self, password: Password) -> Result<String, Problem> {
        self.in_turn(move || {
            Argon2::default().hash_password(password.0.as_bytes()).map(|hash| hash.to_string())
        })
        .await?
        .map_err(Problem::internal)
    }

    /// Whether this is the password of the hash. Without a hash it takes as long and is false, so
    /// that nobody can tell from the time whether an account exists.
    pub async fn verify(&self, attempt: String, hash: Option<String>) -> Result<bool, Problem> {
        if attempt.chars().count() > Password::CHARS_MAX {
            return Ok(false);
        }
        self.in_turn(move || {
            let Some(hash) = hash else {
                let _ = Argon2::default().hash_password(attempt.as_bytes());
                return Ok(false);
            };
            let hash = PasswordHash::new(&hash)?;
            Ok(Argon2::default().verify_password(attempt.as_bytes(), &hash).is_ok())
        })
        .await?
        .map_err(|error: argon2::password_hash::phc::Error| Problem::internal(error))
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let _place = self
            .places
            .try_acquire()
            .map_err(|_| Problem::busy("busy", "too many passwords are being checked"))?;
        let turns = self.turns.clone();
        let turn = turns.acquire_owned().await.map_err(Problem::internal)?;
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        })
        .await
        .map_err(Problem::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_neither_short_nor_endless_nor_shown() {
        assert!("1234567".parse::<Password>().is_err());
        assert!("x".repeat(129).parse::<Password>().is_err());
        assert!("ключ-key".parse::<Password>().is_ok());
        let shown = format!("{:?}", "correct horse".parse::<Password>());
        assert!(!shown.contains("horse"), "{shown}");
    }

    #[tokio::test]
    async fn only_the_right_password_opens_its_hash() -> Result<(), Problem> {
        let passwords = Passwords::default();
        let password: Password = "correct horse".parse().map_err(Problem::internal)?;
        let hash = passwords.hash(password.clone()).await?;
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, passwords.hash(password).await?, "every hash has its own salt");
        assert!(passwords.verify("correct horse".to_owned(), Some(hash.clone())).await?);
        assert!(!passwords.verify("wrong horse".to_owned(), Some(hash.clone())).await?);
        assert!(!passwords.verify("x".repeat(1_000_000), Some(hash)).await?);
        assert!(!passwords.verify("correct horse".to_owned(), None).await?);
        Ok(())
    }

    #[tokio::test]
    async fn a_flood_waits_its_turn_and_what_exceeds_it_is_told_to_come_back() {
        let passwords = Passwords::default();
        let cores = passwords.turns.available_permits();
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let gate = Arc::new(std::sync::Mutex::new(gate));
        let mut flood = tokio::task::JoinSet::new();
        for _ in 0..WAITING_MAX + 5 {
            let (passwords, gate) = (passwords.clone(), gate.clone());
            flood.spawn(async move {
                // Until the gate opens, nobody is done and the places stay taken.
                let work = move || gate.lock().is_ok_and(|gate| gate.recv().is_err());
                passwords.in_turn(work).await
            });
        }
        for _ in 0..5 {
            let turned_away = flood.join_next().await.expect("five are too many");
            let problem = turned_away.expect("no panic").expect_err("nobody is done yet");
            assert_eq!((problem.status().as_u16(), problem.code()), (503, "busy"));
        }
        assert_eq!(passwords.turns.available_permits(), 0, "all {cores} turns are taken");
        drop(open);
        while let Some(done) = flood.join_next().await {
            assert!(done.expect("no panic").expect("a place and a turn"));
        }
        assert_eq!(passwords.turns.available_permits(), cores);
    }
}
