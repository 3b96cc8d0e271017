//! People are written to: real letters, by a real mail server that is not always kind.

pub mod post;

use post::{MailServer, Post};
use serde_json::{Value, json};

use crate::system::{Answer, Client, Login, Program, School, Shop, System, daybook, eventually};

/// The latest notification of somebody, once it has come to this.
async fn latest(somebody: &Client, kind: &str, status: &str) -> Value {
    let ask = || somebody.get("accounts/me/notifications");
    let came_to = |answer: &Answer| {
        let latest = &answer["items"][0];
        latest["message"]["kind"] == kind && latest["status"] == status
    };
    eventually(ask, came_to).await["items"][0].clone()
}

#[tokio::test]
async fn who_registers_is_welcomed_once() {
    let Some((post, system)) = Post::office().await else { return };
    let ada = system.member("Ada Lovelace").await;
    let letters = post.letters(&ada.login.email, 1).await;
    assert_eq!(letters[0]["subject"], "Welcome to Daybook");
    assert_eq!(letters[0]["from"], "Daybook <no-reply@daybook.example>");
    assert!(letters[0]["text"].as_str().unwrap().contains("Dear Ada Lovelace,"), "{letters:?}");
    let told = latest(&ada, "welcome", "SENT").await;
    assert_eq!((&told["message"]["kind"], &told["attempts"]), (&json!("welcome"), &json!(1)));
    let id = told["id"].as_str().unwrap().replace(':', ".");
    assert_eq!(letters[0]["id"], format!("<{id}@daybook.example>"));
}

#[tokio::test]
async fn a_server_that_is_busy_stalls_or_drops_the_line_is_tried_again() {
    let Some((post, system)) = Post::office().await else { return };
    for (name, attempts) in [("Later", 3), ("Stalled", 2), ("Dropped", 2)] {
        let somebody = system.member(name).await;
        let letters = post.letters(&somebody.login.email, 1).await;
        let told = latest(&somebody, "welcome", "SENT").await;
        assert_eq!(told["attempts"], attempts, "{told}");
        assert_eq!(told["error"], Value::Null, "{told}");
        assert_eq!(letters.len(), 1, "{letters:?}");
    }
}

