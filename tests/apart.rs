//! The roles in processes of their own, on a Postgres and a NATS that somebody else started.

use std::process::Command;

use local_services::{Signal, testing};
use serde_json::json;

use crate::system::{Login, Starting, System, address, daybook, eventually, make_operator};

/// 32 bytes each; nothing secret is kept here.
const KEYS: [(&str, &str); 3] = [
    ("DAYBOOK_MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
    ("DAYBOOK_LOOKUP_KEY", "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="),
    ("DAYBOOK_SIGNING_KEYS", "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8="),
];

fn configured(database: &str, nats: Option<&str>) -> Command {
    let mut command = daybook();
    command.envs(KEYS).env("DATABASE_URL", database).env("DAYBOOK_CONNECTIONS_MAX", "8");
    if let Some(nats) = nats {
        command.env("NATS_URL", nats);
    }
    command
}

fn serve(role: &[&str], database: &str, nats: Option<&str>) -> Starting {
    let mut command = configured(database, nats);
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    for role in role {
        command.args(["--role", role]);
    }
    Starting::new(&format!("apart-{}", role.join("-")), command)
}

#[tokio::test]
async fn roles_apart_work_together() {
    let begin = || {
        let (database, nats) = (testing::database_url(), testing::nats());
        let nats = nats.as_deref();
        let refused = serve_once(&database);
        assert!(refused.contains("daybook migrate"), "{refused}");
        let migrated = configured(&database, nats).arg("migrate").output().unwrap();
        assert!(migrated.status.success(), "{migrated:?}");
        let starting = [
            serve(&["command-api"], &database, nats),
            serve(&["query-api"], &database, nats),
            serve(&["projections", "processes"], &database, nats),
            serve(&["relay"], &database, nats),
        ];
        let olga = Login::new("Olga");
        make_operator(&mut configured(&database, nats), &olga);
        (starting.map(Starting::ready), olga)
    };
    let (programs, olga) = tokio::task::spawn_blocking(begin).await.unwrap();
    let commands = System::at(&address(&programs[0].1), &olga).await;
    let queries = address(&programs[1].1);
    let queries = commands.reading_from(&queries);

    let mercy = commands.merchandiser().await;
    let book = json!({ "title": "Middlemarch", "authors": ["George Eliot"] });
    let book = mercy.post("books", book).await.accepted();
    let rated = commands.ada().await.rate(book.id(), 9).await.accepted();

    let ratings = queries.get(format!("books/{}/ratings", book.id())).after(rated).await;
    assert_eq!(ratings["count"], 1, "{ratings}");
    let wrong_side = queries.post("sessions", json!({})).await;
    assert!(wrong_side.status.is_client_error(), "{wrong_side}");
    for (child, said) in &programs {
        let ready = commands.reading_from(&address(std::slice::from_ref(said.last().unwrap())));
        eventually(|| ready.get("/readyz"), |answer| answer.status.is_success()).await;
        local_services::signal(child.id(), Signal::Terminate);
    }
    let end = || programs.map(|(mut child, _)| child.wait().unwrap().success());
    assert_eq!(tokio::task::spawn_blocking(end).await.unwrap(), [true; 4]);
}

fn serve_once(database: &str) -> String {
    let mut command = configured(database, None);
    command.args(["serve", "--role", "command-api", "--listen", "127.0.0.1:0"]);
    String::from_utf8_lossy(&command.output().unwrap().stderr).into_owned()
}
