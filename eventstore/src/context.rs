//! Who asks, under which command id, and what came of it.

use chrono::{DateTime, Utc};

use crate::event::{Metadata, StreamId};

/// Everything about a command except what it asks for.
#[derive(Debug, Clone)]
pub struct Context {
    /// The scope of the key: an account id, `anonymous`, `import:goodbooks`, `process:fulfilment`.
    pub caller: String,
    /// The command id: the client's Idempotency-Key, or one made for it.
    pub key: String,
    /// The caller chose the key and may send the command again.
    pub client_key: bool,
    /// Identifies the payload, so that a key cannot be used for two things; empty: not compared.
    pub fingerprint: Vec<u8>,
    /// The sequence the caller believes the stream to be at (If-Match).
    pub expected: Option<i64>,
    /// Stored with every event of the command.
    pub metadata: Metadata,
    /// Occurred-at of the command's events.
    pub now: DateTime<Utc>,
}

impl Context {
    /// A command of a program rather than a person: an import, a process.
    pub fn system(caller: &str, key: String, now: DateTime<Utc>) -> Self {
        let metadata = Metadata::from([
            ("actor".to_owned(), caller.to_owned()),
            ("command_id".to_owned(), key.clone()),
            ("correlation_id".to_owned(), key.clone()),
        ]);
        Self {
            caller: caller.to_owned(),
            key,
            client_key: true,
            fingerprint: Vec::new(),
            expected: None,
            metadata,
            now,
        }
    }

    /// The same context with one more entry of metadata.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.metadata.insert(name.to_owned(), value.into());
        self
    }
}

/// The log's answer to an accepted command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub stream: StreamId,
    /// Of the stream, after the command.
    pub sequence: i64,
    /// Of the command's last event; if nothing changed, of the log when that was decided.
    pub position: i64,
    pub unchanged: bool,
    /// The command had been answered before, under the same key.
    pub replayed: bool,
}
