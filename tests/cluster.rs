//! The three NATS nodes of deploy/cluster.env: each has the stream, and one of them may be lost.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use local_services::{Signal, spawn_bound_to_us, testing};
use serde_json::{Value, json};

use crate::gateway::found;
use crate::system::{Ask, Program, System, eventually};

const CONFIGURATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/nats/cluster.conf");
const NODES: usize = 3;
const PASSWORD: &str = "nothing-secret";

/// One node, and where it says how it is.
struct Node {
    child: Child,
    client: u16,
    monitor: u16,
}

impl Node {
    fn stop(mut self, signal: Signal) {
        local_services::signal(self.child.id(), signal);
        self.child.wait().unwrap();
    }
}

#[tokio::test]
async fn the_stream_outlives_the_loss_of_a_node() {
    let Some(nats_server) = nats_server() else { return };
    let mut nodes = cluster(&nats_server);
    let urls =
        nodes.iter().map(|node| format!("nats://daybook:{PASSWORD}@127.0.0.1:{}", node.client));
    let urls = urls.collect::<Vec<_>>().join(",");
    let start = move || {
        let settings = [("NATS_URL", urls.as_str()), ("DAYBOOK_NATS_REPLICAS", "3")];
        Program::up_with("cluster", &["--ephemeral"], &settings)
    };
    let mut program = tokio::task::spawn_blocking(start).await.unwrap();
    let system = System::of(&program).await;
    let ada = system.ada().await;
    let book = system.add_book(json!({ "title": "Emma", "authors": ["Jane Austen"] })).await;
    let first = ada.rate(book, 1).await.accepted();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let last = |seen: &Value| seen["state"]["last_seq"].as_i64().unwrap_or_default();

    let stream = reaches(&nodes[0], &http, |seen| last(seen) >= first.position).await;
    assert_eq!(stream["config"]["num_replicas"], NODES, "{stream}");
    let leader = stream["cluster"]["leader"].as_str().unwrap();
    let leader: usize = leader.strip_prefix("node-").unwrap().parse().unwrap();
    nodes.remove(leader).stop(Signal::Kill);

    // Commands ask no node, and the stream goes on where it was.
    let second = ada.rate(book, 2).await.accepted();
    let goes_on = |seen: &Value| last(seen) >= second.position;
    let stream = reaches(&nodes[0], &http, goes_on).await;
    assert_eq!(stream["state"]["first_seq"], 1, "nothing was made anew: {stream}");
    assert_eq!(stream["state"]["messages"], stream["state"]["last_seq"], "{stream}");
    let page = system.get(format!("books/{book}/ratings")).after(second).await;
    assert_eq!(page["average"], 2.0, "{page}");

    program.signal(Signal::Terminate);
    assert!(program.child.wait().unwrap().success());
    nodes.into_iter().for_each(|node| node.stop(Signal::Kill));
}

/// The stream once it is as it must become.
async fn reaches(node: &Node, http: &reqwest::Client, holds: impl Fn(&Value) -> bool) -> Value {
    let stream = |body: &Value| body["account_details"][0]["stream_detail"][0].clone();
    let url = format!("http://127.0.0.1:{}/jsz?streams=1&config=1", node.monitor);
    let ask = || Ask::new(http.get(&url));
    let answer = eventually(ask, |answer| holds(&stream(&answer.body))).await;
    stream(&answer.body)
}

/// The cluster as it is configured, at addresses of this machine.
fn cluster(nats_server: &Path) -> Vec<Node> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cluster");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let authorization = format!("authorization {{ user: daybook, password: \"{PASSWORD}\" }}\n");
    fs::write(folder.join("nats_authorization"), authorization).unwrap();
    let ports = free_ports();
    let start = |number: usize| {
        let [client, monitor, route] = ports[number];
        let mut text = fs::read_to_string(CONFIGURATION).unwrap();
        let mut put = |ours: String, here: String| {
            assert!(text.contains(&ours), "the configuration has no `{ours}` any more");
            text = text.replace(&ours, &here);
        };
        put("\nport: 4222".into(), format!("\nlisten: \"127.0.0.1:{client}\""));
        put("http_port: 8222".into(), format!("http: \"127.0.0.1:{monitor}\""));
        put("    port: 6222".into(), format!("    listen: \"127.0.0.1:{route}\""));
        put("/data/cluster".into(), folder.join(format!("data-{number}")).display().to_string());
        put("../../run/secrets/".into(), String::new());
        for (other, [_, _, route]) in ports.iter().enumerate() {
            put(format!("nats-{}:6222", other + 1), format!("127.0.0.1:{route}"));
        }
        let configuration = folder.join(format!("node-{number}.conf"));
        fs::write(&configuration, text).unwrap();
        let log = fs::File::create(folder.join(format!("node-{number}.log"))).unwrap();
        let mut node = Command::new(nats_server);
        node.arg("--config").arg(&configuration).args(["--name", &format!("node-{number}")]);
        node.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Node { child: spawn_bound_to_us(node, Signal::Kill).unwrap(), client, monitor }
    };
    (0..NODES).map(start).collect()
}

/// Three for each node, all held until all are known.
fn free_ports() -> [[u16; 3]; NODES] {
    let hold = || TcpListener::bind("127.0.0.1:0").unwrap();
    let held: [[TcpListener; 3]; NODES] = std::array::from_fn(|_| std::array::from_fn(|_| hold()));
    held.map(|node| node.map(|listener| listener.local_addr().unwrap().port()))
}

/// The one that the tests use anyway.
fn nats_server() -> Option<PathBuf> {
    testing::nats()?;
    let runtime = testing::options().runtime_dir.and_then(|folder| fs::read_dir(folder).ok());
    let programs = runtime.into_iter().flatten().flatten().map(|entry| entry.path());
    let mut programs = programs.map(|folder| folder.join("bin/nats-server"));
    programs.find(|program| program.is_file()).or_else(|| found("nats-server"))
}
