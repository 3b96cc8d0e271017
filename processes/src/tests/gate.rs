//! Stops a process in the middle of a commit, for as long as a test likes.

use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

use super::DEADLINE;

/// Every batch with a command of the process waits, before it commits, for this lock.
const LOCK: i64 = 4_711;

pub struct Gate(PgConnection);

impl Gate {
    pub async fn close(url: &str, caller: &str) -> Self {
        let mut session = PgConnection::connect(url).await.expect("the database is reachable");
        for statement in [
            &format!(
                "create function public.wait_at_the_gate() returns trigger language plpgsql as $$
                 begin
                     if exists (select from added where caller = '{caller}') then
                         perform pg_advisory_lock_shared({LOCK});
                         perform pg_advisory_unlock_shared({LOCK});
                     end if;
                     return null;
                 end $$"
            ),
            // Once they are all inserted, so that nothing but a crash can prevent the commit.
            "create trigger gate after insert on eventstore.commands
             referencing new table as added for each statement execute function public.wait_at_the_gate()",
        ] {
            sqlx::query(statement).execute(&mut session).await.expect("the gate can be built");
        }
        let mut gate = Self(session);
        gate.execute("select pg_advisory_lock($1)", LOCK).await;
        gate
    }

    /// The process id of the session that waits.
    pub async fn somebody_waits(&mut self) -> i64 {
        self.until(
            "select (select pid::bigint from pg_locks
                      where locktype = 'advisory' and objid::bigint = $1 and not granted)",
            LOCK,
        )
        .await
    }

    /// Its commit comes to nothing.
    pub async fn turn_back(&mut self, waiting: i64) {
        self.execute("select pg_terminate_backend($1::int, 10000)", waiting).await;
    }

    /// Its commit is made, though its client is gone.
    pub async fn let_through(&mut self, waiting: i64) {
        self.execute("select pg_advisory_unlock($1)", LOCK).await;
        self.until(
            "select case when not exists (select from pg_stat_activity where pid = $1)
                         then 0::bigint end",
            waiting,
        )
        .await;
        self.execute("select pg_advisory_lock($1)", LOCK).await;
    }

    pub async fn open(mut self) {
        self.execute("select pg_advisory_unlock($1)", LOCK).await;
    }

    async fn execute(&mut self, statement: &str, value: i64) {
        let done = sqlx::query(statement).bind(value).execute(&mut self.0).await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    /// Asks until there is an answer.
    async fn until(&mut self, question: &str, value: i64) -> i64 {
        let asking = async {
            loop {
                let answer: Option<i64> = sqlx::query_scalar(question)
                    .bind(value)
                    .fetch_one(&mut self.0)
                    .await
                    .unwrap_or_else(|error| panic!("{question}: {error}"));
                if let Some(answer) = answer {
                    return answer;
                }
            }
        };
        timeout(DEADLINE, asking).await.unwrap_or_else(|_| panic!("no answer to {question}"))
    }
}
