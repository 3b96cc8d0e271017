use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why the services could not be given. Each text says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "{} is in use by process {pid}. Stop that one first, or choose another --data-dir.",
        .data_dir.display()
    )]
    InUse { data_dir: PathBuf, pid: String },

    #[error(
        "There is no PostgreSQL 15 or newer here, and none could be fetched ({why}). \
         Fix: install one (`apt-get install postgresql`), or point PG_BIN at its bin folder, \
         or set DATABASE_URL."
    )]
    NoPostgres { why: String },

    #[error(
        "The database in {} was made by PostgreSQL {made_by}, and only {found} is here. \
         Fix: install PostgreSQL {made_by} or point PG_BIN at its bin folder; \
         or start with another --data-dir.",
        .cluster.display()
    )]
    OtherMajor { cluster: PathBuf, made_by: u32, found: String },

    #[error(
        "PostgreSQL does not run as root, and there is no user `nobody` to run it as. \
         Fix: run Daybook as an ordinary user, or set DATABASE_URL."
    )]
    NoOrdinaryUser,

    #[error("{program} ended with {status}. Its last words, from {}:\n{words}", .log.display())]
    Ended { program: &'static str, status: String, log: PathBuf, words: String },

    #[error("{program} was not ready after {waited:?}; see {}", .log.display())]
    NotReady { program: &'static str, waited: Duration, log: PathBuf },

    #[error("PostgreSQL refused `{statement}`: {message}")]
    Sql { statement: String, message: String },

    #[error("cannot {what}: {source}")]
    Io { what: String, source: io::Error },
}

/// Says what was being done when an I/O error came.
pub(crate) trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::Io { what: what(), source })
    }
}
