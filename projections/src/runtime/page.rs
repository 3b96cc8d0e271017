//! Reading the log for a build that is behind.

use eventstore::{Reader, RecordedEvent};

use super::checkpoint::Mark;

/// Positions scanned by the first page.
const WINDOW_MIN: i64 = 1_000;
/// A page of a rare type covers more positions, but never more than fit in memory if all match.
const WINDOW_MAX: i64 = 32_000;
/// The larger a page, the more of its events change the same rows; more than this gains little.
const EVENTS_WANTED: usize = 12_000;
/// A page with more bytes than this is followed by a narrower one.
const BYTES_MAX: usize = 16 << 20;

/// The wanted events of a window of the log.
#[derive(Debug)]
pub(super) struct Page {
    pub events: Vec<RecordedEvent>,
    /// Where the window ends.
    pub until: Mark,
    /// Positions after the window when it was read.
    pub behind: i64,
    /// How wide the next window should be.
    pub next_window: i64,
}

/// Reads the window after a position. At the head of the log it is empty.
pub(super) async fn read(
    reader: Reader,
    sources: &'static [&'static str],
    after: i64,
    window: i64,
) -> Result<Page, sqlx::Error> {
    let head = reader.head().await?;
    let window = window.clamp(WINDOW_MIN, WINDOW_MAX);
    let until = head.min(after + window).max(after);
    let events = reader.window(sources, after, until).await?;
    let leaf = match events.last() {
        Some(last) if last.position == until => Some(last.leaf()),
        _ => leaf_at(&reader, until).await?,
    };
    let bytes: usize = events.iter().map(|event| event.payload.len() + event.metadata.len()).sum();
    let next_window = match events.len() {
        _ if bytes > BYTES_MAX => window / 2,
        few if few < EVENTS_WANTED / 2 => window * 2,
        _ => window,
    };
    Ok(Page { events, until: Mark { position: until, leaf }, behind: head - until, next_window })
}

/// The leaf of one event; none for position 0 or one the log does not hold.
pub(super) async fn leaf_at(
    reader: &Reader,
    position: i64,
) -> Result<Option<[u8; 32]>, sqlx::Error> {
    let event = reader.range(position - 1, position, 1).await?;
    Ok(event.first().map(RecordedEvent::leaf))
}
