//! What operators ask for. Requests are rows; the program whose turn it is acts on them.

use sqlx::PgPool;

/// Why a request cannot be met.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error("there is no process {0}")]
    UnknownProcess(String),
    #[error("{0} has not parked {1}")]
    NotParked(String, String),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// An error unless some program has run a process of this name.
pub async fn known(pool: &PgPool, process: &str) -> Result<(), RequestError> {
    let known: bool =
        sqlx::query_scalar("select exists (select from processes.checkpoints where name = $1)")
            .bind(process)
            .fetch_one(pool)
            .await?;
    if known { Ok(()) } else { Err(RequestError::UnknownProcess(process.to_owned())) }
}

/// The position of the event that stops a parked instance.
pub async fn parked_at(pool: &PgPool, process: &str, instance: &str) -> Result<i64, RequestError> {
    let first: Option<i64> = sqlx::query_scalar(
        "select min(position) from processes.parked where name = $1 and instance = $2",
    )
    .bind(process)
    .bind(instance)
    .fetch_one(pool)
    .await?;
    first.ok_or_else(|| RequestError::NotParked(process.to_owned(), instance.to_owned()))
}

/// Has a parked instance tried again now. Does nothing for one that went on meanwhile.
pub async fn retry(pool: &PgPool, process: &str, instance: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update processes.parked set due_at = clock_timestamp()
         where name = $1 and instance = $2 and error is not null",
    )
    .bind(process)
    .bind(instance)
    .execute(pool)
    .await?;
    Ok(())
}
