//! Stock postgres-es on both sides: its table becomes ours, our log reads as its table.

use std::collections::HashMap;

use cqrs_es::persist::{PersistedEventRepository, SerializedEvent};
use domain::book::{self, Book};
use eventstore::adopt::{Adoption, Order, adopt};
use eventstore::verify::{Range, verify};
use eventstore::{Log, StreamId};
use postgres_es::PostgresEventRepository;
use serde_json::json;

use crate::{command, history, position, support};

/// As postgres-es documents it.
const STOCK_TABLE: &str = "
    create table events (
        aggregate_type text not null,
        aggregate_id text not null,
        sequence bigint check (sequence >= 0) not null,
        event_type text not null,
        event_version text not null,
        payload json not null,
        metadata json not null,
        primary key (aggregate_type, aggregate_id, sequence)
    )";

async fn execute(log: &Log, statement: &str) {
    sqlx::query(statement).execute(log.pool()).await.unwrap();
}

async fn a_log_beside_a_stock_table() -> Log {
    let log = support::log().await;
    execute(&log, STOCK_TABLE).await;
    log
}

/// Events of books, written by stock postgres-es: two streams, in turns.
async fn write_with_postgres_es(log: &Log) -> Vec<SerializedEvent> {
    let repository = PostgresEventRepository::new(log.pool().clone());
    let mut written = Vec::new();
    for sequence in 1..=3 {
        for id in ["zebra", "aardvark"] {
            let event = SerializedEvent::new(
                id.to_owned(),
                sequence,
                "book".to_owned(),
                "BookAdded".to_owned(),
                "0.9.0".to_owned(),
                json!({"title": format!("{id} {sequence}"), "pages": 12.5}),
                json!({"actor": "librarian", "correlation_id": id}),
            );
            repository.persist::<Book>(std::slice::from_ref(&event), None).await.unwrap();
            written.push(event);
        }
    }
    written
}

async fn adopted(log: &Log) -> Adoption {
    adopt(log, "events", false, |_, _| ()).await.unwrap()
}

#[tokio::test]
async fn what_postgres_es_wrote_reads_the_same_here() {
    let log = a_log_beside_a_stock_table().await;
    let written = write_with_postgres_es(&log).await;
    let adoption = adopted(&log).await;
    assert_eq!((adoption.rows, adoption.appended, adoption.refused), (6, 6, 0));
    assert_eq!((adoption.streams, adoption.order), (2, Order::Physical));

    let read = log.reader().page(0, 100).await.unwrap();
    assert_eq!(read.len(), written.len());
    for (read, written) in read.iter().zip(written) {
        assert_eq!(read.stream, StreamId::new(written.aggregate_type, written.aggregate_id));
        assert_eq!(read.sequence, written.sequence as i64);
        assert_eq!(
            (&read.event_type, &read.event_version),
            (&written.event_type, &written.event_version)
        );
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(json(&read.payload), written.payload);
        assert_eq!(json(&read.metadata), written.metadata);
    }
    assert!(verify(log.reader(), Range::WHOLE, &[], |_| ()).await.unwrap().ok);

    let changed: i64 = sqlx::query_scalar(
        "select count(*) from events stock join eventstore.events ours
           using (aggregate_type, aggregate_id, sequence)
         where stock.payload::text <> ours.payload::text
            or stock.metadata::text <> ours.metadata::text",
    )
    .fetch_one(log.pool())
    .await
    .unwrap();
    assert_eq!(changed, 0, "kept byte for byte");
}

#[tokio::test]
async fn our_log_reads_as_a_stock_table() {
    let log = support::log().await;
    let written = book::samples::events().remove(0);
    let mut append = command("1", "b", 0, 1);
    append.writes[0].stream = StreamId::new("book", "b");
    append.writes[0].events[0].event_type = cqrs_es::DomainEvent::event_type(&written);
    append.writes[0].events[0].event_version = cqrs_es::DomainEvent::event_version(&written);
    append.writes[0].events[0].payload = serde_json::to_string(&written).unwrap();
    position(&log.append(append).await.unwrap());

    let stock = PostgresEventRepository::new(log.pool().clone())
        .with_tables("eventstore.events", "eventstore.no_snapshots");
    let read = stock.get_events::<Book>("b").await.unwrap();
    assert_eq!(read.len(), 1);
    let envelope = cqrs_es::EventEnvelope::<Book>::try_from(read[0].clone()).unwrap();
    assert_eq!((envelope.sequence, envelope.payload), (1, written));
    assert_eq!(envelope.metadata, HashMap::from([("actor".to_owned(), "test".to_owned())]));
}

