//! What operators see of a process at work.

use domain::fulfilment::State;
use domain::samples::{order, product};

use super::gate::Gate;
use super::{Shop, program, run};
use crate::{InstanceState, ProcessStatus, Steps};

async fn status(shop: &Shop) -> ProcessStatus {
    let all = crate::status(shop.log.pool()).await.expect("the status can be read");
    let fulfilment = all.into_iter().find(|process| process.name == "fulfilment");
    fulfilment.expect("the fulfilment is installed")
}

async fn steps(shop: &Shop) -> Steps {
    let steps = crate::steps(shop.log.pool(), "fulfilment", &order(1).to_string()).await;
    steps.expect("the steps can be read")
}

#[tokio::test]
async fn an_order_that_takes_long_is_seen_at_work_and_then_step_by_step() {
    let shop = Shop::open().await;
    let mut gate = Gate::close(&shop.url, "process:fulfilment").await;
    let running = run(&program(&shop.url).await);
    shop.receive(product(1), 10).await;
    shop.place(order(1), &[(product(1), 4), (product(2), 1)]).await;
    gate.somebody_waits().await;
    let at_work = async || {
        let state = Some(InstanceState::Running);
        let found = crate::instances(shop.log.pool(), "fulfilment", state, None, 10).await;
        found.expect("what is under way can be read")
    };
    shop.until("it is seen", async || !at_work().await.is_empty()).await;
    let [one] = &at_work().await[..] else { panic!("{:?}", at_work().await) };
    assert_eq!((&one.instance, one.event_type.as_str()), (&order(1).to_string(), "OrderPlaced"));
    let seen = status(&shop).await;
    assert!(seen.active && seen.running == 1 && seen.lag_events > 0, "{seen:?}");
    assert_eq!(steps(&shop).await.reactions[0].state, "running");

    gate.open().await;
    shop.until_state(order(1), State::Released).await;
    shop.until("it is over", async || at_work().await.is_empty()).await;
    let steps = steps(&shop).await;
    let [placed] = &steps.reactions[..] else { panic!("{steps:?}") };
    assert_eq!((placed.event_type.as_str(), placed.state.as_str()), ("OrderPlaced", "done"));
    let names: Vec<&str> = placed.steps.iter().map(|step| step.step.as_str()).collect();
    assert_eq!((names[0], *names.last().expect("it has steps")), ("start", "reject"));
    let reserved = format!("reserve:{}", product(1));
    let reserved = placed.steps.iter().find(|step| step.step == reserved);
    let reserved = reserved.expect("it asked for what there was");
    assert_eq!(reserved.event_type.as_deref(), Some("StockReserved"), "{reserved:?}");
    assert_eq!(reserved.aggregate_id, product(1).to_string());
    assert!(placed.steps.is_sorted_by_key(|step| step.at) && !steps.truncated, "{steps:?}");
    drop(running);
}

#[tokio::test]
async fn a_process_that_no_program_runs_says_so() {
    let shop = Shop::open().await;
    shop.receive(product(1), 10).await;
    let seen = status(&shop).await;
    assert!(!seen.active && seen.running == 0 && !seen.stalled, "{seen:?}");
    assert_eq!(seen.lag_events, 1, "{seen:?}");
    let _running = run(&program(&shop.url).await);
    shop.until("it is run", async || status(&shop).await.active).await;
}
