//! Whatever is killed, and whenever: what was acknowledged is in the log once, at its place.
//!
//! The run itself is `daybook bench chaos`; this one is short, and each kind of kill happens in it.

use serde_json::Value;

use crate::system::daybook;

const SECONDS: &str = "25";

#[tokio::test]
async fn whatever_is_killed_and_whenever_acknowledged_commands_stay_and_views_are_right() {
    let run = || daybook().args(["bench", "chaos", "--json", "--seconds", SECONDS]).output();
    let output = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).expect(&errors);
    let kills = report["kills"].as_object().unwrap();
    assert_eq!(kills.len(), 10, "{report}");
    assert!(kills.values().all(|kill| kill["times"].as_u64().unwrap() > 0), "{report}");
    for verdict in report["verdicts"].as_array().unwrap() {
        assert_eq!(verdict["holds"], true, "{verdict} of {report}");
    }
    assert!(report["acknowledged"].as_u64().unwrap() > 200, "{report}");
    assert_eq!(report["ok"], true, "{report}");
    assert!(output.status.success(), "{errors}");
}