#[tokio::test]
async fn what_no_server_will_ever_take_is_given_up_and_operators_see_why() {
    let Some((_, system)) = Post::office().await else { return };
    let nobody = system.member("Refused").await;
    let told = latest(&nobody, "welcome", "GIVEN_UP").await;
    assert_eq!(told["attempts"], 1, "{told}");
    let error = told["error"].as_str().unwrap();
    assert!(error.contains("no such mailbox") && !error.contains("example.org"), "{told}");

    let path = "operations/notifications?status=GIVEN_UP&limit=200";
    let given_up = system.operator().get(path).await.ok();
    let ids: Vec<&Value> =
        given_up["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
    assert!(ids.contains(&&told["id"]), "{given_up}");
    nobody.get(path).await.refused(403, "forbidden");
    let unknown = "accounts/me/notifications?status=LOST";
    nobody.get(unknown).await.refused(422, "invalid");
}

#[tokio::test]
async fn an_order_is_told_of_in_the_language_of_its_customer() {
    let Some((post, system)) = Post::office().await else { return };
    let shop = Shop::of(system.clone(), 5).await;
    let bob = system.bob().await;
    bob.patch("accounts/me", json!({ "language": "de-at" })).await.accepted();
    let order = bob.orders(shop.product, 1).await;
    let order = bob.settled(&order).await;
    let letters = post.letters(&bob.login.email, 2).await;
    let number = order["number"].as_str().unwrap();
    assert_eq!(letters[1]["subject"], format!("Ihre Bestellung {number} ist bestätigt"));
    assert_eq!(latest(&bob, "order_confirmed", "SENT").await["message"]["number"], number);
}

#[tokio::test]
async fn an_instructor_is_told_that_a_course_is_published() {
    let Some((post, system)) = Post::office().await else { return };
    let school = School::of(system.clone(), 1, None).await;
    let letters = post.letters(&school.ines.login.email, 2).await;
    let subject = letters[1]["subject"].as_str().unwrap();
    assert!(subject.starts_with("Published: Reading slowly"), "{letters:?}");
    let told = latest(&school.ines, "course_published", "SENT").await;
    assert_eq!(told["message"]["course"], school.course.to_string(), "{told}");
}

#[tokio::test]
async fn who_wants_no_mail_gets_none_and_others_do_not_see_it() {
    let Some((post, system)) = Post::office().await else { return };
    let shop = Shop::of(system.clone(), 5).await;
    let bob = system.bob().await;
    post.letters(&bob.login.email, 1).await;
    bob.patch("accounts/me", json!({ "channels": ["sms"] })).await.accepted();
    let order = bob.orders(shop.product, 1).await;
    bob.settled(&order).await;
    let told = latest(&bob, "order_confirmed", "CANCELLED").await;
    assert_eq!(told["message"]["kind"], "order_confirmed", "{told}");
    assert_eq!(post.letters(&bob.login.email, 1).await.len(), 1);
    let ada = system.ada().await;
    let of_ada = ada.get("accounts/me/notifications").await.ok();
    let recipients = of_ada["items"].as_array().unwrap().iter().map(|item| &item["recipient"]);
    assert!(recipients.clone().all(|recipient| *recipient != told["recipient"]), "{of_ada}");
}

#[tokio::test]
async fn an_operator_tries_whether_mail_goes_out() {
    let Some((post, _)) = Post::office().await else { return };
    let send = |url: &str, to: &str| {
        let mut command = daybook();
        command.args(["send-test-email", to]).env("DAYBOOK_SMTP_URL", url);
        command.env("DAYBOOK_MAIL_FROM", "no-reply@daybook.example").output().unwrap()
    };
    let sent = send(&post.server.url, "try-me@example.org");
    assert!(sent.status.success(), "{sent:?}");
    let letters = post.letters("try-me@example.org", 1).await;
    assert_eq!(letters[0]["subject"], "A test of Daybook's mail");
    let refused = send(&post.server.url, "refused-me@example.org");
    assert_eq!(refused.status.code(), Some(1));
    let words = String::from_utf8(refused.stderr).unwrap();
    assert!(words.contains("no such mailbox"), "{words}");
}

#[tokio::test]
async fn who_forgot_the_password_chooses_another_by_letter_whatever_they_want_to_hear_of() {
    let Some((post, system)) = Post::office().await else { return };
    let bob = system.bob().await;
    post.letters(&bob.login.email, 1).await;
    bob.patch("accounts/me", json!({ "channels": [], "language": "de" })).await.accepted();
    let asked = system.post("accounts/password-resets", json!({ "email": bob.login.email })).await;
    assert_eq!(asked.status, 202, "{asked}");

    let letters = post.letters(&bob.login.email, 2).await;
    assert_eq!(letters[1]["subject"], "Wählen Sie ein neues Passwort");
    let text = letters[1]["text"].as_str().unwrap();
    let path = text.lines().find(|line| line.starts_with("/api/v1/")).unwrap();
    let chosen = json!({ "password": "a new password" });
    system.post(path.trim(), chosen.clone()).await.accepted();

    let ended = |answer: &Answer| answer.status == 401;
    eventually(|| bob.get("accounts/me"), ended).await.refused(401, "token-invalid");
    let login = json!({ "email": bob.login.email, "password": "a new password" });
    assert_eq!(system.post("sessions", login).await.status, 201);
    system.post(path.trim(), chosen).await.refused(404, "password-reset-void");
    let token = path.rsplit('/').next().unwrap();
    let auditor = system.auditor().await;
    let history = auditor.get(format!("audit/streams/account/{}", bob.id)).await.ok();
    assert!(!history.body.to_string().contains(&token[token.len() - 64..]), "{history}");
    assert!(history.body.to_string().contains("PasswordResetRequested"), "{history}");
}

#[tokio::test]
async fn what_was_given_up_is_sent_after_all_when_an_operator_wants_it() {
    let Some((post, system)) = Post::office().await else { return };
    let (operator, auditor) = (system.operator(), system.auditor().await);
    let ada = system.member("Reopened").await;
    let told = latest(&ada, "welcome", "GIVEN_UP").await;
    let path = format!("operations/notifications/{}/retry", told["id"].as_str().unwrap());
    ada.post(&path, json!({})).await.refused(403, "forbidden");

    let retry = || operator.post(&path, json!({})).header("idempotency-key", &path);
    let retried = retry().await.accepted();
    let told = latest(&ada, "welcome", "SENT").await;
    assert_eq!((&told["attempts"], &told["error"]), (&json!(2), &Value::Null), "{told}");
    assert_eq!(post.letters(&ada.login.email, 1).await.len(), 1);
    let again = retry().await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.accepted().position, retried.position);
    operator.post(&path, json!({})).await.refused(409, "notification-not-given-up");
    for unknown in [format!("1:{}:email", ada.id), "nothing".to_owned()] {
        let path = format!("operations/notifications/{unknown}/retry");
        operator.post(path, json!({})).await.refused(404, "notification-unknown");
    }
    let event = format!("audit/events?after={}&limit=1", retried.position - 1);
    let event = auditor.get(event).after(&retried).await.ok();
    assert_eq!(event["items"][0]["event_type"], "NotificationRetried", "{event}");
    assert_eq!(event["items"][0]["metadata"]["actor"], json!(operator.id), "{event}");
}

