//! Contiguity of streams, page by page: an event's predecessor stands in the page or, asked for by
//! key, in the log before it. No map of all streams is needed.

use std::collections::HashMap;

use sqlx::PgPool;

use crate::event::{RecordedEvent, StreamId};

/// The first event whose predecessor is missing: its position, its sequence, what there is instead.
pub(super) async fn first_gap(
    pool: &PgPool,
    page: &[RecordedEvent],
) -> Result<Option<(i64, i64, String)>, sqlx::Error> {
    let mut last: HashMap<&StreamId, i64> = HashMap::with_capacity(page.len());
    let (mut types, mut ids, mut sequences, mut positions) = (vec![], vec![], vec![], vec![]);
    let mut gap = None;
    for event in page {
        match last.insert(&event.stream, event.sequence) {
            Some(before) if event.sequence == before + 1 => {}
            Some(before) => {
                gap = Some((event.position, event.sequence, format!("sequence {before}")));
                break;
            }
            None if event.sequence == 1 => {}
            None => {
                types.push(event.stream.aggregate_type.as_str());
                ids.push(event.stream.aggregate_id.as_str());
                sequences.push(event.sequence);
                positions.push(event.position);
            }
        }
    }
    let orphan: Option<(i64, i64)> = sqlx::query_as(
        "select event.position, event.sequence
         from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
              as event (type, id, sequence, position)
         where not exists (
             select from eventstore.events before
             where before.aggregate_type = event.type and before.aggregate_id = event.id
               and before.sequence = event.sequence - 1 and before.position < event.position)
         order by event.position limit 1",
    )
    .bind(&types)
    .bind(&ids)
    .bind(&sequences)
    .bind(&positions)
    .fetch_optional(pool)
    .await?;
    Ok(match (orphan, gap) {
        (Some((position, ..)), Some(gap)) if gap.0 < position => Some(gap),
        (Some((position, sequence)), _) => Some((position, sequence, "none".to_owned())),
        (None, gap) => gap,
    })
}
