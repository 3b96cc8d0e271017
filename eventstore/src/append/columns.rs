//! A batch as arrays, one statement, and its verdicts.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use domain::Claim;

use super::{Append, Stored, Verdict};
use crate::event::StreamId;
use crate::leaf::content_hash;

const APPEND: &str = "
    select * from eventstore.append(
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
        $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31)
    order by command";

/// Columns of the statement, in its order. See migrations/0002_append.sql for their meaning.
#[derive(Default)]
struct Columns<'a> {
    c_caller: Vec<&'a str>,
    c_key: Vec<&'a str>,
    c_fingerprint: Vec<&'a [u8]>,
    c_refusal: Vec<Option<&'a str>>,
    w_command: Vec<i32>,
    w_type: Vec<&'a str>,
    w_id: Vec<&'a str>,
    w_expected: Vec<i64>,
    w_events: Vec<i32>,
    g_command: Vec<i32>,
    g_type: Vec<&'a str>,
    g_id: Vec<&'a str>,
    g_sequence: Vec<i64>,
    k_command: Vec<i32>,
    k_op: Vec<&'static str>,
    k_kind: Vec<&'a str>,
    k_key: Vec<&'a str>,
    k_holder: Vec<&'a str>,
    k_places: Vec<Option<i64>>,
    s_command: Vec<i32>,
    s_subject: Vec<Uuid>,
    x_command: Vec<i32>,
    x_subject: Vec<Uuid>,
    e_aggregate_type: Vec<&'a str>,
    e_aggregate_id: Vec<&'a str>,
    e_sequence: Vec<i64>,
    e_type: Vec<&'a str>,
    e_version: Vec<&'a str>,
    e_payload: Vec<&'a str>,
    e_metadata: Vec<&'a str>,
    e_content: Vec<Vec<u8>>,
}

impl<'a> Columns<'a> {
    fn add(&mut self, number: i32, command: &'a Append) {
        self.c_caller.push(&command.caller);
        self.c_key.push(&command.key);
        self.c_fingerprint.push(&command.fingerprint);
        self.c_refusal.push(command.refusal.as_deref());
        for guard in &command.guards {
            self.g_command.push(number);
            self.g_type.push(&guard.stream.aggregate_type);
            self.g_id.push(&guard.stream.aggregate_id);
            self.g_sequence.push(guard.sequence);
        }
        for claim in &command.claims {
            self.add_claim(number, claim);
        }
        for subject in &command.subjects {
            self.s_command.push(number);
            self.s_subject.push(*subject);
        }
        for subject in &command.erased {
            self.x_command.push(number);
            self.x_subject.push(*subject);
        }
        self.add_writes(number, command);
    }

    fn add_writes(&mut self, number: i32, command: &'a Append) {
        for write in &command.writes {
            let (aggregate_type, aggregate_id) =
                (write.stream.aggregate_type.as_str(), write.stream.aggregate_id.as_str());
            self.w_command.push(number);
            self.w_type.push(aggregate_type);
            self.w_id.push(aggregate_id);
            self.w_expected.push(write.expected);
            self.w_events.push(write.events.len() as i32);
            for (sequence, event) in (write.expected + 1..).zip(&write.events) {
                self.e_aggregate_type.push(aggregate_type);
                self.e_aggregate_id.push(aggregate_id);
                self.e_sequence.push(sequence);
                self.e_type.push(&event.event_type);
                self.e_version.push(&event.event_version);
                self.e_payload.push(&event.payload);
                self.e_metadata.push(&event.metadata);
                self.e_content.push(
                    content_hash(
                        aggregate_type,
                        aggregate_id,
                        sequence,
                        &event.event_type,
                        &event.event_version,
                        &event.payload,
                        &event.metadata,
                    )
                    .to_vec(),
                );
            }
        }
    }

    fn add_claim(&mut self, number: i32, claim: &'a Claim) {
        let (op, kind, key, holder, places) = match claim {
            Claim::Unique { kind, key, holder, .. } => {
                ("unique", *kind, key.as_str(), holder.as_str(), None)
            }
            Claim::Place { kind, key, holder } => {
                ("place", *kind, key.as_str(), holder.as_str(), None)
            }
            Claim::Capacity { kind, key, places } => {
                ("capacity", *kind, key.as_str(), "", places.map(i64::from))
            }
            Claim::Release { kind, holder } => ("release", *kind, "", holder.as_str(), None),
        };
        self.k_command.push(number);
        self.k_op.push(op);
        self.k_kind.push(kind);
        self.k_key.push(key);
        self.k_holder.push(holder);
        self.k_places.push(places);
    }
}

/// Sends a batch and returns a verdict for each of its commands, in order.
pub(super) async fn send(
    connection: &mut PgConnection,
    batch: &[&Append],
) -> Result<Vec<Verdict>, sqlx::Error> {
    let mut columns = Columns::default();
    for (number, command) in (1..).zip(batch) {
        columns.add(number, command);
    }
    let rows = sqlx::query(APPEND)
        .bind(columns.c_caller)
        .bind(columns.c_key)
        .bind(columns.c_fingerprint)
        .bind(columns.c_refusal)
        .bind(columns.w_command)
        .bind(columns.w_type)
        .bind(columns.w_id)
        .bind(columns.w_expected)
        .bind(columns.w_events)
        .bind(columns.g_command)
        .bind(columns.g_type)
        .bind(columns.g_id)
        .bind(columns.g_sequence)
        .bind(columns.k_command)
        .bind(columns.k_op)
        .bind(columns.k_kind)
        .bind(columns.k_key)
        .bind(columns.k_holder)
        .bind(columns.k_places)
        .bind(columns.s_command)
        .bind(columns.s_subject)
        .bind(columns.x_command)
        .bind(columns.x_subject)
        .bind(columns.e_aggregate_type)
        .bind(columns.e_aggregate_id)
        .bind(columns.e_sequence)
        .bind(columns.e_type)
        .bind(columns.e_version)
        .bind(columns.e_payload)
        .bind(columns.e_metadata)
        .bind(columns.e_content)
        .fetch_all(connection)
        .await?;
    if rows.len() != batch.len() {
        return Err(sqlx::Error::Protocol(format!(
            "{} verdicts for {} commands",
            rows.len(),
            batch.len()
        )));
    }
    rows.iter().map(verdict).collect()
}

fn verdict(row: &PgRow) -> Result<Verdict, sqlx::Error> {
    let detail = || row.try_get::<Option<String>, _>("detail").map(Option::unwrap_or_default);
    Ok(match row.try_get::<&str, _>("verdict")? {
        "appended" => Verdict::Appended(stored(row)?),
        "duplicate" => Verdict::Duplicate(stored(row)?),
        "mismatch" => Verdict::Mismatch,
        "conflict" => Verdict::Conflict { current: row.try_get("at_sequence")? },
        "guard" => Verdict::GuardFailed { stream: detail()? },
        "taken" => Verdict::Taken { kind: detail()? },
        "full" => Verdict::Full { kind: detail()? },
        "erased" => Verdict::Erased,
        other => return Err(sqlx::Error::Protocol(format!("unknown verdict {other}"))),
    })
}

fn stored(row: &PgRow) -> Result<Stored, sqlx::Error> {
    Ok(Stored {
        stream: StreamId::new(
            row.try_get::<String, _>("stored_type")?,
            row.try_get::<String, _>("stored_id")?,
        ),
        sequence: row.try_get("at_sequence")?,
        position: row.try_get("at_position")?,
        appended: row.try_get("stored_appended")?,
        refusal: row.try_get("stored_refusal")?,
    })
}
