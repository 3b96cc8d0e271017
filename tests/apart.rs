//! The roles in processes of their own, on a Postgres and a NATS that somebody else started.

use std::process::{Child, Command};

use local_services::{Signal, testing};
use serde_json::json;
use uuid::Uuid;

use crate::system::{
    Client, Listening, Login, Shop, Starting, System, address, daybook, eventually, make_operator,
};

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

/// Two of the kinds that must not get in each other's way.
const TWO_OF_A_KIND: Parts = Parts {
    name: "apart",
    processes: &[
        &["command-api"],
        &["command-api"],
        &["query-api"],
        &["projections", "processes"],
        &["processes"],
        &["relay"],
    ],
    settings: &[],
};

/// The system in pieces, ready.
pub struct Apart {
    programs: Vec<(Child, String)>,
    pub operator: Login,
    /// Where commands go, and where else.
    pub commands: System,
    other: String,
    pub queries: String,
}

/// The roles of each process, under a name for their logs, with settings of their own.
pub struct Parts {
    pub name: &'static str,
    pub processes: &'static [&'static [&'static str]],
    pub settings: &'static [(&'static str, &'static str)],
}

impl Apart {
    pub async fn start(parts: Parts) -> Self {
        let Parts { name, processes, settings } = parts;
        let begin = move || {
            let (database, nats) = (testing::database_url(), testing::nats());
            let nats = nats.as_deref();
            let refused = serve_once(&database);
            assert!(refused.contains("daybook migrate"), "{refused}");
            let migrated = configured(&database, nats).arg("migrate").output().unwrap();
            assert!(migrated.status.success(), "{migrated:?}");
            let starting = processes.iter().enumerate().map(|(number, roles)| {
                let mut command = configured(&database, nats);
                command.envs(settings.iter().copied()).args(["serve", "--listen", "127.0.0.1:0"]);
                command.args(roles.iter().flat_map(|role| ["--role", role]));
                Starting::new(&format!("{name}-{number}-{}", roles.join("-")), command)
            });
            let starting: Vec<Starting> = starting.collect();
            let olga = Login::new("Olga");
            make_operator(&mut configured(&database, nats), &olga);
            let ready = starting.into_iter().map(Starting::ready);
            let programs = ready.map(|(child, said)| (child, address(&said)));
            (programs.collect::<Vec<_>>(), olga)
        };
        let (programs, operator) = tokio::task::spawn_blocking(begin).await.unwrap();
        let having = |role: &str| {
            let with_it =
                processes.iter().zip(&programs).filter(|(roles, _)| roles.contains(&role));
            with_it.map(|(_, (_, address))| address.clone()).collect::<Vec<String>>()
        };
        let commands = System::at(&having("command-api")[0], &operator).await;
        let other = having("command-api").pop().unwrap();
        let queries = having("query-api").remove(0);
        Self { programs, operator, commands, other, queries }
    }

    pub async fn stop(self) {
        for (child, address) in &self.programs {
            let site = self.commands.reading_from(address);
            eventually(|| site.get("/readyz"), |answer| answer.status.is_success()).await;
            local_services::signal(child.id(), Signal::Terminate);
        }
        let mut programs = self.programs;
        let end = move || programs.iter_mut().all(|(child, _)| child.wait().unwrap().success());
        assert!(tokio::task::spawn_blocking(end).await.unwrap());
    }
}

#[tokio::test]
async fn roles_apart_work_together() {
    let apart = Apart::start(TWO_OF_A_KIND).await;
    what_is_written_here_is_read_there(&apart).await;
    two_of_a_kind_sell_nothing_twice_and_know_each_others_keys(&apart).await;
    apart.stop().await;
}

async fn what_is_written_here_is_read_there(apart: &Apart) {
    let commands = &apart.commands;
    let queries = commands.reading_from(&apart.queries);
    let ada = commands.ada().await;
    let mut live = Listening::to(ada.at(&apart.queries).get("live?topics=ratings")).await;
    assert_eq!(live.next().await.event, "open");

    let mercy = commands.merchandiser().await;
    let book = json!({ "title": "Middlemarch", "authors": ["George Eliot"] });
    let book = mercy.post("books", book).await.accepted();
    let rated = ada.rate(book.id(), 9).await.accepted();

    let ratings = queries.get(format!("books/{}/ratings", book.id())).after(&rated).await;
    assert_eq!(ratings["count"], 1, "{ratings}");
    assert_eq!(live.until("ItemRated").await.id, rated.position);
    for wrong_side in [
        queries.post("sessions", json!({})).await,
        commands.get("books").await,
        commands.get(format!("books/{}/ratings", book.id())).await,
    ] {
        let status = wrong_side.status.as_u16();
        assert!([404, 405].contains(&status), "{wrong_side}");
        assert_eq!(wrong_side.header("content-type"), "application/problem+json", "{wrong_side}");
    }
}

async fn two_of_a_kind_sell_nothing_twice_and_know_each_others_keys(apart: &Apart) {
    let shop = Shop::of(apart.commands.clone(), 0).await;
    let stock = format!("stock/{}/receipts", shop.product);
    shop.mercy.post(stock, json!({ "quantity": 10 })).await.accepted();
    let ada = shop.system.ada().await;
    let elsewhere = ada.at(&apart.other);
    let key = Uuid::now_v7();
    let items = json!({ "items": [{ "product_id": shop.product, "quantity": 1 }] });
    let send = |who: &Client| {
        let ask = who.post("orders", items.clone()).header("idempotency-key", key);
        async move { ask.await }
    };
    let first = send(&ada).await.accepted();
    let again = send(&elsewhere).await;
    assert_eq!(again.header("idempotency-replayed"), "true", "{again}");
    assert_eq!(again.accepted().position, first.position);

    let both = [&ada, &elsewhere];
    let orders = (0..30).map(|number| both[number % 2].orders(shop.product, 1));
    let mut orders = futures::future::join_all(orders).await;
    orders.push(first);
    let reader = ada.at(&apart.queries);
    let settled = futures::future::join_all(orders.iter().map(|order| reader.settled(order))).await;

    let confirmed = settled.iter().filter(|order| order["status"] == "CONFIRMED").count();
    assert_eq!(confirmed, 10);
    let stock = format!("stock/{}", shop.product);
    let level = || reader.get(&stock);
    let level = eventually(level, |level| level["reserved"] == 10).await;
    assert_eq!(level["available"], 0, "{level}");
}

fn serve_once(database: &str) -> String {
    let mut command = configured(database, None);
    command.args(["serve", "--role", "command-api", "--listen", "127.0.0.1:0"]);
    String::from_utf8_lossy(&command.output().unwrap().stderr).into_owned()
}
