use uuid::Uuid;

use super::{Lease, Plan, WorkerRow, plan};

const ADA: Uuid = Uuid::from_u128(1);
const BOB: Uuid = Uuid::from_u128(2);

fn lease(name: &str, holder: Option<Uuid>, free_seconds: f64) -> Lease {
    Lease { name: name.to_owned(), version: 1, holder, free_seconds }
}

fn worker(id: Uuid, names: &[&str]) -> WorkerRow {
    WorkerRow { id, serves: names.iter().map(|name| format!("{name}/1")).collect() }
}

fn taking(names: &[&str]) -> Plan {
    let take = names.iter().map(|name| ((*name).to_owned(), 1)).collect();
    Plan { take, hand_over: None }
}

#[test]
fn a_worker_alone_takes_everything_it_serves() {
    let leases = [lease("a", None, 0.0), lease("b", None, 0.0), lease("c", None, 0.0)];
    assert_eq!(plan(ADA, &leases, &[worker(ADA, &["a", "b"])]), taking(&["a", "b"]));
}

#[test]
fn free_leases_are_shared_out_evenly() {
    let leases = [lease("a", None, 0.0), lease("b", None, 0.0), lease("c", Some(ADA), -3.0)];
    let workers = [worker(ADA, &["a", "b", "c"]), worker(BOB, &["a", "b", "c"])];
    assert_eq!(plan(ADA, &leases, &workers), taking(&["b"]));
    assert_eq!(plan(BOB, &leases, &workers), taking(&["a"]));
}

#[test]
fn what_nobody_else_takes_is_taken_by_anybody() {
    let leases = [lease("a", Some(BOB), 1.5), lease("c", Some(ADA), -3.0)];
    let workers = [worker(ADA, &["a", "c"]), worker(BOB, &["a", "c"])];
    assert_eq!(plan(ADA, &leases, &workers), taking(&["a"]));
}

#[test]
fn a_newcomer_is_given_work_by_whoever_has_two_more() {
    let leases = [lease("a", Some(ADA), -3.0), lease("b", Some(ADA), -3.0)];
    let workers = [worker(ADA, &["a", "b"]), worker(BOB, &["a", "b"])];
    let plan = plan(ADA, &leases, &workers);
    assert_eq!(plan, Plan { take: vec![], hand_over: Some(("b".to_owned(), 1)) });
}

#[test]
fn work_only_one_can_do_stays_with_it() {
    let leases = [lease("a", Some(ADA), -3.0), lease("b", Some(ADA), -3.0)];
    let workers = [worker(ADA, &["a", "b"]), worker(BOB, &["c"])];
    assert_eq!(plan(ADA, &leases, &workers), taking(&[]));
}
