//! What a failed batch means: wait, find the culprit, or leave it to a newer program.

use eventstore::RecordedEvent;

use crate::ProjectionError;

/// Why a drive ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    #[error("asked to stop")]
    Cancelled,
    /// Somebody else moves this checkpoint now, or our own knowledge of it is wrong.
    #[error("the checkpoint is not ours to move")]
    Fenced,
    #[error("{0}")]
    Unknown(String),
    /// The build is no longer wanted: a newer one serves, or the log changed under it.
    #[error("the build is retired")]
    Retired,
}

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Connection, lock, resource, or a statement that cannot work: no event is to blame.
    Wait,
    /// Some event of the batch is to blame.
    FindCulprit,
    /// The event is of a newer program; its position.
    LeaveFrom(i64),
}

pub(super) fn remedy(error: &ProjectionError) -> Remedy {
    match error {
        ProjectionError::Unknown { position, .. } => Remedy::LeaveFrom(*position),
        ProjectionError::Event { .. } => Remedy::FindCulprit,
        ProjectionError::Decode(decode) => {
            let unknown = format!("unknown variant `{}`", decode.event_type);
            if decode.source.to_string().starts_with(&unknown) {
                Remedy::LeaveFrom(decode.position)
            } else {
                Remedy::FindCulprit
            }
        }
        ProjectionError::Database(error) => remedy_of_database(error),
    }
}

/// A version of which this program knows no shape: it would be read, but not understood. Upcasters
/// bring every older one to today's.
pub(super) fn is_newer(event: &RecordedEvent) -> bool {
    if event.event_version == "1.0.0" {
        return false;
    }
    let newest = domain::upcasters()
        .iter()
        .filter(|to| to.event_type == event.event_type)
        .filter_map(|to| parts(to.to_version))
        .fold([1, 0, 0], std::cmp::max);
    parts(&event.event_version).is_some_and(|version| version > newest)
}

/// A foreign writer's version that is not of three numbers cannot be compared.
fn parts(version: &str) -> Option<[u32; 3]> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    Some([parts.next()??, parts.next()??, parts.next()??])
}

/// By SQLSTATE class: 21 a row hit twice, 22 data, 23 integrity, 54 too large for an index or a
/// text vector, P0 raised on purpose. A missing table or column (42) fails for every event alike,
/// so no event is parked for it.
pub(super) fn remedy_of_database(error: &sqlx::Error) -> Remedy {
    match error {
        sqlx::Error::Database(error) => {
            let class = error.code().and_then(|code| code.get(..2).map(str::to_owned));
            match class.as_deref() {
                Some("21" | "22" | "23" | "54" | "P0") => Remedy::FindCulprit,
                _ => Remedy::Wait,
            }
        }
        sqlx::Error::Encode(_)
        | sqlx::Error::Decode(_)
        | sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::RowNotFound => Remedy::FindCulprit,
        _ => Remedy::Wait,
    }
}
