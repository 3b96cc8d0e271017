//! Signed checkpoints show what the chain alone cannot.

use std::path::{Path, PathBuf};
use std::time::Duration;

use eventstore::Log;
use eventstore::checkpoint::{
    CheckpointError, CheckpointKey, Checkpoints, EVERY, Receiver, newest, read_checkpoints,
};
use eventstore::export::export;
use eventstore::verify::{Fault, Range, verify, verify_export};
use futures::TryStreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{command, history, support, tamper};

fn file() -> PathBuf {
    std::env::temp_dir().join(format!("daybook-checkpoints-{}.jsonl", uuid::Uuid::new_v4()))
}

fn key() -> CheckpointKey {
    CheckpointKey::from_seed([5; 32])
}

fn keeper(log: &Log, receivers: Vec<Receiver>) -> Checkpoints {
    Checkpoints::new(log.reader().clone(), key(), receivers)
}

/// A history of 20 events with a checkpoint at its end, and the file it went to.
async fn vouched_for() -> (Log, PathBuf) {
    let (log, file) = (support::log().await, file());
    history(&log).await;
    let keeper = keeper(&log, vec![Receiver::File(file.clone())]);
    let checkpoint = keeper.keep_once(EVERY).await.unwrap().unwrap();
    assert_eq!(checkpoint.position, 20);
    (log, file)
}

async fn broken(log: &Log, file: &Path) -> (i64, Fault) {
    let checkpoints = read_checkpoints(file, Some(&key().public_key())).unwrap();
    let verification = verify(log.reader(), Range::WHOLE, &checkpoints, |_| ()).await.unwrap();
    let broken = verification.broken.unwrap();
    (broken.position, broken.what)
}

/// Computes the chain anew from the events there are, as only the owner of a database can.
async fn recompute(log: &Log) {
    tamper(
        log,
        "update eventstore.commits c set hash = n.hash
         from (with recursive chain as (
                   select 0::bigint as last, decode(repeat('00', 32), 'hex') as hash
                   union all
                   select c.last_position, sha256(chain.hash || (
                       select string_agg(sha256(sha256(
                           int4send(length(aggregate_type)) || convert_to(aggregate_type, 'utf8') ||
                           int4send(length(aggregate_id)) || convert_to(aggregate_id, 'utf8') ||
                           int4send(length(sequence::text)) || convert_to(sequence::text, 'utf8') ||
                           int4send(length(event_type)) || convert_to(event_type, 'utf8') ||
                           int4send(length(event_version)) || convert_to(event_version, 'utf8') ||
                           int4send(length(payload::text)) || convert_to(payload::text, 'utf8') ||
                           int4send(length(metadata::text)) || convert_to(metadata::text, 'utf8'))
                           || int8send(position) || timestamptz_send(recorded_at)), ''::bytea
                           order by position)
                       from eventstore.events
                       where position between c.first_position and c.last_position))
                   from chain join eventstore.commits c on c.first_position = chain.last + 1)
               select last, hash from chain) n
         where c.last_position = n.last",
    )
    .await;
}

#[tokio::test]
async fn a_log_agrees_with_its_checkpoints() {
    let (log, file) = vouched_for().await;
    log.append(command("later", "later", 0, 2)).await.unwrap();
    let checkpoints = read_checkpoints(&file, Some(&key().public_key())).unwrap();
    let verification = verify(log.reader(), Range::WHOLE, &checkpoints, |_| ()).await.unwrap();
    assert!(verification.ok);
    assert_eq!((verification.checkpoints, verification.until), (1, 22));
}

#[tokio::test]
async fn a_chain_that_was_recomputed_as_a_whole_contradicts_the_checkpoint() {
    let (log, file) = vouched_for().await;
    tamper(&log, "update eventstore.events set payload = '{\"key\":\"x\"}' where position = 7")
        .await;
    recompute(&log).await;
    let alone = verify(log.reader(), Range::WHOLE, &[], |_| ()).await.unwrap();
    assert_eq!(alone.broken, None, "the forgery is perfect");
    assert_eq!(broken(&log, &file).await, (20, Fault::Checkpoint));
}

