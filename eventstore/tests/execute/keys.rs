//! Keys, and the answers that are kept under them.

use domain::rating::{Rating, Refusal};
use eventstore::{Decision, ExecuteError};

use crate::{context, execute, rate, rating, support, withdraw};

#[tokio::test]
async fn answers_are_stored_with_their_key() {
    let url = support::database();
    let (log, other) = (support::open(&url).await, support::open(&url).await);
    let first = execute(&log, "a", rate(8)).await.unwrap();
    execute(&log, "b", withdraw()).await.unwrap();

    let replayed = execute(&log, "a", rate(8)).await.unwrap();
    assert!(replayed.replayed);
    assert_eq!((replayed.position, replayed.sequence), (first.position, first.sequence));

    let no = execute(&log, "c", withdraw()).await.unwrap_err();
    assert!(matches!(no, ExecuteError::Refused { replayed: false, .. }));
    execute(&log, "d", rate(5)).await.unwrap();
    let still_no = execute(&other, "c", withdraw()).await.unwrap_err();
    assert!(matches!(still_no, ExecuteError::Refused { replayed: true, .. }), "{still_no:?}");

    let unchanged = execute(&log, "e", rate(5)).await.unwrap();
    assert!(unchanged.unchanged);
    execute(&log, "f", rate(6)).await.unwrap();
    assert!(execute(&log, "e", rate(5)).await.unwrap().unchanged, "the stored answer stands");
}

#[tokio::test]
async fn a_key_belongs_to_one_payload() {
    let log = support::log().await;
    let mut first = context("a");
    first.fingerprint = b"score 8".to_vec();
    log.execute::<Rating>(rating(), rate(8), &first).await.unwrap();
    first.fingerprint = b"score 3".to_vec();
    let reused = log.execute::<Rating>(rating(), rate(3), &first).await.unwrap_err();
    assert!(matches!(reused, ExecuteError::KeyReused));
    let kept: Vec<u8> = sqlx::query_scalar("select fingerprint from eventstore.commands")
        .fetch_one(log.pool())
        .await
        .unwrap();
    assert!(!kept.windows(5).any(|bytes| bytes == b"score"), "only a keyed hash may be kept");
}

#[tokio::test]
async fn the_same_key_at_the_same_time_is_in_progress() {
    let log = support::log().await;
    let (first, second) = tokio::join!(execute(&log, "a", rate(8)), execute(&log, "a", rate(8)));
    first.unwrap();
    assert!(matches!(second.unwrap_err(), ExecuteError::KeyInProgress));
}

#[tokio::test]
async fn a_caller_may_insist_on_a_version() {
    let url = support::database();
    let (one, two) = (support::open(&url).await, support::open(&url).await);
    execute(&one, "a", rate(8)).await.unwrap();
    execute(&two, "b", rate(8)).await.unwrap();
    execute(&one, "c", rate(3)).await.unwrap();
    let expecting = |key: &str, sequence| {
        let mut context = context(key);
        context.expected = Some(sequence);
        context
    };
    let stale = two.execute::<Rating>(rating(), rate(9), &expecting("d", 1)).await.unwrap_err();
    assert!(matches!(stale, ExecuteError::Version { current: 2 }), "{stale:?}");
    let right = two.execute::<Rating>(rating(), rate(9), &expecting("e", 2)).await.unwrap();
    assert_eq!(right.sequence, 3);
}

#[tokio::test]
async fn an_answer_outlives_the_facts_it_was_decided_on() {
    let log = support::log().await;
    let ask = |exists: bool| {
        let log = log.clone();
        async move {
            log.decide::<Rating, _, _, ExecuteError<Refusal>>(&context("a"), |_| async move {
                match exists {
                    true => Ok(Decision::new(rating(), rate(8))),
                    false => Err(ExecuteError::Invalid("no such book".to_owned())),
                }
            })
            .await
        }
    };
    let first = ask(true).await.unwrap();
    let again = ask(false).await.unwrap();
    assert_eq!((again.position, again.replayed), (first.position, true));
}

#[tokio::test]
async fn text_with_a_nul_is_refused_before_it_is_stored() {
    let log = support::log().await;
    let mut nul = context("a");
    nul.metadata.insert("traceparent".to_owned(), "a\0b".to_owned());
    let refused = log.execute::<Rating>(rating(), rate(8), &nul).await.unwrap_err();
    assert!(matches!(refused, ExecuteError::Invalid(_)), "{refused:?}");
    assert_eq!(log.reader().head().await.unwrap(), 0);
    execute(&log, "b", rate(8)).await.unwrap();
}
