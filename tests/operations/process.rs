//! An order that cannot go on: seen, understood step by step, tried again after the repair.

use serde_json::{Value, json};
use uuid::Uuid;

use super::broken::{Backdoor, as_json, run};
use crate::system::{Answer, Program, Shop, System, eventually};

const INSTANCES: &str = "operations/processes/fulfilment/instances";

#[tokio::test]
async fn an_order_that_cannot_go_on_is_seen_and_goes_on_after_its_repair() {
    let start = || Program::up("operations_process", &["--ephemeral"]);
    let mut program = tokio::task::spawn_blocking(start).await.unwrap();
    let system = System::of(&program).await;
    let (operator, auditor) = (system.operator(), system.auditor().await);
    let ada = system.ada().await;
    let shop = Shop::of(system.clone(), 5).await;
    let broken = shop.stocked(&json!({ "minor": 5, "currency": "GBP" }), 0).await;
    let backdoor = Backdoor::of(&program).await;
    backdoor.break_stream("stock", &broken.to_string(), "StockReceived").await;
    let order = ada.orders(broken, 1).await;
    let id = order.id().to_string();

    let is_parked = |page: &Answer| page["items"][0]["instance"] == id.as_str();
    let parked = format!("{INSTANCES}?state=parked");
    let seen = eventually(|| operator.get(&parked), is_parked).await;
    let one = &seen["items"][0];
    assert_eq!((&one["attempts"], &one["event_type"]), (&json!(5), &json!("OrderPlaced")), "{one}");
    let all = operator.get("operations/processes").await.ok();
    let fulfilment = all["items"].as_array().unwrap().iter();
    let fulfilment = fulfilment.clone().find(|process| process["name"] == "fulfilment").unwrap();
    assert_eq!((&fulfilment["parked"], &fulfilment["active"]), (&json!(1), &json!(true)));
    let ready = system.get("/readyz").await.ok();
    assert!(ready.body.to_string().contains("1 parked"), "{ready}");

    let path = format!("{INSTANCES}/{id}");
    let steps = operator.get(&path).await.ok();
    let reaction = &steps["reactions"][0];
    assert_eq!(reaction["state"], "parked", "{steps}");
    assert_eq!(reaction["steps"][0]["step"], "start", "{steps}");
    for stranger in [&ada, &auditor] {
        stranger.get(&path).await.refused(403, "forbidden");
        stranger.post(format!("{path}/retry"), json!({})).await.refused(403, "forbidden");
    }
    on_the_command_line(&program, &id);
    let failed_again = |page: &Answer| page["items"][0]["attempts"] == 10;
    eventually(|| operator.get(&parked), failed_again).await;

    backdoor.mend("stock", &broken.to_string(), &received(&shop, &auditor, broken).await).await;
    let retried = operator.post(format!("{path}/retry"), json!({})).await.accepted();
    assert_eq!(ada.settled(&order).await["status"], "CONFIRMED");
    eventually(|| operator.get(&parked), |page| page["items"] == json!([])).await;
    let steps = operator.get(&path).await.ok();
    let reaction = &steps["reactions"][0];
    assert_eq!((&reaction["state"], &steps["truncated"]), (&json!("done"), &json!(false)));
    let confirm = reaction["steps"].as_array().unwrap().iter();
    let confirm = confirm.clone().find(|step| step["step"] == "confirm").unwrap();
    assert_eq!(confirm["event_type"], "OrderConfirmed", "{confirm}");

    let event = format!("audit/events?after={}&limit=1", retried.position - 1);
    let event = auditor.get(event).after(&retried).await.ok();
    let event = &event["items"][0];
    assert_eq!(event["event_type"], "ProcessInstanceRetried", "{event}");
    assert_eq!(event["metadata"]["actor"], json!(operator.id), "{event}");
    operator.post(format!("{path}/retry"), json!({})).await.refused(409, "instance-not-parked");
    program.child.kill().unwrap();
}

/// What should have stood there: as it stands for another product.
async fn received(shop: &Shop, auditor: &crate::system::Client, product: Uuid) -> Value {
    let pattern = auditor.get(format!("audit/streams/stock/{}", shop.product)).await.ok();
    let pattern = pattern["items"][0]["payload"].to_string();
    serde_json::from_str(&pattern.replace(&shop.product.to_string(), &product.to_string())).unwrap()
}

fn on_the_command_line(program: &Program, id: &str) {
    let all = as_json(program, &["processes", "list"]);
    assert!(all.as_array().unwrap().iter().any(|one| one["parked"] == 1), "{all}");
    let parked = as_json(program, &["processes", "instances", "fulfilment", "--state", "parked"]);
    assert_eq!(parked[0]["instance"], id, "{parked}");
    let (status, table) = run(program, &["processes", "steps", "fulfilment", id]);
    assert!(status == Some(0) && table.starts_with("OrderPlaced at "), "{table}");
    assert!(table.contains("start") && table.contains("FulfilmentStarted"), "{table}");
    let (status, said) = run(program, &["processes", "retry", "fulfilment", id]);
    assert_eq!((status, said), (Some(0), format!("{id} is tried again.\n")));
    assert_eq!(run(program, &["processes", "retry", "fulfilment", "nobody"]).0, Some(1));
    assert_eq!(run(program, &["processes", "steps", "nothing", id]).0, Some(1));
    assert_eq!(run(program, &["processes", "steps", "fulfilment"]).0, Some(2));
}
