//! A set of commands as arrays, one statement, and what became of them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgRow, PgTypeInfo};
use sqlx::{Encode, PgConnection, Postgres, Row, Type};
use uuid::Uuid;

use domain::Claim;

use super::line::Pending;
use super::wave::Head;
use super::{Append, Content, Prepared, Stored, Verdict, Write};
use crate::event::StreamId;

const APPEND: &str = "
    select * from eventstore.append(
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
        $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34)";

/// Columns of the statement, in its order. See migrations/0002_append.sql for their meaning.
#[derive(Default)]
struct Columns<'a> {
    c_caller: Vec<&'a str>,
    c_key: Vec<&'a str>,
    c_fingerprint: Vec<&'a [u8]>,
    c_type: Vec<&'a str>,
    c_id: Vec<&'a str>,
    c_sequence: Vec<i64>,
    c_events: Vec<i64>,
    c_appended: Vec<bool>,
    c_refusal: Vec<Option<&'a str>>,
    h_command: Vec<i32>,
    h_fact: Vec<bool>,
    h_type: Vec<&'a str>,
    h_id: Vec<&'a str>,
    h_sequence: Vec<i64>,
    k_command: Vec<i32>,
    k_op: Vec<&'static str>,
    k_kind: Vec<&'a str>,
    k_key: Vec<&'a str>,
    k_holder: Vec<&'a str>,
    k_places: Vec<Option<i64>>,
    s_command: Vec<i32>,
    s_subject: Vec<Uuid>,
    x_subject: Vec<Uuid>,
    e_aggregate_type: Vec<&'a str>,
    e_aggregate_id: Vec<&'a str>,
    e_sequence: Vec<i64>,
    e_type: Vec<&'a str>,
    e_version: Vec<&'a str>,
    e_payload: Vec<JsonText<'a>>,
    e_metadata: Vec<JsonText<'a>>,
    e_content: Vec<&'a Content>,
}

impl<'a> Columns<'a> {
    fn of(commands: &'a [Pending], heads: &[Head], careful: bool) -> Self {
        let mut columns = Self::default();
        for (number, pending) in commands.iter().enumerate() {
            columns.add(number as i32, &pending.command);
        }
        for head in heads.iter().filter(|head| careful || !head.told_by_index) {
            let command = &commands[head.command].command.append;
            let (stream, sequence) = match head.fact {
                true => {
                    let guard = &command.guards[head.place];
                    (&guard.stream, guard.sequence)
                }
                false => {
                    let write = &command.writes[head.place];
                    (&write.stream, write.expected)
                }
            };
            columns.h_command.push(head.command as i32);
            columns.h_fact.push(head.fact);
            columns.h_type.push(&stream.aggregate_type);
            columns.h_id.push(&stream.aggregate_id);
            columns.h_sequence.push(sequence);
        }
        columns
    }

    fn add(&mut self, number: i32, command: &'a Prepared) {
        for claim in command.append.lasting_claims() {
            self.add_claim(number, claim);
        }
        for subject in &command.append.subjects {
            self.s_command.push(number);
            self.s_subject.push(*subject);
        }
        self.x_subject.extend(&command.append.erased);
        self.e_content.extend(&command.contents);
        let before = self.e_type.len();
        for write in &command.append.writes {
            self.add_write(write);
        }
        let (stream, sequence) = command.append.own();
        self.c_caller.push(&command.append.caller);
        self.c_key.push(&command.append.key);
        self.c_fingerprint.push(&command.append.fingerprint);
        self.c_type.push(&stream.aggregate_type);
        self.c_id.push(&stream.aggregate_id);
        self.c_sequence.push(sequence);
        self.c_events.push(self.e_type.len() as i64);
        self.c_appended.push(self.e_type.len() > before);
        self.c_refusal.push(command.append.refusal.as_deref());
    }

