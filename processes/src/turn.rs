//! Work that one program does at a time.

use sqlx::{Connection, PgConnection, PgPool};

/// Whoever has it is the only one. It lasts as long as its connection: of a program that is killed
/// the server learns in a moment.
pub(crate) struct Turn {
    connection: PgConnection,
    key: i64,
}

impl Turn {
    /// None where somebody else has it.
    pub(crate) async fn try_take(pool: &PgPool, key: i64) -> Result<Option<Self>, sqlx::Error> {
        let mut connection = pool.acquire().await?.detach();
        let ours = sqlx::query_scalar("select pg_try_advisory_lock($1)").bind(key);
        let ours: bool = ours.fetch_one(&mut connection).await?;
        Ok(ours.then_some(Self { connection, key }))
    }

    /// At once.
    pub(crate) async fn end(mut self) -> Result<(), sqlx::Error> {
        let unlock = sqlx::query("select pg_advisory_unlock($1)").bind(self.key);
        unlock.execute(&mut self.connection).await?;
        self.connection.close().await
    }
}
