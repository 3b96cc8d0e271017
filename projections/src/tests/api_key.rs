use domain::account::samples::{key, key_created, registered, scopes};
use domain::account::{Account, Event, Scope};
use domain::samples::{ada, at, bob};
use serde_json::json;

use super::{History, rows};
use crate::api_key::ApiKeys;

#[tokio::test]
async fn keys_are_there_until_they_are_revoked_or_their_owner_is_erased() {
    let both = || scopes([Scope::Read, Scope::Write]);
    let revoked = Event::ApiKeyRevoked { account: ada(), key: key(1), at: at(9) };
    let made = [key_created(1, both()), revoked, key_created(2, both())];
    let history = History::default()
        .with::<Account>(ada(), [registered(ada(), "ada@example.org")])
        .with::<Account>(bob(), [registered(bob(), "bob@example.org")])
        .with::<Account>(ada(), made);
    let keys = rows(&ApiKeys, &history).await["api_keys"].clone();
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert_eq!(keys[0]["key"], json!(key(2)));
    assert_eq!(keys[0]["scopes"], json!(["read", "write"]));
    let history =
        history.with::<Account>(ada(), [Event::AccountErased { account: ada(), at: at(10) }]);
    assert!(rows(&ApiKeys, &history).await["api_keys"].is_empty());
}
