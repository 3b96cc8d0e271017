//! Positions are dense and become visible in order, whoever writes and whatever becomes of it.

use std::collections::HashSet;

use domain::Claim;
use eventstore::append::{Append, AppendError, NewEvent, Verdict, Write};
use eventstore::verify::{Range, verify};
use eventstore::{Bus, BusOptions, Log, RecordedEvent, StreamId};
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::children::{Process, Task, race};
use crate::sessions::{self, LATE};
use crate::{DEADLINE, readers, support};

pub const WRITER: &str = "a writer";
pub const READER: &str = "a reader";

const WRITERS: u64 = 3;
const TASKS: u64 = 8;
const COMMANDS: u64 = 30;
/// Streams that all writers want.
const SHARED: u64 = 4;
/// A payload that fails its command, and none of its neighbours.
const NO_JSON: &str = "{not json";

#[derive(Serialize, Deserialize)]
struct Acknowledged {
    key: String,
    stream: StreamId,
    sequence: i64,
    position: i64,
    events: usize,
}

/// Appends of every kind, most of them good.
fn command(random: &mut StdRng, key: String, last: &mut i64) -> Append {
    let shared = random.random_bool(0.2);
    let stream = match shared {
        true => format!("shared {}", random.random_range(0..SHARED)),
        false => key.clone(),
    };
    let count = random.random_range(0..5_usize);
    let payload = match random.random_bool(0.02) {
        true => NO_JSON.to_owned(),
        false => format!("{{\"key\":\"{key}\"}}"),
    };
    let event = NewEvent {
        event_type: "Happened".to_owned(),
        event_version: "1.0.0".to_owned(),
        payload,
        metadata: "{}".to_owned(),
    };
    let desk = Claim::Unique {
        kind: "desk",
        key: random.random_range(0..20).to_string(),
        holder: key.clone(),
        personal: false,
    };
    *last += i64::from(shared);
    Append {
        caller: "race".to_owned(),
        key,
        fingerprint: Vec::new(),
        refusal: (count == 0).then(|| "\"No\"".to_owned()),
        writes: vec![Write {
            stream: StreamId::new("thing", stream),
            expected: if shared { random.random_range(0..=*last) } else { 0 },
            events: vec![event; count],
        }],
        guards: Vec::new(),
        claims: if random.random_bool(0.1) { vec![desk] } else { Vec::new() },
        subjects: Vec::new(),
        erased: Vec::new(),
    }
}

pub async fn write(task: Task) {
    let log = support::open(&task.url).await;
    task.ready().await;
    let tasks = (0..TASKS).map(|number| {
        let log = log.clone();
        let seed = (task.seed * WRITERS + task.number) * TASKS + number;
        tokio::spawn(some(log, seed))
    });
    for acknowledged in join_all(tasks).await {
        acknowledged.unwrap().iter().for_each(|one| task.report(one));
    }
}

