//! What the fold must know beforehand, and the statements that write its differences.

use std::collections::BTreeSet;

use domain::ItemKind;
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
    let forgotten: Vec<Uuid> =
        sqlx::query_scalar("select reader from forgotten where reader = any($1)")
            .bind(readers.into_iter().collect::<Vec<_>>())
            .fetch_all(tx)
            .await?;
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
    sqlx::query(
        "with gone as (
             delete from seen where reader = any($1) returning kind, item
         )
         update item_signals n set readers = n.readers - lost.readers
           from (select kind, item, count(*) as readers from gone group by kind, item) lost
          where (n.kind, n.item) = (lost.kind, lost.item)",
    )
    .bind(&readers)
    .execute(&mut *tx)
    .await?;
    sqlx::query("delete from item_signals where readers = 0").execute(tx).await?;
    Ok(())
}

/// `before` sees the rows as they were: a pair counts for its item when it appears, and no longer
/// when its last signal goes.
async fn write_pairs(tx: &mut PgConnection, changes: Changes) -> Result<(), ProjectionError> {
    let (mut readers, mut kinds, mut items) = (Vec::new(), Vec::new(), Vec::new());
    let (mut signals, mut positions) = (Vec::new(), Vec::new());
    for ((reader, item), difference) in changes.pairs {
        readers.push(reader);
        kinds.push(ItemKind::name(item.kind));
        items.push(item.id);
        signals.push(difference.signals);
        positions.push(difference.position);
    }
    sqlx::query(
        "with change as (
             select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::integer[], $5::bigint[])
                        as c (reader, kind, item, signals, position)
         ), before as (
             select reader, kind, item from seen join change using (reader, kind, item)
         ), after as (
             insert into seen as s (reader, kind, item, signals, position)
             select reader, kind, item, signals, position from change
             on conflict (reader, kind, item) do update
                set signals = s.signals + excluded.signals,
                    position = greatest(s.position, excluded.position)
             returning reader, kind, item, signals
         )
         insert into item_signals as n (kind, item, readers)
         select kind, item, sum((after.signals > 0)::integer - (before.reader is not null)::integer)
           from after left join before using (reader, kind, item)
          group by kind, item
         on conflict (kind, item) do update set readers = n.readers + excluded.readers",
    )
    .bind(&readers)
    .bind(&kinds)
    .bind(&items)
    .bind(&signals)
    .bind(&positions)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "delete from seen
          where signals <= 0
            and (reader, kind, item) in (select * from unnest($1::uuid[], $2::text[], $3::uuid[]))",
    )
    .bind(&readers)
    .bind(&kinds)
    .bind(&items)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "delete from item_signals
          where readers = 0
            and (kind, item) in (select * from unnest($1::text[], $2::uuid[]))",
    )
    .bind(&kinds)
    .bind(&items)
    .execute(tx)
    .await?;
    Ok(())
}
