use serde_json::json;

use crate::system::{Login, System};

#[tokio::test]
async fn a_new_account_sees_its_own_profile() {
    let system = System::start().await;
    let login = Login::new("Ada");
    let body = json!({ "email": login.email, "password": login.password, "display_name": "Ada" });
    let registered = system.post("accounts", body).await.accepted();
    let ada = system.again(&login).await;

    let me = ada.get("accounts/me").after(&registered).await;

    assert_eq!(me["id"], registered.id().to_string(), "{me}");
    assert_eq!(me["display_name"], "Ada", "{me}");
}

#[tokio::test]
async fn an_address_belongs_to_one_account_however_it_is_written() {
    let system = System::start().await;
    let ada = system.ada().await;
    let shouted = ada.login.email.to_uppercase();
    let body = json!({ "email": shouted, "password": "another horse", "display_name": "Eve" });

    system.post("accounts", body).await.refused(409, "email-taken");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_told_apart_by_nobody() {
    let system = System::start().await;
    let ada = system.ada().await;
    let unknown = Login::new("nobody").email;
    for email in [&ada.login.email, &unknown] {
        let body = json!({ "email": email, "password": "not the password" });
        system.post("sessions", body).await.refused(401, "bad-credentials");
    }
}

#[tokio::test]
async fn a_refresh_token_works_once() {
    let system = System::start().await;
    let ada = system.ada().await;
    let body = json!({ "refresh_token": ada.refresh_token });

    let fresh = system.post("sessions/refresh", body).await;

    assert_ne!(fresh["refresh_token"], ada.refresh_token, "{fresh}");
    assert!(fresh["access_token"].is_string(), "{fresh}");
}

#[tokio::test]
async fn without_a_role_nothing_of_it_is_allowed() {
    let system = System::start().await;
    let ada = system.ada().await;
    let path = format!("accounts/{}/roles/operator", ada.id);

    ada.put(path, json!({})).await.refused(403, "forbidden");
}

#[tokio::test]
async fn an_erased_person_is_gone_from_every_answer() {
    let system = System::start().await;
    let (ada, bob) = (system.ada().await, system.bob().await);
    let followed = ada.follow(&bob).await.accepted();
    bob.get(format!("accounts/{}/followers", bob.id)).after(&followed).await.ok();

    let erased = ada.delete("accounts/me").await.accepted();

    let followers = bob.get(format!("accounts/{}/followers", bob.id)).after(erased).await;
    assert!(!followers.body.to_string().contains("Ada"), "{followers}");
    let body = json!({ "email": ada.login.email, "password": ada.login.password });
    system.post("sessions", body).await.refused(401, "bad-credentials");
}
