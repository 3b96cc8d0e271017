//! What a model has said so far, sealed, for those who watch it speak.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use domain::{AccountId, AnswerId, Personal};
use eventstore::personal::PersonalError;
use eventstore::{Log, StoreError};
use tokio::time::Instant;

use crate::failure::{Failure, in_time};

/// Words come faster than anybody reads; each is a write.
const SHOW_EVERY: Duration = Duration::from_millis(100);

pub(super) struct Draft<'a> {
    log: &'a Log,
    answer: AnswerId,
    asker: AccountId,
    shown_at: Mutex<Option<Instant>>,
}

impl<'a> Draft<'a> {
    pub(super) const fn of(log: &'a Log, answer: AnswerId, asker: AccountId) -> Self {
        Self { log, answer, asker, shown_at: Mutex::new(None) }
    }

    /// The whole text so far; not more often than somebody would notice. Nothing is lost with what
    /// cannot be shown: the answer comes all the same.
    pub(super) async fn show(&self, text: &str) {
        let text = text.trim_end();
        if text.is_empty() || !self.is_due() {
            return;
        }
        if let Err(failure) = self.write(text).await {
            let answer = self.answer;
            tracing::warn!(answer.id = %answer, "the answer {answer} is not shown: {failure}");
        }
    }

    async fn write(&self, text: &str) -> Result<(), Failure> {
        let plain = serde_json::to_string(&Personal::new(self.asker, text));
        let sealed = self.log.personal().seal_text(plain.map_err(Failure::lasting)?).await;
        let sealed = match sealed {
            Ok(sealed) => sealed.json,
            Err(PersonalError::Erased(_)) => return Ok(()),
            Err(error) => return Err(StoreError::from(error).into()),
        };
        in_time(
            sqlx::query(
                "insert into processes.drafts (answer, text) values ($1, $2::jsonb)
                 on conflict (answer) do update set text = excluded.text",
            )
            .bind(self.answer.uuid())
            .bind(sealed)
            .execute(self.log.pool()),
        )
        .await?;
        Ok(())
    }

    fn is_due(&self) -> bool {
        let mut shown_at = self.shown_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = shown_at.is_none_or(|at| at.elapsed() >= SHOW_EVERY);
        if is_due {
            *shown_at = Some(Instant::now());
        }
        is_due
    }

    /// Once the answer is in the log.
    pub(super) async fn forget(&self) -> Result<(), Failure> {
        let delete = sqlx::query("delete from processes.drafts where answer = $1");
        in_time(delete.bind(self.answer.uuid()).execute(self.log.pool())).await?;
        Ok(())
    }
}