    fn add_write(&mut self, write: &'a Write) {
        for (sequence, event) in (write.expected + 1..).zip(&write.events) {
            self.e_aggregate_type.push(&write.stream.aggregate_type);
            self.e_aggregate_id.push(&write.stream.aggregate_id);
            self.e_sequence.push(sequence);
            self.e_type.push(&event.event_type);
            self.e_version.push(&event.event_version);
            self.e_payload.push(JsonText(&event.payload));
            self.e_metadata.push(JsonText(&event.metadata));
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

/// What became of a set.
pub(super) enum Outcome {
    /// All of it was appended: a verdict for each command, in order.
    Appended(Vec<Verdict>),
    /// Nothing was, because of these commands. Without care, they are not all that cannot be.
    Irregular(BTreeMap<usize, Verdict>),
    /// Nothing was, because what it was to follow is not in the log.
    Early,
}

/// Caller and key of the last command of the set that another one follows.
pub(super) type Follows = Option<(String, String)>;

/// Sends a set. With care, every command is checked before anything is written; without, the
/// indexes tell some of what is wrong, by an error that does not say whose it is.
pub(super) async fn send(
    connection: &mut PgConnection,
    commands: &[Pending],
    heads: &[Head],
    follows: &Follows,
    careful: bool,
) -> Result<Outcome, sqlx::Error> {
    let columns = Columns::of(commands, heads, careful);
    let (follows_caller, follows_key) = follows.as_ref().map(|(c, k)| (c, k)).unzip();
    let rows = sqlx::query(APPEND)
        .bind(careful)
        .bind(columns.c_caller)
        .bind(columns.c_key)
        .bind(columns.c_fingerprint)
        .bind(columns.c_type)
        .bind(columns.c_id)
        .bind(columns.c_sequence)
        .bind(&columns.c_events)
        .bind(columns.c_appended)
        .bind(columns.c_refusal)
        .bind(columns.h_command)
        .bind(columns.h_fact)
        .bind(columns.h_type)
        .bind(columns.h_id)
        .bind(columns.h_sequence)
        .bind(columns.k_command)
        .bind(columns.k_op)
        .bind(columns.k_kind)
        .bind(columns.k_key)
        .bind(columns.k_holder)
        .bind(columns.k_places)
        .bind(columns.s_command)
        .bind(columns.s_subject)
        .bind(columns.x_subject)
        .bind(columns.e_aggregate_type)
        .bind(columns.e_aggregate_id)
        .bind(columns.e_sequence)
        .bind(columns.e_type)
        .bind(columns.e_version)
        .bind(columns.e_payload)
        .bind(columns.e_metadata)
        .bind(columns.e_content)
        .bind(follows_caller)
        .bind(follows_key)
        .fetch_all(connection)
        .await?;
    if let [row] = rows.as_slice() {
        match row.try_get("verdict")? {
            "appended" => {
                let before: i64 = row.try_get("at_position")?;
                let positions = columns.c_events.iter().map(|events| before + events);
                let appends = commands.iter().map(|pending| &pending.command.append);
                return Ok(Outcome::Appended(
                    appends.zip(positions).map(|(append, at)| appended(append, at)).collect(),
                ));
            }
            "early" => return Ok(Outcome::Early),
            _ => {}
        }
    }
    let mut verdicts = BTreeMap::new();
    for row in &rows {
        let command = row.try_get::<i32, _>("command")? as usize;
        // The first that is said of a command counts.
        if let Entry::Vacant(first) = verdicts.entry(command) {
            first.insert(verdict(row)?);
        }
    }
    match verdicts.last_key_value() {
        Some((last, _)) if *last < commands.len() => Ok(Outcome::Irregular(verdicts)),
        _ => Err(sqlx::Error::Protocol("an append without an answer".to_owned())),
    }
}

fn appended(append: &Append, position: i64) -> Verdict {
    let (stream, sequence) = append.own();
    Verdict::Appended(Stored {
        stream: stream.clone(),
        sequence,
        position,
        appended: append.events() > 0,
        refusal: append.refusal.clone(),
    })
}

/// Of a command that cannot be appended.
fn verdict(row: &PgRow) -> Result<Verdict, sqlx::Error> {
    let detail = || row.try_get::<Option<String>, _>("detail").map(Option::unwrap_or_default);
    Ok(match row.try_get::<&str, _>("verdict")? {
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

/// JSON that stays the text it is: sqlx's own Json would put a space before it.
struct JsonText<'a>(&'a str);

impl Type<Postgres> for JsonText<'_> {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(114))
    }
}

impl PgHasArrayType for JsonText<'_> {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(199))
    }
}

impl Encode<'_, Postgres> for JsonText<'_> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <&str as Encode<Postgres>>::encode_by_ref(&self.0, buffer)
    }
}
