use cqrs_es::Aggregate;
use domain::follow::Follow;
use domain::follow::samples::{followed, pair, unfollowed};
use domain::samples::{ada, bob};
use serde_json::{Value, json};

use super::{History, rows};
use crate::audit_index::AuditIndex;

#[tokio::test]
async fn every_event_is_found_by_who_and_why() {
    let pair = pair(ada(), bob());
    let mut history = History::default().with::<Follow>(pair, [followed(pair), unfollowed(pair)]);
    history.0[0].metadata =
        json!({"actor": "ada", "command_id": "c1", "correlation_id": "t1", "source": "http"})
            .to_string();
    history.0[1].metadata = json!({"causation_id": "1"}).to_string();
    let tables = rows(&AuditIndex, &history).await;
    let entries = &tables["audit_index"];
    assert_eq!(entries.len(), 2);
    let first = entries.iter().find(|entry| entry["position"] == 1).unwrap();
    assert_eq!(first["actor"], "ada");
    assert_eq!(first["correlation_id"], "t1");
    assert_eq!(first["aggregate_type"], Follow::TYPE);
    let second = entries.iter().find(|entry| entry["position"] == 2).unwrap();
    assert_eq!((&second["actor"], &second["correlation_id"]), (&Value::Null, &Value::Null));
    assert_eq!(tables["audit_types"].len(), 2);
}