#[tokio::test]
async fn whoever_has_the_machine_has_all_sent_that_was_given_up() {
    let start = || {
        let server = MailServer::start()?;
        let program = Program::up_with("post_given_up", &["--ephemeral"], &server.settings());
        Some((server, program))
    };
    let begun = tokio::task::spawn_blocking(start).await.unwrap();
    let Some((_server, mut program)) = begun else { return };
    let system = System::of(&program).await;
    let (ada, bob) = (system.member("Reopened").await, system.member("Reopened").await);
    latest(&ada, "welcome", "GIVEN_UP").await;
    let id = latest(&bob, "welcome", "GIVEN_UP").await["id"].as_str().unwrap().to_owned();
    let run = |words: &[&str]| {
        let mut command = daybook();
        command.arg("notifications").args(words).arg("--data-dir").arg(&program.data_dir);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (status, said) = run(&["list", "--status", "given-up", "--json"]);
    let listed: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((status, listed.as_array().unwrap().len()), (Some(0), 2), "{said}");
    let (_, table) = run(&["list"]);
    assert!(table.contains(&id) && table.contains("no such mailbox"), "{table}");

    assert_eq!(run(&["retry", &id]), (Some(0), "1 sent anew.\n".to_owned()));
    latest(&bob, "welcome", "SENT").await;
    assert_eq!(run(&["retry", &id]).0, Some(1));
    let (status, said) = run(&["retry", "--all-given-up", "--up-to", "10", "--json"]);
    let done: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((status, &done["notifications"]), (Some(0), &json!(1)), "{said}");
    latest(&ada, "welcome", "SENT").await;
    for wrong in [
        &["retry"][..],
        &["retry", "nothing"],
        &["retry", &id, "--all-given-up"],
        &["retry", "--all-given-up", "--up-to", "0"],
        &["list", "--status", "lost"],
    ] {
        assert_eq!(run(wrong).0, Some(2), "{wrong:?}");
    }
    program.child.kill().unwrap();
}

#[tokio::test]
async fn the_old_address_hears_of_the_change_and_the_new_one_of_all_else() {
    let Some((post, system)) = Post::office().await else { return };
    let bob = system.bob().await;
    post.letters(&bob.login.email, 1).await;
    bob.patch("accounts/me", json!({ "channels": [] })).await.accepted();
    let new = Login::new("Robert").email;
    let change = json!({ "email": new, "current_password": bob.login.password });
    bob.put("accounts/me/email", change).await.accepted();

    let letters = post.letters(&bob.login.email, 2).await;
    assert_eq!(letters[1]["subject"], "Your e-mail address was changed");
    assert!(!letters[1]["text"].as_str().unwrap().contains(&new), "{letters:?}");
    latest(&bob, "email_changed", "SENT").await;
    let asked = system.post("accounts/password-resets", json!({ "email": new })).await;
    assert_eq!(asked.status, 202, "{asked}");
    let letters = post.letters(&new, 1).await;
    assert_eq!(letters[0]["subject"], "Choose a new password");
}

#[tokio::test]
async fn whose_refresh_token_is_in_two_hands_gets_a_letter_and_auditors_see_the_session() {
    let Some((post, system)) = Post::office().await else { return };
    let ada = system.ada().await;
    let refresh =
        |token: &Value| system.post("sessions/refresh", json!({ "refresh_token": token }));
    let stolen = json!(ada.refresh_token);
    let second = refresh(&stolen).await.ok();
    refresh(&second["refresh_token"]).await.ok();
    refresh(&stolen).await.refused(401, "refresh-token-invalid");

    let ada = system.again(&ada.login).await;
    latest(&ada, "session_ended", "SENT").await;
    let letters = post.letters(&ada.login.email, 2).await;
    assert_eq!(letters[1]["subject"], "You were logged out for your safety");
    let auditor = system.auditor().await;
    let history = auditor.get(format!("audit/streams/account/{}", ada.id)).await.ok();
    let events = history["items"].as_array().unwrap().iter();
    let reused: Vec<&Value> =
        events.filter(|event| event["event_type"] == "RefreshReuseDetected").collect();
    let [reused] = reused[..] else { panic!("{history}") };
    assert!(reused["payload"]["session"].is_string(), "{reused}");
    assert!(!history.body.to_string().contains("dbr_"), "{history}");
}
