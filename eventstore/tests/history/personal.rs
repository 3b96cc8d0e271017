//! Personal data: sealed on every disk, opened for those who may, gone when erased.

use std::time::{Duration, Instant};

use eventstore::append::{Append, Verdict};
use eventstore::personal::{PersonalError, PersonalKeys, RootKeys, Rotation};
use eventstore::{Log, StreamId};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{command, position, support};

const ROOTS: RootKeys = RootKeys { master: [1; 32], lookup: [2; 32] };

fn ada() -> Uuid {
    Uuid::from_u128(0xada)
}

fn named(subject: Uuid, name: &str) -> String {
    json!({"type": "Named", "name": {"personal": {"subject": subject, "value": name}}}).to_string()
}

async fn keys() -> (String, PersonalKeys) {
    let url = support::database();
    let keys = another_process(&url).await;
    (url, keys)
}

async fn another_process(url: &str) -> PersonalKeys {
    PersonalKeys::new(support::connect(url).await, ROOTS)
}

/// Appends an event about a person as the executor would.
async fn record(log: &Log, key: &str, expected: i64, payload: String) -> Verdict {
    let sealed = log.personal().seal_text(payload).await.unwrap();
    let mut append = command(key, "ada", expected, 1);
    append.writes[0].events[0].payload = sealed.json;
    append.subjects = sealed.subjects;
    log.append(append).await.unwrap()
}

async fn erase(log: &Log, key: &str, expected: i64, subject: Uuid) {
    let append = Append { erased: vec![subject], ..command(key, "ada", expected, 1) };
    position(&log.append(append).await.unwrap());
}

async fn count(pool: &PgPool, table: &str) -> i64 {
    sqlx::query_scalar(&format!("select count(*) from eventstore.{table}"))
        .fetch_one(pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn what_one_process_seals_another_opens() {
    let (url, keys) = keys().await;
    let sealed = keys.seal_text(named(ada(), "Ada Lovelace")).await.unwrap();
    assert_eq!(sealed.subjects, [ada()]);
    assert!(!sealed.json.contains("Lovelace"), "{}", sealed.json);

    let opened = another_process(&url).await.open_text(&sealed.json).await.unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&opened).unwrap(),
        serde_json::from_str::<Value>(&named(ada(), "Ada Lovelace")).unwrap()
    );
}

#[tokio::test]
async fn text_without_personal_values_is_not_touched() {
    let (_, keys) = keys().await;
    let text = "{\"b\": 1.50,\n \"a\":\"not \\\"personal\\\": at all\"}".to_owned();
    let sealed = keys.seal_text(text.clone()).await.unwrap();
    assert_eq!((sealed.json, sealed.subjects), (text.clone(), vec![]));
    assert_eq!(keys.open_text(&text).await.unwrap(), text);
}

#[tokio::test]
async fn a_new_person_gets_one_key_however_many_ask_at_once() {
    let (url, one) = keys().await;
    let other = another_process(&url).await;
    let subjects: Vec<Uuid> = (0..40).map(Uuid::from_u128).collect();
    let seals = subjects
        .iter()
        .flat_map(|subject| [&one, &other].map(|keys| keys.seal_text(named(*subject, "somebody"))));
    let sealed = futures::future::try_join_all(seals).await.unwrap();
    let third = another_process(&url).await;
    for sealed in sealed {
        let opened = third.open_text(&sealed.json).await.unwrap();
        assert!(opened.contains("somebody"), "{opened}");
    }
    assert_eq!(count(&support::connect(&url).await, "personal_keys").await, 40);
}

#[tokio::test]
async fn an_erased_person_is_unreadable_everywhere_within_two_seconds() {
    let url = support::database();
    let log = support::open(&url).await;
    record(&log, "1", 0, named(ada(), "Ada Lovelace")).await;
    let reader = another_process(&url).await;
    let stream = StreamId::new("thing", "ada");
    let stored = log.reader().stream(&stream, 0, 1).await.unwrap().remove(0).payload;
    assert!(reader.open_text(&stored).await.unwrap().contains("Lovelace"));

    erase(&log, "2", 1, ada()).await;
    let erased_at = Instant::now();
    let opened = loop {
        let opened = reader.open_text(&stored).await.unwrap();
        if !opened.contains("Lovelace") {
            break opened;
        }
        assert!(erased_at.elapsed() < Duration::from_secs(2), "still readable: {opened}");
        tokio::task::yield_now().await;
    };
    let opened: Value = serde_json::from_str(&opened).unwrap();
    assert_eq!(opened["name"], json!({"erased": {"subject": ada()}}));
}

#[tokio::test]
async fn nothing_more_is_recorded_about_an_erased_person() {
    let url = support::database();
    let log = support::open(&url).await;
    record(&log, "1", 0, named(ada(), "Ada")).await;
    erase(&log, "2", 1, ada()).await;

    // A process that still holds the key is turned away by the append.
    assert_eq!(record(&log, "3", 2, named(ada(), "Ada again")).await, Verdict::Erased);
    log.personal().forget(ada());
    let refused = log.personal().seal_text(named(ada(), "Ada again")).await;
    assert!(matches!(refused, Err(PersonalError::Erased(subject)) if subject == ada()));
}

#[tokio::test]
async fn erasing_somebody_unknown_leaves_a_tombstone() {
    let url = support::database();
    let log = support::open(&url).await;
    erase(&log, "1", 0, ada()).await;
    let refused = log.personal().seal_text(named(ada(), "Ada")).await;
    assert!(matches!(refused, Err(PersonalError::Erased(_))));
}

