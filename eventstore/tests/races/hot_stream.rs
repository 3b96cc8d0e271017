//! Several processes, 64 committers in each, one stream: nothing is lost and nothing is mixed up.

use std::collections::HashMap;

use domain::samples::{product, quantity};
use domain::stock::{Command, Event, Stock};
use eventstore::{Context, StreamId};
use futures::future::join_all;
use serde::{Deserialize, Serialize};

use crate::children::{Task, race};
use crate::support;

pub const COMMITTERS: &str = "committers";

const PROCESSES: u64 = 3;
const COMMITTERS_EACH: u64 = 64;
const ROUNDS: u64 = 4;

#[derive(Serialize, Deserialize)]
struct Acknowledged {
    key: String,
    pieces: u32,
    sequence: i64,
    position: i64,
}

pub async fn commit(task: Task) {
    let log = support::open(&task.url).await;
    log.load::<Stock>(product(1)).await.unwrap();
    task.ready().await;
    let committers = (0..COMMITTERS_EACH).map(|committer| {
        let (log, process) = (log.clone(), task.number);
        tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            for round in 0..ROUNDS {
                let key = format!("{process}-{committer}-{round}");
                let pieces = (1 + process * 1_000 + committer * 10 + round) as u32;
                let at = domain::samples::at(0);
                let command = Command::Receive {
                    product: product(1),
                    quantity: quantity(pieces),
                    reason: None,
                    at,
                };
                let context = Context::system("race", key.clone(), at);
                let receipt = log.execute::<Stock>(product(1), command, &context).await.unwrap();
                assert!(!receipt.unchanged && !receipt.replayed, "{receipt:?}");
                let (sequence, position) = (receipt.sequence, receipt.position);
                acknowledged.push(Acknowledged { key, pieces, sequence, position });
            }
            acknowledged
        })
    });
    for acknowledged in join_all(committers).await {
        acknowledged.unwrap().iter().for_each(|one| task.report(one));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hot_stream_of_several_processes_loses_nothing() {
    let url = support::database();
    let acknowledged: Vec<Acknowledged> = race(COMMITTERS, &url, PROCESSES, 0).await;

    let log = support::open(&url).await;
    let stream = StreamId::new("stock", product(1).to_string());
    let events = log.reader().stream(&stream, 0, i64::MAX).await.unwrap();
    let commands = (PROCESSES * COMMITTERS_EACH * ROUNDS) as usize;
    assert_eq!((acknowledged.len(), events.len()), (commands, commands));
    assert_eq!(log.reader().head().await.unwrap(), commands as i64, "there is nothing else");

    let mut told: HashMap<i64, Acknowledged> = HashMap::new();
    for one in acknowledged {
        let twice = told.insert(one.sequence, one);
        assert!(twice.is_none(), "two were told the same sequence");
    }
    let mut on_hand = 0;
    for event in &events {
        let one = &told[&event.sequence];
        assert_eq!(event.position, one.position);
        assert_eq!(event.metadata()["command_id"], one.key, "it is another command's event");
        on_hand += i64::from(one.pieces);
        let Event::StockReceived { quantity, level, .. } = event.decode().unwrap() else {
            panic!("{event:?}");
        };
        assert_eq!((quantity.get(), level.on_hand), (one.pieces, on_hand), "{event:?}");
    }
}