async fn some(log: Log, seed: u64) -> Vec<Acknowledged> {
    let mut random = StdRng::seed_from_u64(seed);
    let (mut acknowledged, mut last) = (Vec::new(), 0);
    for number in 0..COMMANDS {
        let append = command(&mut random, format!("{seed}-{number}"), &mut last);
        let (key, events) = (append.key.clone(), append.writes[0].events.len());
        let is_good = append.writes[0].events.iter().all(|event| event.payload != NO_JSON);
        match log.append(append).await {
            Ok(Verdict::Appended(stored)) => acknowledged.push(Acknowledged {
                key,
                stream: stored.stream,
                sequence: stored.sequence,
                position: stored.position,
                events,
            }),
            Ok(Verdict::Invalid(why)) => assert!(!is_good, "{why}"),
            Ok(_) => {}
            Err(AppendError::Busy) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
    acknowledged
}

pub async fn read(task: Task) {
    let pool = support::connect(&task.url).await;
    task.ready().await;
    task.report(&readers::by_page(eventstore::Reader::new(pool)).await);
}

async fn bus() -> Option<Bus> {
    let options = BusOptions {
        stream: format!("RACES_{}", std::process::id()),
        stream_bytes_max: 64 << 20,
        ..BusOptions::default()
    };
    Some(Bus::connect_with(&local_services::testing::nats()?, options).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_reader_ever_sees_a_gap_or_an_inversion() {
    let url = support::database();
    let (log, bus) = (support::open(&url).await, bus().await);
    let reader = log.reader().clone();
    let over = CancellationToken::new();
    let _over = over.clone().drop_guard();
    if let Some(bus) = bus.clone() {
        tokio::spawn(eventstore::relay(reader.clone(), bus, over.clone()));
    }
    let mut reading: Vec<_> = vec![
        tokio::spawn(readers::by_page(reader.clone())),
        tokio::spawn(readers::by_tail(reader.clone())),
        tokio::spawn(readers::by_subscription(reader.clone(), None)),
        tokio::spawn(readers::by_snapshot(url.clone())),
    ];
    if bus.is_some() {
        reading.push(tokio::spawn(readers::by_subscription(reader.clone(), bus)));
    }
    let elsewhere = tokio::spawn({
        let url = url.clone();
        async move { race::<i64>(READER, &url, 1, 0).await }
    });

    let enough = CancellationToken::new();
    let sessions = sessions::disturb(&url, &enough);
    let killing = tokio::spawn(kill_one(url.clone()));
    let acknowledged: Vec<Acknowledged> = race(WRITER, &url, WRITERS, 1).await;
    killing.await.unwrap();
    enough.cancel();
    timeout(DEADLINE, sessions.wait()).await.expect("a session hangs");
    let end = end(&log).await;

    for reader in reading {
        let seen = timeout(DEADLINE, reader).await.expect("a reader hangs").unwrap();
        assert_eq!(seen, end);
    }
    assert_eq!(elsewhere.await.unwrap(), [end]);
    let events = reader.page(0, i64::MAX).await.unwrap();
    everything_acknowledged_is_there(&acknowledged, &events);
    let late = events.iter().filter(|event| event.event_type == LATE).count();
    assert!(late >= 4, "a late commit must be seen: {late}");
    readers::whole(&mut PgConnection::connect(&url).await.unwrap()).await;
    let verified = verify(&reader, Range::WHOLE, &[], |_| {}).await.unwrap();
    assert!(verified.ok, "{verified:?}");
}

/// A writer that is killed in the middle, once it has written something.
async fn kill_one(url: String) {
    let starting = url.clone();
    let start = move || Process::start(WRITER, &starting, WRITERS, 1);
    let mut victim = tokio::task::spawn_blocking(start).await.unwrap();
    let mut session = PgConnection::connect(&url).await.unwrap();
    victim.go();
    let written = async {
        let first = (WRITERS + WRITERS) * TASKS;
        let keys: Vec<String> = (first..first + TASKS).map(|seed| format!("{seed}-3")).collect();
        let some = "select exists (select from eventstore.commands where key = any ($1))";
        while !sqlx::query_scalar::<_, bool>(some)
            .bind(&keys)
            .fetch_one(&mut session)
            .await
            .unwrap()
        {}
    };
    timeout(DEADLINE, written).await.expect("it never wrote anything");
    victim.kill();
}

async fn end(log: &Log) -> i64 {
    let mut append = command(&mut StdRng::seed_from_u64(0), "end".to_owned(), &mut 0);
    append.claims.clear();
    append.refusal = None;
    append.writes = vec![Write {
        stream: StreamId::new("end", "end"),
        expected: 0,
        events: vec![NewEvent {
            event_type: readers::END.to_owned(),
            event_version: "1.0.0".to_owned(),
            payload: "{}".to_owned(),
            metadata: "{}".to_owned(),
        }],
    }];
    match log.append(append).await.unwrap() {
        Verdict::Appended(stored) => stored.position,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn everything_acknowledged_is_there(acknowledged: &[Acknowledged], events: &[RecordedEvent]) {
    let mut claimed = HashSet::new();
    for one in acknowledged {
        let events_of = one.events as i64;
        for (position, sequence) in (one.position - events_of + 1..=one.position)
            .zip(one.sequence - events_of + 1..=one.sequence)
        {
            let event = &events[position as usize - 1];
            assert_eq!((event.position, event.sequence), (position, sequence));
            assert_eq!(event.stream, one.stream);
            assert_eq!(event.payload, format!("{{\"key\":\"{}\"}}", one.key));
            assert!(claimed.insert(position), "two commands were told position {position}");
        }
    }
    let good = WRITERS * TASKS * COMMANDS / 2;
    assert!(acknowledged.len() as u64 > good, "only {} were accepted", acknowledged.len());
}
