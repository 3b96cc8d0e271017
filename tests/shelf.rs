use serde_json::json;

use crate::system::System;

#[tokio::test]
async fn a_favourite_stands_on_my_shelf_until_i_take_it_off() {
    let system = System::start().await;
    let book = system.add_book(json!({ "title": "Walden", "authors": ["Henry Thoreau"] })).await;
    let ada = system.ada().await;

    let added = ada.put(format!("books/{book}/favourite"), json!({})).await.accepted();
    let again = ada.put(format!("books/{book}/favourite"), json!({})).await.accepted();
    assert_eq!(again.body["unchanged"], true);
    let shelf = ada.get("accounts/me/favourites").after(added).await;
    assert_eq!(shelf["items"][0]["title"], "Walden", "{shelf}");

    let removed = ada.delete(format!("books/{book}/favourite")).await.accepted();
    let shelf = ada.get("accounts/me/favourites").after(removed).await;
    assert_eq!(shelf["items"], json!([]), "{shelf}");
}
