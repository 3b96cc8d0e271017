//! Facts that are unique or scarce.

use domain::Claim;
use eventstore::append::{Append, Verdict};

use crate::{command, support};

#[tokio::test]
async fn a_unique_claim_has_one_holder_until_it_is_released() {
    let log = support::log().await;
    let take = |key: &str, holder: &str| {
        let mut append = command(key, key, 0, 1);
        append.claims = vec![Claim::Unique {
            kind: "email",
            key: "ada@example.org".to_owned(),
            holder: holder.to_owned(),
            personal: false,
        }];
        append
    };
    let (ada, eve) = tokio::join!(log.append(take("a", "ada")), log.append(take("e", "eve")));
    assert!(matches!(ada.unwrap(), Verdict::Appended(_)));
    assert_eq!(eve.unwrap(), Verdict::Taken { kind: "email".to_owned() });

    let mut release = command("release", "r", 0, 1);
    release.claims = vec![Claim::Release { kind: "email", holder: "ada".to_owned() }];
    log.append(release).await.unwrap();
    assert!(matches!(log.append(take("e2", "eve")).await.unwrap(), Verdict::Appended(_)));
}

#[tokio::test]
async fn places_run_out_and_come_back() {
    let log = support::log().await;
    let seat = |holder: &str| {
        let mut append = command(holder, holder, 0, 1);
        append.claims = vec![Claim::Place {
            kind: "seat",
            key: "course".to_owned(),
            holder: holder.to_owned(),
        }];
        append
    };
    let mut capacity = command("course", "course", 0, 1);
    capacity.claims =
        vec![Claim::Capacity { kind: "seat", key: "course".to_owned(), places: Some(2) }];
    log.append(capacity).await.unwrap();
    let (one, two, three) =
        tokio::join!(log.append(seat("one")), log.append(seat("two")), log.append(seat("three")));
    assert!(matches!(one.unwrap(), Verdict::Appended(_)));
    assert!(matches!(two.unwrap(), Verdict::Appended(_)));
    assert_eq!(three.unwrap(), Verdict::Full { kind: "seat".to_owned() });

    let mut leave = command("leave", "one", 1, 1);
    leave.claims = vec![Claim::Release { kind: "seat", holder: "one".to_owned() }];
    log.append(leave).await.unwrap();
    assert!(matches!(log.append(seat("three")).await.unwrap(), Verdict::Appended(_)));
}

/// All in one batch: what one gives back, sets or takes is there, or not there, for the next.
#[tokio::test]
async fn claims_of_one_batch_are_settled_in_order() {
    let log = support::log().await;
    let claiming = |key: &str, claim| Append { claims: vec![claim], ..command(key, key, 0, 1) };
    let desk = |holder: &str| Claim::Unique {
        kind: "desk",
        key: "1".to_owned(),
        holder: holder.to_owned(),
        personal: false,
    };
    let seat = |holder: &str| Claim::Place {
        kind: "seat",
        key: "course".to_owned(),
        holder: holder.to_owned(),
    };
    let release = |kind, holder: &str| Claim::Release { kind, holder: holder.to_owned() };
    let seats = Claim::Capacity { kind: "seat", key: "course".to_owned(), places: Some(2) };
    let answers = futures::future::join_all(
        [
            claiming("a", desk("ada")),
            claiming("b", desk("bob")),
            claiming("c", release("desk", "ada")),
            claiming("d", desk("dan")),
            claiming("e", seats),
            claiming("f", seat("fay")),
            claiming("g", seat("gus")),
            claiming("h", seat("hal")),
            claiming("i", release("seat", "fay")),
            claiming("j", seat("joy")),
            claiming("k", seat("kim")),
        ]
        .map(|append| log.append(append)),
    )
    .await;
    let turned_down: Vec<(usize, Verdict)> = answers
        .into_iter()
        .map(Result::unwrap)
        .enumerate()
        .filter(|(_, verdict)| !matches!(verdict, Verdict::Appended(_)))
        .collect();
    let full = || Verdict::Full { kind: "seat".to_owned() };
    let taken = Verdict::Taken { kind: "desk".to_owned() };
    assert_eq!(turned_down, [(1, taken), (7, full()), (10, full())]);
    let held: Vec<(String, String)> =
        sqlx::query_as("select kind, holder from eventstore.claims order by kind, holder")
            .fetch_all(log.pool())
            .await
            .unwrap();
    let held: Vec<(&str, &str)> = held.iter().map(|(k, h)| (k.as_str(), h.as_str())).collect();
    assert_eq!(held, [("desk", "dan"), ("seat", "gus"), ("seat", "joy")]);
}

#[tokio::test]
async fn what_a_command_gives_back_itself_it_does_not_keep() {
    let log = support::log().await;
    let take = |key: &str| Claim::Unique {
        kind: "isbn",
        key: key.to_owned(),
        holder: "book".to_owned(),
        personal: false,
    };
    let release = Claim::Release { kind: "isbn", holder: "book".to_owned() };
    let mut revised = command("a", "book", 0, 2);
    revised.claims = vec![take("1"), release, take("2")];
    assert!(matches!(log.append(revised).await.unwrap(), Verdict::Appended(_)));
    let held: Vec<String> = sqlx::query_scalar("select key from eventstore.claims")
        .fetch_all(log.pool())
        .await
        .unwrap();
    assert_eq!(held, ["2"]);
}
