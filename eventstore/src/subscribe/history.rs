//! Reading on from a place in the log only if the log still is what it was there.

use crate::{Reader, RecordedEvent};

/// A place in the log, with the leaf of its event if it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) position: i64,
    pub(crate) leaf: Option<[u8; 32]>,
}

/// Up to `limit` events after a place and up to a position; none if the log no longer holds the
/// event of that place, as after a failover or a restore that lost commits.
///
/// The event of the place is read again with each page: the database may have been replaced behind
/// a connection pool that reconnects by itself, and a second statement could meet another one.
pub(crate) async fn page_after(
    reader: &Reader,
    place: Place,
    until: i64,
    limit: usize,
) -> Result<Option<Vec<RecordedEvent>>, sqlx::Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX - 1);
    if place.position == 0 {
        return reader.range(0, until, limit).await.map(Some);
    }
    let until = until.max(place.position);
    let mut page = reader.range(place.position - 1, until, limit + 1).await?.into_iter();
    let same = page.next().is_some_and(|event| {
        event.position == place.position && place.leaf.is_none_or(|leaf| leaf == event.leaf())
    });
    Ok(same.then(|| page.collect()))
}