#[tokio::test]
async fn rotation_destroys_old_wrapping_keys_and_loses_nobody() {
    let url = support::database();
    let log = support::open(&url).await;
    let keys = log.personal();
    let bob = Uuid::from_u128(0xb0b);
    record(&log, "1", 0, named(ada(), "Ada")).await;
    let sealed = keys.seal_text(named(bob, "Bob")).await.unwrap().json;
    erase(&log, "2", 1, ada()).await;
    let before: Uuid = sqlx::query_scalar("select id from eventstore.wrapping_keys")
        .fetch_one(log.pool())
        .await
        .unwrap();

    let rotation = keys.rotate_now().await.unwrap();
    assert_eq!(rotation, Rotation { subjects_rewrapped: 1, wrapping_keys_destroyed: 1 });
    let left: Vec<Uuid> = sqlx::query_scalar("select id from eventstore.wrapping_keys")
        .fetch_all(log.pool())
        .await
        .unwrap();
    assert!(left.len() == 1 && left[0] != before);
    let opened = another_process(&url).await.open_text(&sealed).await.unwrap();
    assert!(opened.contains("Bob"));
}

#[tokio::test]
async fn a_fresh_wrapping_key_is_left_alone() {
    let (url, keys) = keys().await;
    keys.seal_text(named(ada(), "Ada")).await.unwrap();
    let nothing = Rotation { subjects_rewrapped: 0, wrapping_keys_destroyed: 0 };
    assert_eq!(keys.rotate().await.unwrap(), nothing);
    assert_eq!(count(&support::connect(&url).await, "wrapping_keys").await, 1);
}

#[tokio::test]
async fn a_process_that_missed_a_rotation_does_not_use_the_destroyed_key() {
    let (url, late) = keys().await;
    late.seal_text(named(ada(), "Ada")).await.unwrap();
    another_process(&url).await.rotate_now().await.unwrap();

    let sealed = late.seal_text(named(Uuid::from_u128(1), "somebody new")).await.unwrap();
    let opened = another_process(&url).await.open_text(&sealed.json).await.unwrap();
    assert!(opened.contains("somebody new"));
}

#[tokio::test]
async fn wrapping_keys_can_be_kept_where_no_backup_takes_them() {
    let url = support::database();
    let directory = std::env::temp_dir().join(format!("daybook-keys-{}", Uuid::new_v4()));
    let pool = support::connect(&url).await;
    let keys = PersonalKeys::with_key_directory(pool.clone(), ROOTS, directory.clone());
    let sealed = keys.seal_text(named(ada(), "Ada")).await.unwrap().json;
    let names = || -> Vec<_> {
        std::fs::read_dir(&directory).unwrap().map(|file| file.unwrap().file_name()).collect()
    };
    let before = names();
    let in_database: i64 = sqlx::query_scalar(
        "select count(*) from eventstore.wrapping_keys where wrapped is not null",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!((before.len(), in_database), (1, 0));

    keys.rotate_now().await.unwrap();
    let after = names();
    assert!(after.len() == 1 && after != before);
    let other = PersonalKeys::with_key_directory(pool.clone(), ROOTS, directory.clone());
    assert!(other.open_text(&sealed).await.unwrap().contains("Ada"));

    // Whoever has database and root key, but not the directory, has nothing.
    let thief = PersonalKeys::new(pool, ROOTS).open_text(&sealed).await;
    assert!(matches!(thief, Err(PersonalError::WrappingKey(_))));
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn another_root_key_opens_nothing() {
    let (url, keys) = keys().await;
    let sealed = keys.seal_text(named(ada(), "Ada")).await.unwrap().json;
    let roots = RootKeys { master: [9; 32], ..ROOTS };
    let foreign = PersonalKeys::new(support::connect(&url).await, roots);
    assert!(matches!(foreign.open_text(&sealed).await, Err(PersonalError::WrappingKey(_))));
}

#[tokio::test]
async fn lookups_depend_on_the_key_the_kind_and_the_value() {
    let (url, keys) = keys().await;
    let hash = keys.lookup_hash("email", "ada@example.org");
    assert_eq!(hash, another_process(&url).await.lookup_hash("email", "ada@example.org"));
    assert_ne!(hash, keys.lookup_hash("email", "bob@example.org"));
    assert_ne!(hash, keys.lookup_hash("phone", "ada@example.org"));
    let roots = RootKeys { lookup: [3; 32], ..ROOTS };
    let foreign = PersonalKeys::new(support::connect(&url).await, roots);
    assert_ne!(hash, foreign.lookup_hash("email", "ada@example.org"));
}

#[tokio::test]
async fn a_restored_key_of_an_erased_person_is_destroyed_again() {
    let url = support::database();
    let log = support::open(&url).await;
    let sealed = log.personal().seal_text(named(ada(), "Ada")).await.unwrap().json;
    let mut append = command("1", &ada().to_string(), 0, 1);
    append.writes[0].stream = StreamId::new("account", ada().to_string());
    append.writes[0].events[0].event_type = "AccountErased".to_owned();
    position(&log.append(append).await.unwrap());

    // As after a restore: the log knows of the erasure, but the key is there.
    let keys = another_process(&url).await;
    assert!(keys.open_text(&sealed).await.unwrap().contains("Ada"));
    assert_eq!(keys.erase_again().await.unwrap(), 1);
    assert_eq!(keys.erase_again().await.unwrap(), 0);
    keys.forget(ada());
    assert!(!keys.open_text(&sealed).await.unwrap().contains("Ada"));
}
