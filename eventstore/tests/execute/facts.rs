//! Decisions on facts of other streams.

use std::time::Duration;

use domain::AccountId;
use domain::rating::{Rating, RatingId, Refusal};
use eventstore::{Decision, ExecuteError, Log, Receipt};
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{context, execute, rate, rating, support, withdraw};

const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_command_is_prepared_again_when_a_fact_changed() {
    let url = support::database();
    let (one, two) = (support::open(&url).await, support::open(&url).await);
    let other = RatingId { reader: AccountId::from(Uuid::from_u128(9)), ..rating() };
    execute(&one, "fact", rate(8)).await.unwrap();
    two.load::<Rating>(rating()).await.unwrap();
    execute(&one, "changed", rate(9)).await.unwrap();

    let seen = std::sync::Mutex::new(Vec::new());
    let receipt = two
        .decide::<Rating, _, _, ExecuteError<Refusal>>(&context("a"), |facts| {
            let seen = &seen;
            async move {
                let fact = facts.load::<Rating>(rating()).await?;
                seen.lock().unwrap().push(fact.sequence);
                Ok(Decision::new(other, rate(1)))
            }
        })
        .await
        .unwrap();
    assert_eq!(receipt.position, 3);
    assert_eq!(seen.into_inner().unwrap(), [1, 2], "first the stale fact, then the true one");
}

/// A process that once saw that there is no such thing must not go on saying so.
#[tokio::test]
async fn a_refusal_on_a_stale_fact_is_prepared_again() {
    let url = support::database();
    let (one, two) = (support::open(&url).await, support::open(&url).await);
    let other = RatingId { reader: AccountId::from(Uuid::from_u128(9)), ..rating() };
    let ask = |key: &'static str| {
        let two = two.clone();
        async move {
            two.decide::<Rating, _, _, ExecuteError<Refusal>>(&context(key), |facts| async move {
                match facts.load::<Rating>(rating()).await?.is_new() {
                    true => Err(ExecuteError::Invalid("there is none".to_owned())),
                    false => Ok(Decision::new(other, rate(1))),
                }
            })
            .await
        }
    };
    assert!(matches!(ask("a").await.unwrap_err(), ExecuteError::Invalid(_)));
    execute(&one, "made", rate(8)).await.unwrap();
    assert_eq!(ask("b").await.unwrap().position, 2);
}

/// Rates something else, if the first is rated.
async fn follow(log: Log, key: &'static str) -> Result<Receipt, ExecuteError<Refusal>> {
    let other = RatingId { reader: AccountId::from(Uuid::from_u128(9)), ..rating() };
    log.decide::<Rating, _, _, _>(&context(key), |facts| async move {
        match facts.load::<Rating>(rating()).await?.state == Rating::default() {
            true => Err(ExecuteError::Invalid("there is none".to_owned())),
            false => Ok(Decision::new(other, rate(1))),
        }
    })
    .await
}

/// Waits until so many sessions of this database stand in line for the append lock.
async fn in_line(session: &mut PgConnection, sessions: i64) {
    let waiting = async {
        loop {
            let waiting: i64 = sqlx::query_scalar(
                "select count(*) from pg_locks where locktype = 'advisory' and not granted
                    and database = (select oid from pg_database where datname = current_database())",
            )
            .fetch_one(&mut *session)
            .await
            .unwrap();
            if waiting == sessions {
                return;
            }
        }
    };
    timeout(DEADLINE, waiting).await.expect("they do not come");
}

async fn hold_appends(session: &mut PgConnection) {
    sqlx::query("select pg_advisory_lock(7236837427)").execute(session).await.unwrap();
}

async fn let_appends_go(session: &mut PgConnection) {
    sqlx::query("select pg_advisory_unlock(7236837427)").execute(session).await.unwrap();
}

/// `two` is about to withdraw what `one` has changed meanwhile: the log will not have it so, and for
/// a while the sequence that `two` expects is the log's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_refused_for_what_is_merely_about_to_be_appended() {
    let url = support::database();
    let (one, two) = (support::open(&url).await, support::open(&url).await);
    execute(&one, "a", rate(8)).await.unwrap();
    two.load::<Rating>(rating()).await.unwrap();
    let (mut first, mut second, mut watch) = (
        PgConnection::connect(&url).await.unwrap(),
        PgConnection::connect(&url).await.unwrap(),
        PgConnection::connect(&url).await.unwrap(),
    );
    hold_appends(&mut first).await;
    let changing = tokio::spawn(async move { execute(&one, "b", rate(3)).await });
    in_line(&mut watch, 1).await;
    let holding = tokio::spawn(async move {
        hold_appends(&mut second).await;
        second
    });
    in_line(&mut watch, 2).await;
    let withdrawing = {
        let two = two.clone();
        tokio::spawn(async move { execute(&two, "c", withdraw()).await })
    };
    in_line(&mut watch, 3).await;
    let_appends_go(&mut first).await;
    changing.await.unwrap().unwrap();
    let mut second = holding.await.unwrap();

    let mut following = tokio::spawn(follow(two, "d"));
    let soon = timeout(Duration::from_millis(100), &mut following).await;
    assert!(soon.is_err(), "nobody can know yet, and it says {soon:?}");
    let_appends_go(&mut second).await;

    withdrawing.await.unwrap().unwrap();
    let told = following.await.unwrap();
    match told {
        // Before or after the withdrawal, which has its place in the log now.
        Ok(receipt) => assert_eq!(receipt.position, 3),
        Err(ExecuteError::Invalid(_)) => {}
        Err(error) => panic!("{error:?}"),
    }
}