#[tokio::test]
async fn a_log_cut_at_its_end_contradicts_the_checkpoint() {
    let (log, file) = vouched_for().await;
    tamper(
        &log,
        "delete from eventstore.events e using eventstore.commits c
                  where c.last_position = 20 and e.position >= c.first_position",
    )
    .await;
    tamper(&log, "delete from eventstore.commits where last_position = 20").await;
    assert_eq!(broken(&log, &file).await, (20, Fault::Checkpoint));
}

#[tokio::test]
async fn an_export_is_verified_against_checkpoints_offline() {
    let (log, file) = vouched_for().await;
    let lines: String = export(log.reader().clone(), 0, None).try_collect().await.unwrap();
    let checkpoints = read_checkpoints(&file, None).unwrap();
    let verification = verify_export(lines.as_bytes(), &checkpoints, |_| ()).unwrap();
    assert!(verification.ok && verification.checkpoints == 1);

    tamper(&log, "update eventstore.events set payload = '{\"key\":\"x\"}' where position = 7")
        .await;
    recompute(&log).await;
    let forged: String = export(log.reader().clone(), 0, None).try_collect().await.unwrap();
    let verification = verify_export(forged.as_bytes(), &checkpoints, |_| ()).unwrap();
    assert_eq!(verification.broken.unwrap().what, Fault::Checkpoint);
}

#[tokio::test]
async fn what_does_not_verify_is_not_signed() {
    let log = support::log().await;
    history(&log).await;
    tamper(&log, "update eventstore.events set payload = '{}' where position = 7").await;
    let refused = keeper(&log, Vec::new()).keep_once(EVERY).await;
    assert!(matches!(refused, Err(CheckpointError::Broken(_))));
}

#[tokio::test]
async fn there_is_one_checkpoint_an_hour_and_only_if_the_log_grew() {
    let (log, _) = vouched_for().await;
    let keeper = keeper(&log, Vec::new());
    assert_eq!(keeper.keep_once(Duration::ZERO).await.unwrap(), None, "nothing new");
    log.append(command("later", "later", 0, 2)).await.unwrap();
    assert_eq!(keeper.keep_once(EVERY).await.unwrap(), None, "not yet an hour");
    let next = keeper.keep_once(Duration::ZERO).await.unwrap().unwrap();
    assert_eq!(next.position, 22);
    let kept = newest(log.reader(), i64::MAX, 10).await.unwrap();
    assert_eq!(kept.iter().map(|point| point.position).collect::<Vec<_>>(), [22, 20]);
}

#[tokio::test]
async fn a_file_signed_by_somebody_else_is_refused() {
    let (_, file) = vouched_for().await;
    let other = CheckpointKey::from_seed([6; 32]).public_key();
    assert!(read_checkpoints(&file, Some(&other)).is_err());
    let changed =
        std::fs::read_to_string(&file).unwrap().replace("\"position\":20", "\"position\":2");
    std::fs::write(&file, changed).unwrap();
    assert!(read_checkpoints(&file, None).is_err());
}

#[tokio::test]
async fn a_receiver_that_was_away_gets_what_it_missed() {
    let log = support::log().await;
    history(&log).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/checkpoints", listener.local_addr().unwrap());
    let keeper = keeper(&log, vec![Receiver::parse(&url)]);

    let answers = tokio::spawn(async move {
        let mut bodies = Vec::new();
        for status in ["503 Service Unavailable", "204 No Content"] {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = String::new();
            while !request.ends_with('}') {
                let mut buffer = [0; 4096];
                let read = socket.read(&mut buffer).await.unwrap();
                request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
            }
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            socket.write_all(answer.as_bytes()).await.unwrap();
            bodies.push(request.split_once("\r\n\r\n").unwrap().1.to_owned());
        }
        bodies
    });
    assert!(matches!(keeper.keep_once(EVERY).await, Err(CheckpointError::Http(_))));
    assert_eq!(keeper.keep_once(EVERY).await.unwrap(), None, "made before, delivered now");
    let bodies = answers.await.unwrap();
    assert_eq!(bodies[0], bodies[1]);
    let checkpoint: eventstore::checkpoint::Checkpoint = serde_json::from_str(&bodies[1]).unwrap();
    assert!(checkpoint.is_signed_by(&key().public_key()));
}
