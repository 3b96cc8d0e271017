//! Programs that are killed, take over from each other, or run at the same time.

use domain::fulfilment::State;
use domain::order::Status;
use domain::samples::{order, product};

use super::gate::Gate;
use super::victim::Victim;
use crate::process::Process;

use super::{Shop, causes, program, run, unpaid};

/// Every commit of the fulfilment is a place to be killed at. At each of them one program is killed
/// whose commit then comes to nothing, and the next one after it was sent and before it was done.
/// Each knows only the log.
#[tokio::test]
async fn whatever_is_killed_at_any_step_the_next_program_finishes() {
    let shop = Shop::open().await;
    shop.receive(product(1), 10).await;
    shop.receive(product(2), 3).await;
    shop.place(order(1), &[(product(1), 4), (product(2), 1)]).await;
    shop.place(order(2), &[(product(1), 4), (product(2), 5)]).await;
    shop.place(order(3), &[(product(1), 2)]).await;
    shop.cancel(order(3)).await;

    let done = async || {
        shop.fulfilment(order(1)).await == State::Confirmed
            && shop.status(order(2)).await == Some(Status::Rejected)
            && shop.fulfilment(order(3)).await == State::Released
    };
    let mut gate = Gate::close(&shop.url, "process:fulfilment").await;
    let mut steps = 0;
    while !done().await {
        for goes_through in [false, true] {
            let victim = Victim::start(&shop.url);
            let waiting = gate.somebody_waits().await;
            drop(victim);
            let before = shop.head().await;
            match goes_through {
                false => gate.turn_back(waiting).await,
                true => gate.let_through(waiting).await,
            }
            let after = shop.head().await;
            assert!(goes_through || after == before, "a rolled back commit left something");
        }
        steps += 1;
        assert!(steps < 100, "it goes in circles");
    }
    assert!(steps >= 5, "there are more steps than {steps}");
    gate.open().await;
    // What was left undone is only what nobody can see any more.
    let _running = run(&shop.log);
    shop.until("everything is finished", async || {
        let head = shop.head().await;
        shop.checkpoint("fulfilment").await == head
    })
    .await;
    assert_eq!(shop.level(product(1)).await, (10, 4));
    assert_eq!(shop.level(product(2)).await, (3, 1));
    assert_eq!(shop.fulfilment(order(2)).await, State::Released);
}

/// Without taking turns, as after a lost connection that nobody has noticed.
#[tokio::test]
async fn two_programs_at_once_do_everything_once() {
    let shop = Shop::open().await;
    let other = program(&shop.url).await;
    shop.receive(product(1), 10).await;
    shop.receive(product(2), 1).await;
    shop.place(order(1), &[(product(1), 4), (product(2), 2)]).await;
    shop.place(order(2), &[(product(1), 3), (product(2), 1)]).await;

    for cause in causes(shop.log.reader()).await {
        let fulfilment = unpaid();
        let (one, two) =
            tokio::join!(fulfilment.react(&shop.log, &cause), fulfilment.react(&other, &cause));
        assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
    }
    assert_eq!(shop.status(order(1)).await, Some(Status::Rejected));
    assert_eq!(shop.fulfilment(order(1)).await, State::Released);
    assert_eq!(shop.fulfilment(order(2)).await, State::Confirmed);
    assert_eq!(shop.level(product(1)).await, (10, 3));
    assert_eq!(shop.level(product(2)).await, (1, 1));
}

#[tokio::test]
async fn doing_it_again_appends_nothing() {
    let shop = Shop::open().await;
    shop.receive(product(1), 10).await;
    shop.place(order(1), &[(product(1), 4), (product(2), 2)]).await;
    shop.place(order(2), &[(product(1), 4)]).await;
    shop.cancel(order(2)).await;
    let causes = causes(shop.log.reader()).await;
    assert_eq!(causes.len(), 3);
    for cause in &causes {
        unpaid().react(&shop.log, cause).await.expect("it works");
    }
    let head = shop.head().await;

    let other = program(&shop.url).await;
    for cause in &causes {
        unpaid().react(&other, cause).await.expect("it works again");
    }
    assert_eq!(shop.head().await, head);
}

#[tokio::test]
async fn only_one_program_at_a_time_is_active_and_another_takes_over() {
    let shop = Shop::open().await;
    let first = run(&program(&shop.url).await);
    shop.receive(product(1), 10).await;
    shop.place(order(1), &[(product(1), 1)]).await;
    shop.until_state(order(1), State::Confirmed).await;

    let _second = run(&program(&shop.url).await);
    drop(first);
    shop.place(order(2), &[(product(1), 1)]).await;
    shop.until_state(order(2), State::Confirmed).await;
    assert_eq!(shop.level(product(1)).await, (10, 2));
}
