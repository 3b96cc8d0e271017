use domain::account::Account;
use domain::account::samples::registered;
use domain::cart::{self, Cart};
use domain::comment::{self, Comment};
use domain::conversation::{self, Conversation};
use domain::dismissal::{self, Dismissal};
use domain::enrollment::{self, Enrollment, EnrollmentId, Event};
use domain::like::{self, Like};
use domain::loan::{self, CopySet};
use domain::order::{Order, Status};
use domain::rating::Rating;
use domain::rating::samples::{changed, rated, rating};
use domain::samples::{ada, at, bob, lantern, lesson, order, rust_course, uuid};
use domain::shelf::{self, Shelf};
use eventstore::RecordedEvent;
use serde_json::json;

use super::order::{cancelled, confirmed, line, placed};
use super::{History, rows};
use crate::analytics::Analytics;

#[tokio::test]
async fn revenue_is_what_was_confirmed_and_not_cancelled() {
    let history = History::default()
        .with::<Account>(ada(), [registered(ada(), "ada@example.org")])
        .with::<Rating>(rating(), [rated(8), changed(8, 3)])
        .with::<Order>(order(1), [placed(1, vec![line(1)]), confirmed(1)])
        .with::<Order>(order(2), [placed(2, vec![line(1)]), confirmed(2)])
        .with::<Order>(order(3), [placed(3, vec![line(1)]), cancelled(3, Status::Pending)])
        .with::<Order>(order(2), [cancelled(2, Status::Confirmed)]);
    let tables = rows(&Analytics, &history).await;
    let sold = &tables["daily_revenue"][0];
    assert_eq!((&sold["orders"], &sold["minor"]), (&json!(1), &json!(510)));
    assert_eq!(sold["day"], json!("2026-03-01"));
    let count = |measure: &str| {
        let row = tables["daily_counts"].iter().find(|row| row["measure"] == measure).unwrap();
        row["n"].as_i64().unwrap()
    };
    assert_eq!((count("registrations"), count("ratings")), (1, 1));
    assert_eq!((count("rating_points"), count("rating_changes")), (8, 1));
    assert_eq!((count("orders_placed"), count("orders_cancelled")), (3, 2));
    assert_eq!(tables["daily_activity"].len(), 1);
}

#[tokio::test]
async fn a_course_has_its_own_numbers() {
    let of = |student, course| EnrollmentId { student, course };
    let enrolled =
        |enrollment| Event::StudentEnrolled { enrollment, completed: 0, lessons: 1, at: at(0) };
    let (hers, his) = (of(ada(), rust_course()), of(bob(), rust_course()));
    let other = of(bob(), uuid(0xc0).into());
    let done =
        Event::CourseCompleted { enrollment: hers, certificate: uuid(0xce).into(), at: at(1) };
    let left = Event::EnrollmentWithdrawn { enrollment: his, at: at(1) };
    let history = History::default()
        .with::<Enrollment>(hers, [enrolled(hers), done])
        .with::<Enrollment>(his, [enrolled(his), left])
        .with::<Enrollment>(other, [enrolled(other)]);
    let tables = rows(&Analytics, &history).await;
    let count = |course: &serde_json::Value, measure: &str| {
        let mut counts = tables["daily_course_counts"].iter();
        let row = counts.find(|row| row["course"] == *course && row["measure"] == measure);
        row.map_or(0, |row| row["n"].as_i64().unwrap())
    };
    let numbers = |course| {
        ["enrollments", "withdrawals", "completions"].map(|measure| count(&json!(course), measure))
    };
    assert_eq!(numbers(rust_course()), [2, 1, 1]);
    assert_eq!(numbers(uuid(0xc0).into()), [1, 0, 0]);
}

/// How many people were active.
async fn active(history: History) -> usize {
    rows(&Analytics, &history).await["daily_activity"].len()
}

#[tokio::test]
async fn whoever_does_anything_is_active() {
    let history = History::default;
    for history in [
        history().with::<Comment>("c", [comment::samples::posted("Dorothea!")]),
        history().with::<Like>("l", [like::samples::liked(like::samples::like())]),
        history().with::<Shelf>("s", [shelf::samples::added()]),
        history().with::<Dismissal>("d", [dismissal::samples::dismissed()]),
        history().with::<CopySet>("b", [loan::samples::borrowed(ada())]),
        history().with::<Cart>("c", [cart::samples::added(lantern(), 1)]),
        history().with::<Conversation>("q", [conversation::samples::asked(1)]),
        history().with::<Conversation>("q", [conversation::samples::rated(1, true)]),
        history().with::<Enrollment>("e", [enrollment::samples::completed(lesson(1), 1, 2)]),
    ] {
        assert_eq!(active(history).await, 1);
    }
}

#[tokio::test]
async fn whoever_has_something_done_to_them_is_not_active() {
    let history = History::default()
        .with::<CopySet>("b", [loan::samples::copies_set(0, 1)])
        .with::<Conversation>("q", [conversation::samples::given(1)])
        .with::<CopySet>("b", [loan::samples::returned(ada())])
        .with::<Enrollment>("e", [enrollment::samples::withdrawn()])
        .with::<Enrollment>("e", [enrollment::samples::course_completed()]);
    let by = |actor: &str| {
        let metadata = json!({ "actor": actor }).to_string();
        let events = history
            .0
            .iter()
            .map(|event| RecordedEvent { metadata: metadata.clone(), ..event.clone() });
        History(events.collect())
    };
    assert_eq!(active(by(&uuid(0x3e).to_string())).await, 0, "a merchandiser, an instructor");
    assert_eq!(active(by("process:completions")).await, 0);
    assert_eq!(active(by(&ada().to_string())).await, 1, "who brings a book back oneself is");
}
