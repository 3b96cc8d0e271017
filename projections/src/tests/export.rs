use domain::export::PersonalExport;
use domain::export::samples::{completed, requested};
use domain::samples::ada;
use serde_json::json;

use super::{History, rows};
use crate::export::PersonalExports;

#[tokio::test]
async fn an_export_is_asked_for_and_then_complete() {
    let history = History::default()
        .with::<PersonalExport>(ada(), [requested(1, 0), completed(1, 5), requested(2, 7_200)]);
    let exports = rows(&PersonalExports, &history).await["exports"].clone();
    let of = |n: usize, field: &str| exports[n][field].clone();
    assert_eq!(exports.len(), 2);
    assert_eq!(
        (of(0, "account"), of(0, "events"), of(0, "position")),
        (json!(ada()), json!(7), json!(1))
    );
    assert_eq!((of(1, "events"), of(1, "completed_at")), (json!(null), json!(null)));
}
