use domain::Role;
use domain::account::samples::{events, registered};
use domain::account::{Account, Event};
use domain::operators::Operators;
use domain::operators::samples::granted;
use domain::samples::{ada, at, bob};
use serde_json::json;

use super::{History, rows};
use crate::account::Profiles;

#[tokio::test]
async fn a_profile_is_what_the_account_last_said() {
    let still_instructor = |event: &Event| !matches!(event, Event::RoleRevoked { .. });
    let changes: Vec<Event> = events().into_iter().take_while(still_instructor).collect();
    let last = changes.len();
    let history = History::default()
        .with::<Account>(ada(), changes)
        .with::<Operators>("all", [granted(ada())]);
    let tables = rows(&Profiles, &history).await;
    let profile = &tables["profiles"][0];
    assert_eq!(profile["display_name"]["personal"]["value"], json!("Ada King"));
    assert_eq!(profile["topics"], json!(["mathematics"]));
    assert_eq!((&profile["state"], &profile["sequence"]), (&json!("active"), &json!(last)));
    let roles: Vec<_> = tables["roles"].iter().map(|row| row["role"].clone()).collect();
    assert_eq!(roles, [json!("instructor"), json!("operator")]);
}

#[tokio::test]
async fn of_an_erased_account_nothing_personal_is_left() {
    let bobs = [
        registered(bob(), "bob@example.org"),
        Event::RoleGranted { account: bob(), role: Role::Analyst, at: at(1) },
    ];
    let history = History::default()
        .with::<Account>(bob(), bobs)
        .with::<Account>(ada(), events())
        .with::<Account>(ada(), []);
    let tables = rows(&Profiles, &history).await;
    let erased = tables["profiles"].iter().find(|row| row["state"] == "erased").unwrap();
    for field in ["display_name", "email", "phone", "language"] {
        assert_eq!(erased[field], json!(null), "{field}");
    }
    assert_eq!(tables["roles"].len(), 1);
}
