//! Who is erased is erased from the disk: from the database, the stream, dumps and logs. They were
//! never there to be read to begin with.

mod traces;

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use eventstore::personal::{PersonalKeys, RootKeys};
use local_services::Signal;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::notification::post::MailServer;
use crate::system::{Answer, Client, Login, Program, System, eventually};
use traces::{Traces, found_in};

const NAME: &str = "Zéphyrine Quillfeather";
const SECOND_NAME: &str = "Zéphyrine Thistlewood";
const PHONE: &str = "+441632960077";
const REMARK: &str = "The harpsichord of chapter nine wept xylophonically";
const SECOND_REMARK: &str = "The harpsichord of chapter ten glimmered umbrageously";
const QUESTION: &str = "Does the zither of Ravenscroft hum vespertinely?";
const KEY_NAME: &str = "Quillfeather's lectern";
/// Of a book: not personal, so that it must be found wherever the search looks.
const CONTROL: &str = "Quixotic Marginalia Unbound";

/// Everything that a person can leave behind.
struct Person {
    client: Client,
    /// Which she had before.
    old_email: String,
    comment: Uuid,
    position: i64,
}

impl Person {
    fn traces(&self) -> Traces {
        Traces::of(&[
            NAME,
            SECOND_NAME,
            PHONE,
            REMARK,
            SECOND_REMARK,
            KEY_NAME,
            QUESTION,
            &self.old_email,
            &self.client.login.email,
            &self.client.login.password,
            &self.client.refresh_token,
        ])
    }
}

/// Somebody uses what there is to use.
async fn lives(system: &System, book: Uuid) -> Person {
    let mut ada = system.member(NAME).await;
    let old_email = ada.login.email.clone();
    let profile = json!({ "phone": PHONE, "display_name": SECOND_NAME, "language": "en" });
    ada.patch("accounts/me", profile).await.accepted();
    // Which no mail server takes.
    ada.login.email = Login::new("refused-quillfeather").email;
    let to = |email: &str| json!({ "email": email, "current_password": ada.login.password });
    ada.put("accounts/me/email", to(&ada.login.email)).await.accepted();
    let remark = json!({ "text": REMARK });
    let comment = ada.post(format!("books/{book}/comments"), remark).await.accepted().id();
    ada.patch(format!("comments/{comment}"), json!({ "text": SECOND_REMARK })).await.accepted();
    ada.rate(book, 9).await.accepted();
    ada.follow(system.operator()).await.accepted();
    let key = json!({ "name": KEY_NAME, "scopes": ["read"] });
    ada.post("accounts/me/keys", key).await.accepted();
    let question = json!({ "question": QUESTION });
    ada.post("assistant/questions", question).await.accepted();
    let reset = json!({ "email": ada.login.email });
    assert_eq!(system.post("accounts/password-resets", reset).await.status, 202);
    // What is refused is remembered too.
    let taken = to(&system.operator().login.email);
    ada.put("accounts/me/email", taken).await.refused(409, "email-taken");
    let again = json!({
        "email": ada.login.email, "password": ada.login.password, "display_name": NAME,
    });
    system.post("accounts", again).await.refused(409, "email-taken");
    let last = ada.put(format!("books/{book}/like"), json!({})).await.accepted();
    Person { client: ada, old_email, comment, position: last.position }
}

/// The letter that was refused is given up; the refusal named her.
async fn is_told_in_vain(ada: &Client) {
    let is_given_up = |told: &Answer| {
        let items = told["items"].as_array().unwrap();
        let error = |item: &Value| item["error"].as_str().unwrap_or_default().to_owned();
        items.iter().any(|item| error(item).contains("no such mailbox"))
    };
    eventually(|| ada.get("accounts/me/notifications"), is_given_up).await;
}

/// Where the program's own Postgres is, with every change in its files.
async fn settled(data_dir: &Path) -> PgPool {
    let attached = local_services::attach(data_dir).unwrap();
    let pool = PgPool::connect(&attached.database_url.unwrap()).await.unwrap();
    sqlx::query("checkpoint").execute(&pool).await.unwrap();
    pool
}