#[tokio::test]
async fn a_second_run_changes_nothing_and_takes_what_is_new() {
    let log = a_log_beside_a_stock_table().await;
    write_with_postgres_es(&log).await;
    adopted(&log).await;
    let again = adopted(&log).await;
    assert_eq!((again.appended, again.known, log.reader().head().await.unwrap()), (0, 6, 6));

    execute(&log, "insert into events values ('book', 'zebra', 4, 'T', '1', '{}', '{}')").await;
    let grown = adopted(&log).await;
    assert_eq!((grown.appended, grown.known), (1, 6));
}

#[tokio::test]
async fn a_dry_run_reads_everything_and_writes_nothing() {
    let log = a_log_beside_a_stock_table().await;
    write_with_postgres_es(&log).await;
    let adoption = adopt(&log, "public.events", true, |_, _| ()).await.unwrap();
    assert_eq!((adoption.rows, adoption.appended), (6, 0));
    assert_eq!(log.reader().head().await.unwrap(), 0);
}

#[tokio::test]
async fn a_column_that_counts_or_tells_the_time_decides_the_order() {
    for (column, order) in [
        ("written_at timestamptz default now()", "written_at"),
        ("\"No\" bigint generated always as identity", "\"No\""),
    ] {
        let log = a_log_beside_a_stock_table().await;
        execute(&log, "alter table events add column tenant integer default 7").await;
        execute(&log, &format!("alter table events add column {column}")).await;
        write_with_postgres_es(&log).await;
        assert_eq!(adopted(&log).await.order, Order::Column(order.to_owned()));
        let first = log.reader().page(0, 2).await.unwrap();
        assert_eq!(first[0].stream.aggregate_id, "zebra");
        assert_eq!(first[1].stream.aggregate_id, "aardvark");
    }
}

#[tokio::test]
async fn an_order_that_contradicts_the_streams_is_not_used() {
    let log = a_log_beside_a_stock_table().await;
    for sequence in [2, 1] {
        for id in ["b", "a"] {
            let row = format!("('book', '{id}', {sequence}, 'T', '1', '{{}}', '{{}}')");
            execute(&log, &format!("insert into events values {row}")).await;
        }
    }
    let adoption = adopted(&log).await;
    assert_eq!((adoption.order, adoption.appended), (Order::Streams, 4));
}

#[tokio::test]
async fn a_stream_with_a_gap_stops_the_takeover_before_it_begins() {
    let log = a_log_beside_a_stock_table().await;
    write_with_postgres_es(&log).await;
    execute(&log, "delete from events where aggregate_id = 'zebra' and sequence = 2").await;
    let adoption = adopted(&log).await;
    assert_eq!((adoption.appended, adoption.refused), (0, 1));
    assert!(adoption.problems[0].contains("zebra"), "{:?}", adoption.problems);
    assert_eq!(log.reader().head().await.unwrap(), 0);
}

#[tokio::test]
async fn a_row_that_cannot_be_stored_is_told_and_the_others_go_in() {
    let log = a_log_beside_a_stock_table().await;
    write_with_postgres_es(&log).await;
    execute(
        &log,
        "insert into events values ('book', 'nul', 1, 'T', '1', '{\"a\":\"\\u0000\"}', '{}')",
    )
    .await;
    let adoption = adopted(&log).await;
    assert_eq!((adoption.appended, adoption.refused), (6, 1), "{:?}", adoption.problems);
}

#[tokio::test]
async fn streams_we_already_have_are_not_touched() {
    let log = a_log_beside_a_stock_table().await;
    history(&log).await;
    execute(&log, "insert into events values ('thing', '1', 1, 'T', '1', '{}', '{}')").await;
    let adoption = adopted(&log).await;
    assert_eq!((adoption.appended, adoption.refused), (0, 1));
    assert!(adoption.problems[0].contains("already at"), "{:?}", adoption.problems);
}

#[tokio::test]
async fn other_tables_are_refused() {
    let log = support::log().await;
    for table in ["nowhere", "eventstore.events", "eventstore.commits", "events; drop table x"] {
        assert!(adopt(&log, table, false, |_, _| ()).await.is_err(), "{table}");
    }
}
