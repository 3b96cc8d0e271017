use domain::loan::CopySet;
use domain::loan::samples::{borrowed, copies_set, due_at, returned};
use domain::samples::{ada, bob, middlemarch};
use serde_json::json;

use super::{History, rows};
use crate::loan::Loans;

#[tokio::test]
async fn copies_that_are_out_are_counted_and_every_loan_is_remembered() {
    let history = History::default().with::<CopySet>(
        middlemarch(),
        [
            copies_set(0, 5),
            borrowed(ada()),
            borrowed(bob()),
            returned(ada()),
            copies_set(5, 3),
            borrowed(ada()),
            returned(ada()),
            borrowed(ada()),
            returned(bob()),
        ],
    );
    let tables = rows(&Loans, &history).await;
    let copies = json!([{ "book": middlemarch(), "copies": 3, "lent": 1 }]);
    assert_eq!(json!(tables["book_copies"]), copies);
    let mut loans: Vec<_> = tables["loans"]
        .iter()
        .map(|row| (row["position"].as_i64(), row["reader"].clone(), row["returned_at"].is_null()))
        .collect();
    loans.sort_by_key(|(position, ..)| *position);
    let (ada, bob) = (json!(ada()), json!(bob()));
    assert_eq!(
        loans,
        [
            (Some(2), ada.clone(), false),
            (Some(3), bob, false),
            (Some(6), ada.clone(), false),
            (Some(8), ada, true),
        ]
    );
    let due: chrono::DateTime<chrono::Utc> =
        tables["loans"][0]["due_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(due, due_at());
}
