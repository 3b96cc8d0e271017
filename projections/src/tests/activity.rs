use domain::enrollment::Enrollment;
use domain::enrollment::samples::{
    self as enrollments, completed, course_completed, enrolled, enrollment,
};
use domain::follow::Follow;
use domain::follow::samples::{followed, pair, unfollowed};
use domain::rating::Rating;
use domain::rating::samples::{self as ratings, changed, rated, rating};
use domain::samples::{ada, bob, lesson, middlemarch, rust_course, uuid};
use domain::shelf::Shelf;
use domain::shelf::samples::{added, removed, shelf};
use serde_json::{Value, json};

use super::{History, rows};
use crate::activity::Activity;

/// Who did what to what, oldest first.
async fn deeds(history: &History) -> Vec<Value> {
    let mut rows = rows(&Activity, history).await["activity"].clone();
    rows.sort_by_key(|row| row["position"].as_i64());
    rows.iter()
        .map(|row| json!([row["position"], row["deed"], row["kind"], row["object"], row["score"]]))
        .collect()
}

#[tokio::test]
async fn each_deed_stands_once_with_its_last_word() {
    let history = History::default()
        .with::<Rating>(rating(), [rated(8)])
        .with::<Shelf>(shelf(), [added()])
        .with::<Enrollment>(
            enrollment(),
            [enrolled(0, 1), completed(lesson(1), 1, 1), course_completed()],
        )
        .with::<Follow>(pair(ada(), bob()), [followed(pair(ada(), bob()))])
        .with::<Rating>(rating(), [changed(8, 3)]);
    assert_eq!(
        deeds(&history).await,
        [
            json!([2, "favourited", "book", middlemarch(), null]),
            json!([3, "enrolled", "course", rust_course(), null]),
            json!([5, "completed", "course", rust_course(), null]),
            json!([6, "followed", "account", bob(), null]),
            json!([7, "rated", "book", middlemarch(), 3]),
        ]
    );
}

#[tokio::test]
async fn what_is_taken_back_is_gone_and_may_be_done_again() {
    let history = History::default()
        .with::<Rating>(rating(), [rated(8), ratings::withdrawn(8)])
        .with::<Shelf>(shelf(), [added(), removed()])
        .with::<Enrollment>(
            enrollment(),
            [enrolled(0, 1), course_completed(), enrollments::withdrawn()],
        )
        .with::<Follow>(pair(ada(), bob()), [followed(pair(ada(), bob()))])
        .with::<Follow>(pair(ada(), bob()), [unfollowed(pair(ada(), bob()))]);
    let earned = json!([6, "completed", "course", rust_course(), null]);
    assert_eq!(deeds(&history).await, std::slice::from_ref(&earned), "what was earned stays");

    let history = history.with::<Rating>(rating(), [rated(9)]);
    let again = json!([10, "rated", "book", middlemarch(), 9]);
    assert_eq!(deeds(&history).await, [earned, again]);
}

#[tokio::test]
async fn what_was_borrowed_is_nobodys_business() {
    let loan = domain::loan::samples::borrowed(uuid(1).into());
    let history = History::default().with::<domain::loan::CopySet>(middlemarch(), [loan]);
    assert_eq!(deeds(&history).await, [] as [Value; 0]);
}
