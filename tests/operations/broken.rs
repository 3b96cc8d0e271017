//! Events as a foreign writer, or a program with a mistake, may leave them; and their repair, which
//! a newer program that understands them would be.

use std::process::Output;

use eventstore::append::{Append, NewEvent, Verdict, Write};
use eventstore::personal::{PersonalKeys, RootKeys};
use eventstore::{Log, Options, StreamId};
use serde_json::Value;
use sqlx::PgPool;

use crate::system::{Program, daybook};

/// The log of a running system, behind its back.
pub struct Backdoor(Log);

impl Backdoor {
    pub async fn of(program: &Program) -> Self {
        let attached = local_services::attach(&program.data_dir).unwrap();
        let pool = PgPool::connect(&attached.database_url.unwrap()).await.unwrap();
        let keys = PersonalKeys::new(pool.clone(), RootKeys { master: [1; 32], lookup: [2; 32] });
        Self(Log::open(pool, keys, Options::default()).await.unwrap())
    }

    /// The first event of a stream, without what belongs in it.
    pub async fn break_stream(&self, kind: &str, id: &str, event_type: &str) {
        let event = NewEvent {
            event_type: event_type.to_owned(),
            event_version: "1.0.0".to_owned(),
            payload: format!(r#"{{"type":"{event_type}"}}"#),
            metadata: "{}".to_owned(),
        };
        let stream = StreamId::new(kind, id);
        let append = Append {
            caller: "test".to_owned(),
            key: stream.to_string(),
            fingerprint: Vec::new(),
            refusal: None,
            writes: vec![Write { stream, expected: 0, events: vec![event] }],
            guards: Vec::new(),
            claims: Vec::new(),
            subjects: Vec::new(),
            erased: Vec::new(),
        };
        assert!(matches!(self.0.append(append).await, Ok(Verdict::Appended(_))));
    }

    pub async fn mend(&self, kind: &str, id: &str, payload: &Value) {
        let mut transaction = self.0.pool().begin().await.unwrap();
        sqlx::query("set local session_replication_role = replica")
            .execute(&mut *transaction)
            .await
            .unwrap();
        sqlx::query(
            "update eventstore.events set payload = $3::text::json
             where aggregate_type = $1 and aggregate_id = $2 and sequence = 1",
        )
        .bind(kind)
        .bind(id)
        .bind(payload.to_string())
        .execute(&mut *transaction)
        .await
        .unwrap();
        transaction.commit().await.unwrap();
    }
}

/// The exit code and what was said, of a command beside a running system.
pub fn run(program: &Program, words: &[&str]) -> (Option<i32>, String) {
    let mut command = daybook();
    let Output { status, stdout, .. } =
        command.args(words).arg("--data-dir").arg(&program.data_dir).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap())
}

pub fn as_json(program: &Program, words: &[&str]) -> Value {
    let (status, said) = run(program, &[words, &["--json"]].concat());
    assert_eq!(status, Some(0), "{words:?}: {said}");
    serde_json::from_str(&said).unwrap()
}
