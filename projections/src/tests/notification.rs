use domain::notification::Notification;
use domain::notification::samples::{failed, given_up, notification, requested, retried, sent};
use domain::samples::ada;

use super::{History, rows};
use crate::notification::Notifications;

#[tokio::test]
async fn a_notification_is_shown_as_its_last_attempt_left_it() {
    let id = notification();
    let history = History::default().with::<Notification>(id, [requested(), failed(1), sent(2)]);
    let tables = rows(&Notifications, &history).await;
    let [row] = &tables["notifications"][..] else { panic!("one row: {tables:?}") };
    assert_eq!(row["recipient"], ada().to_string());
    assert_eq!((&row["status"], &row["attempts"]), (&"SENT".into(), &2.into()));
    assert_eq!((&row["error"], &row["retry_at"]), (&().into(), &().into()));
    assert_eq!((&row["kind"], &row["position"]), (&"welcome".into(), &1.into()));
}

#[tokio::test]
async fn what_was_given_up_keeps_its_last_error() {
    let id = notification();
    let history = History::default().with::<Notification>(id, [requested(), given_up(5)]);
    let tables = rows(&Notifications, &history).await;
    let row = &tables["notifications"][0];
    assert_eq!((&row["status"], &row["attempts"]), (&"GIVEN_UP".into(), &5.into()));
    assert_eq!(row["error"], "451 try again later");
}

#[tokio::test]
async fn what_an_operator_has_retried_waits_with_its_last_error_until_it_goes_out() {
    let (id, begun) = (notification(), [requested(), given_up(1), retried()]);
    let history = History::default().with::<Notification>(id, begun.clone());
    let row = rows(&Notifications, &history).await["notifications"][0].clone();
    assert_eq!((&row["status"], &row["attempts"]), (&"WAITING".into(), &1.into()));
    assert_eq!(row["error"], "451 try again later");
    let history =
        History::default().with::<Notification>(id, begun).with::<Notification>(id, [sent(2)]);
    let row = rows(&Notifications, &history).await["notifications"][0].clone();
    assert_eq!((&row["status"], &row["attempts"]), (&"SENT".into(), &2.into()));
    assert!(row["error"].is_null(), "{row}");
}
