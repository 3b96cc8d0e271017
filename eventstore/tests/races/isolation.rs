//! A database whose sessions see an old state unless they say otherwise.

use domain::rating::{Rating, Refusal, samples};
use domain::samples::at;
use eventstore::{Context, ExecuteError, Log};
use futures::future::join_all;
use sqlx::{Connection, PgConnection};

use crate::support;

/// Whoever waited for the lock must decide on what those before it committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_see_what_was_committed_whatever_the_default_isolation_is() {
    let url = support::database();
    let mut session = PgConnection::connect(&url).await.unwrap();
    for default in ["repeatable read", "serializable"] {
        let statement = format!(
            "do $$ begin execute format('alter database %I set default_transaction_isolation = %L',
                                        current_database(), '{default}'); end $$"
        );
        sqlx::query(&statement).execute(&mut session).await.unwrap();
        let logs = [support::open(&url).await, support::open(&url).await];
        let asked = (0..100_u8).map(|number| ask(&logs[usize::from(number % 2)], default, number));
        let changes: usize = join_all(asked).await.into_iter().sum();
        let head = logs[0].reader().head().await.unwrap();
        assert!(changes > 0 && head > 0);
        let stream = eventstore::StreamId::new("rating", samples::rating().to_string());
        let events = logs[0].reader().stream(&stream, 0, 1_000).await.unwrap();
        let withdrawn_twice = events
            .windows(2)
            .any(|pair| pair.iter().all(|event| event.event_type == "RatingWithdrawn"));
        assert!(!withdrawn_twice, "{default}: what was withdrawn cannot be withdrawn again");
    }
}

/// How many events came of it.
async fn ask(log: &Log, default: &str, number: u8) -> usize {
    let context = Context::system("race", format!("{default} {number}"), at(0));
    let command = match number % 3 {
        0 => samples::withdraw(),
        _ => samples::rate(number % 11),
    };
    match log.execute::<Rating>(samples::rating(), command, &context).await {
        Ok(receipt) => usize::from(!receipt.unchanged),
        Err(ExecuteError::Refused { refusal: Refusal::NothingToWithdraw, .. }) => 0,
        Err(error) => panic!("{default}: {error:?}"),
    }
}
