//! What the fold must know beforehand, and the statements that write its differences.

use std::collections::BTreeSet;

use domain::ItemId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::fold::{Bought, Changes, Signal};
use crate::ProjectionError;
use crate::rows::{fetch, put};

/// Orders the batch goes on with, and which of its readers are forgotten already.
pub(super) async fn fetch_state(
    tx: &mut PgConnection,
    signals: &[(i64, Signal)],
) -> Result<Changes, ProjectionError> {
    let (mut orders, mut readers) = (Vec::new(), BTreeSet::new());
    for (_, signal) in signals {
        match signal {
            Signal::Given { reader, .. } | Signal::TakenBack { reader, .. } => {
                readers.insert(*reader);
            }
            Signal::Ordered { order, reader, .. } => {
                orders.push(*order);
                readers.insert(*reader);
            }
            Signal::Bought { order } | Signal::Cancelled { order } => orders.push(*order),
            Signal::Forgotten { .. } => {}
        }
    }
    let known: Vec<Bought> =
        fetch(tx, "select to_jsonb(o) from signal_orders o where order_id = any($1)", &orders)
            .await?;
    readers.extend(known.iter().map(|order| order.reader));
    let mut forgotten: Vec<Uuid> = Vec::new();
    if !readers.is_empty() {
        forgotten = sqlx::query_scalar("select reader from forgotten where reader = any($1)")
            .bind(readers.into_iter().collect::<Vec<_>>())
            .fetch_all(tx)
            .await?;
    }
    Ok(Changes {
        orders: known.into_iter().map(|order| (order.order_id, order)).collect(),
        forgotten: forgotten.into_iter().collect(),
        ..Changes::default()
    })
}

pub(super) async fn write(tx: &mut PgConnection, changes: Changes) -> Result<(), ProjectionError> {
    put(
        tx,
        "insert into signal_orders
         select * from jsonb_populate_recordset(null::signal_orders, $1)
         on conflict (order_id) do update
            set products = excluded.products, counted = excluded.counted",
        &changes.orders.values().collect::<Vec<_>>(),
    )
    .await?;
    if !changes.newly_forgotten.is_empty() {
        forget(tx, changes.newly_forgotten.iter().copied().collect()).await?;
    }
    if !changes.pairs.is_empty() {
        write_pairs(tx, changes).await?;
    }
    Ok(())
}

/// Leaves counts as if these readers had never been.
async fn forget(tx: &mut PgConnection, readers: Vec<Uuid>) -> Result<(), ProjectionError> {
    sqlx::query("insert into forgotten select * from unnest($1::uuid[]) on conflict do nothing")
        .bind(&readers)
        .execute(&mut *tx)
        .await?;
    let lost: Vec<(String, Uuid)> = sqlx::query_as(
        "with gone as (
             delete from seen where reader = any($1) returning kind, item
         )
         update item_signals n set readers = n.readers - lost.readers
           from (select kind, item, count(*) as readers from gone group by kind, item) lost
          where (n.kind, n.item) = (lost.kind, lost.item)
         returning n.kind, n.item",
    )
    .bind(&readers)
    .fetch_all(&mut *tx)
    .await?;
    let (kinds, items): (Vec<_>, Vec<_>) = lost.into_iter().unzip();
    drop_unseen(tx, &kinds, &items).await
}

/// A pair counts for its item when it appears, and no longer when its last signal goes. A row that
/// was there before has an `xmax`: the update locked it.
async fn write_pairs(tx: &mut PgConnection, changes: Changes) -> Result<(), ProjectionError> {
    let mut pairs = Pairs::default();
    let (mut signals, mut positions) = (Vec::new(), Vec::new());
    // Only these can have lost their last signal.
    let mut less = Pairs::default();
    for ((reader, item), difference) in changes.pairs {
        pairs.push(reader, item);
        signals.push(difference.signals);
        positions.push(difference.position);
        if difference.signals <= 0 {
            less.push(reader, item);
        }
    }
    sqlx::query(
        "with after as (
             insert into seen as s (reader, kind, item, signals, position)
             select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::integer[], $5::bigint[])
             on conflict (reader, kind, item) do update
                set signals = s.signals + excluded.signals,
                    position = greatest(s.position, excluded.position)
             returning kind, item, (signals > 0)::integer - (xmax <> 0)::integer as difference
         )
         insert into item_signals as n (kind, item, readers)
         select kind, item, sum(difference) from after group by kind, item having sum(difference) <> 0
         on conflict (kind, item) do update set readers = n.readers + excluded.readers",
    )
    .bind(&pairs.readers)
    .bind(&pairs.kinds)
    .bind(&pairs.items)
    .bind(&signals)
    .bind(&positions)
    .execute(&mut *tx)
    .await?;
    if less.readers.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "delete from seen
          where signals <= 0
            and (reader, kind, item) in (select * from unnest($1::uuid[], $2::text[], $3::uuid[]))",
    )
    .bind(&less.readers)
    .bind(&less.kinds)
    .bind(&less.items)
    .execute(&mut *tx)
    .await?;
    drop_unseen(tx, &less.kinds, &less.items).await
}

/// Columns of pairs.
#[derive(Default)]
struct Pairs {
    readers: Vec<Uuid>,
    kinds: Vec<&'static str>,
    items: Vec<Uuid>,
}

impl Pairs {
    fn push(&mut self, reader: Uuid, item: ItemId) {
        self.readers.push(reader);
        self.kinds.push(item.kind.name());
        self.items.push(item.id);
    }
}

/// Drops those of the items that nobody has seen any more.
async fn drop_unseen<K: AsRef<str> + Sync>(
    tx: &mut PgConnection,
    kinds: &[K],
    items: &[Uuid],
) -> Result<(), ProjectionError> {
    sqlx::query(
        "delete from item_signals
          where readers = 0
            and (kind, item) in (select * from unnest($1::text[], $2::uuid[]))",
    )
    .bind(kinds.iter().map(AsRef::as_ref).collect::<Vec<&str>>())
    .bind(items)
    .execute(tx)
    .await?;
    Ok(())
}