/// Nothing of the person is anywhere, where the book's title is everywhere.
async fn is_nowhere(person: &Person, folder: &Path, log: &Path) {
    let pool = settled(folder).await;
    let dump = traces::dump(&pool).await;
    let control = Traces::of(&[CONTROL]);
    let postgres = folder.join("postgres");
    let nats = folder.join("nats");
    for place in [&postgres, &nats, &dump] {
        assert!(place.exists(), "{} is not there to be searched", place.display());
        assert!(!found_in(place, &control).is_empty(), "{} is not searched", place.display());
    }
    let traces = person.traces();
    for place in [folder, &dump, log] {
        assert_eq!(found_in(place, &traces), Vec::<String>::new(), "in {}", place.display());
    }
    fs::remove_file(dump).unwrap();
    pool.close().await;
}

#[tokio::test]
async fn nothing_of_an_erased_person_is_left_on_any_disk() {
    let folder = std::env::temp_dir().join(format!("daybook-e2e-{}", Uuid::now_v7().simple()));
    let name = folder.to_str().unwrap().to_owned();
    let start = move || {
        let post = MailServer::start();
        let settings = post.as_ref().map_or(vec![], |post| post.settings().to_vec());
        (Program::up_with("erasure", &["--data-dir", &name], &settings), post)
    };
    let (mut program, post) = tokio::task::spawn_blocking(start).await.unwrap();
    let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join("erasure.log");
    let system = System::of(&program).await;
    let book = system.add_book(json!({ "title": CONTROL, "authors": ["Anonymous"] })).await;
    let person = lives(&system, book).await;
    if post.is_some() {
        is_told_in_vain(&person.client).await;
    }
    let comments = format!("books/{book}/comments");
    let seen = system.get(&comments).header("consistency-token", person.position);
    let seen = seen.header("prefer", "wait=5").await.ok();
    assert!(seen.body.to_string().contains(SECOND_REMARK), "{seen}");
    is_nowhere(&person, &folder, &log).await;

    let erased = person.client.delete("accounts/me").await.accepted();
    let auditor = system.auditor().await;
    let account = format!("accounts/{}", person.client.id);
    let gone = auditor.get(&account).after(&erased).await.ok();
    assert_eq!((&gone["display_name"], &gone["state"]), (&Value::Null, &json!("erased")), "{gone}");
    let remark = || system.get(format!("comments/{}", person.comment)).after(&erased);
    eventually(remark, |answer| !answer.body.to_string().contains("harpsichord")).await;

    let wrapping = folder.join("keys/wrapping");
    let before = names(&wrapping);
    rotate(&folder).await;
    let after = names(&wrapping);
    assert!(!before.is_empty() && before.iter().all(|key| !after.contains(key)), "{before:?}");
    is_nowhere(&person, &folder, &log).await;
    // Everybody else is as they were, and the log is whole.
    let olga = system.operator();
    assert_eq!(olga.get("accounts/me").await.ok()["email"], json!(olga.login.email));
    let stream = format!("audit/streams/account/{}?reveal=a+test", person.client.id);
    let history = auditor.get(stream).await.ok();
    assert!(!history.body.to_string().contains("Quillfeather"), "{history}");
    program.signal(Signal::Terminate);
    tokio::task::spawn_blocking(move || program.child.wait()).await.unwrap().unwrap();
    let verified = crate::system::daybook().args(["verify", "--data-dir"]).arg(&folder).output();
    assert!(verified.as_ref().unwrap().status.success(), "{verified:?}");
    fs::remove_dir_all(&folder).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// What otherwise happens within the erasure horizon.
async fn rotate(folder: &Path) {
    let key = |name: &str| -> [u8; 32] {
        let text = fs::read_to_string(folder.join("keys").join(name)).unwrap();
        BASE64_STANDARD.decode(text.trim()).unwrap().try_into().unwrap()
    };
    let roots = RootKeys { master: key("master_key"), lookup: key("lookup_key") };
    let pool = settled(folder).await;
    let directory = folder.join("keys/wrapping");
    let keys = PersonalKeys::with_key_directory(pool.clone(), roots, directory);
    keys.rotate_now().await.unwrap();
    let open: i64 = sqlx::query_scalar(
        "select count(*) from eventstore.personal_keys where erased_at is not null
            and (wrapped is not null or wrapping_key is not null)",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(open, 0);
    pool.close().await;
}
