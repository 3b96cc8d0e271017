//! Starting, stopping, and what stands beside the API.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Instant;

use local_services::Signal;
use uuid::Uuid;

use crate::system::{Program, Starting, System, WAIT_MAX, address, daybook};

#[tokio::test]
async fn a_running_system_says_how_it_is() {
    let system = System::start().await;

    assert_eq!(system.get("/livez").await.status.as_u16(), 200);
    let ready = system.get("/readyz").await;
    assert_eq!(ready["status"], "ready", "{ready}");
    let metrics = system.get("/metrics").await.ok();
    assert!(metrics.body.to_string().contains("daybook_http_requests_total"), "{metrics}");
    let description = system.get("/openapi.json").await;
    assert_eq!(description["openapi"], "3.1.0", "{description}");
    assert!(system.get("/docs/").await.ok().body.to_string().contains("html"));
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let system = System::start().await;

    system.get("/nowhere").await.refused(404, "not-found");
    system.get("sessions").await.refused(405, "method-not-allowed");
}

#[test]
fn more_clients_are_served_than_a_program_may_have_files_at_first() {
    const CLIENTS: usize = 400;
    let plain = daybook();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -S -n 256; exec \"$0\" \"$@\""]).arg(plain.get_program());
    command.args(["up", "--ephemeral", "--listen", "127.0.0.1:0"]);
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let (mut child, said) = Starting::new("crowded", command).ready();
    let base = address(&said);
    let address = base.trim_start_matches("http://");

    // All are connected before the first one asks.
    let open = || TcpStream::connect(address).unwrap();
    let mut clients: Vec<TcpStream> = (0..CLIENTS).map(|_| open()).collect();
    for client in &mut clients {
        client.set_read_timeout(Some(WAIT_MAX)).unwrap();
        client.write_all(b"GET /livez HTTP/1.1\r\nhost: daybook\r\n\r\n").unwrap();
        let mut answer = [0; 15];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
    }

    drop(clients);
    local_services::signal(child.id(), Signal::Terminate);
    child.wait().unwrap();
}

#[test]
fn a_data_directory_in_use_is_refused_with_the_owner_named() {
    let owner = Program::shared();
    let second = daybook()
        .args(["up", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(&owner.data_dir)
        .stderr(Stdio::piped())
        .output()
        .unwrap();

    assert_eq!(second.status.code(), Some(1));
    let words = String::from_utf8_lossy(&second.stderr);
    assert!(words.contains(&format!("in use by process {}", owner.child.id())), "{words}");
}

#[test]
fn a_stopped_system_finds_everything_again_and_ends_in_time() {
    let name = format!("daybook-e2e-{}", Uuid::now_v7().simple());
    let data_dir = std::env::temp_dir().join(name);
    let folder = data_dir.to_str().unwrap();
    for _ in 0..2 {
        // Making the operator needs the keys of the first time.
        let mut program = Program::up("restarted", &["--data-dir", folder]);
        let asked = Instant::now();
        program.signal(Signal::Terminate);
        let status = program.child.wait().unwrap();
        assert!(status.success(), "{status}");
        assert!(asked.elapsed() < WAIT_MAX / 6, "{:?}", asked.elapsed());
    }
    std::fs::remove_dir_all(&data_dir).unwrap();
}

#[test]
fn an_unknown_setting_stops_the_program() {
    let output = daybook().args(["config", "check"]).env("DAYBOOK_LISTNE", "x").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("listne"));
    let usage = daybook().arg("no-such-subcommand").output().unwrap();
    assert_eq!(usage.status.code(), Some(2));
}

#[test]
fn settings_that_cannot_be_used_are_named_before_anything_starts() {
    for (name, value, named) in [
        ("DAYBOOK_LISTEN", "abc", "the setting listen (DAYBOOK_LISTEN): invalid"),
        ("DAYBOOK_TRAIN_LAMBDA", "-1", "train_lambda"),
        ("DAYBOOK_PAYMENT_URL", "nonsense", "payment_url"),
        ("DAYBOOK_SMS_URL", "nonsense", "sms_url"),
        ("DAYBOOK_SMTP_URL", "smtp://127.0.0.1:25?tls=none", "smtp_url"),
        ("DAYBOOK_TEXT_MODEL", "/nowhere", "text_model"),
        ("DAYBOOK_BLOBS", "s3://files", "blobs_access_key"),
    ] {
        let settings = [(name, value), ("DAYBOOK_MAIL_FROM", "Daybook <us@example.org>")];
        let output = daybook().args(["config", "check"]).envs(settings).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {said}");
        assert!(said.contains(named) && !said.contains(".rs:"), "{name}: {said}");
    }
}

#[test]
fn the_demo_fills_an_empty_log_while_nothing_runs() {
    let data_dir = std::env::temp_dir().join(format!("daybook-demo-{}", uuid::Uuid::now_v7()));
    let demo = || daybook().arg("demo").arg("--data-dir").arg(&data_dir).output().unwrap();
    let output = demo();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("member@daybook.example"), "{told}");
    std::fs::remove_dir_all(&data_dir).unwrap();
}

#[test]
fn serving_roles_needs_a_configured_system() {
    let flags = ["serve", "--role", "command-api", "--listen", "127.0.0.1:0"];
    let output = daybook().args(flags).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("DATABASE_URL is not set"));
}

#[tokio::test]
async fn open_streams_do_not_hold_up_the_end() {
    let start = || Program::up("streaming", &["--ephemeral"]);
    let mut program = tokio::task::spawn_blocking(start).await.unwrap();
    let system = System::of(&program).await;
    let ada = system.ada().await;
    let mut streams = Vec::new();
    for _ in 0..50 {
        let stream = ada.get("live").open().await;
        assert_eq!(stream.status().as_u16(), 200);
        streams.push(stream);
    }
    let asked = Instant::now();

    program.signal(Signal::Terminate);
    let status = tokio::task::spawn_blocking(move || program.child.wait()).await.unwrap().unwrap();

    assert!(status.success(), "{status}");
    assert!(asked.elapsed() < WAIT_MAX / 6, "{:?}", asked.elapsed());
    let last = streams.remove(0).text().await.unwrap_or_default();
    assert!(last.contains("shutdown"), "{last}");
}

#[test]
fn a_healthy_system_passes_its_examination() {
    let program = Program::shared();
    let output =
        daybook().args(["doctor", "--json", "--data-dir"]).arg(&program.data_dir).output().unwrap();
    let findings: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(findings.len() > 5, "{findings:?}");
    for finding in &findings {
        assert_ne!(finding["verdict"], "fail", "{finding}");
        let fine = finding["verdict"] == "pass" || finding["fix"].is_string();
        assert!(fine, "what is not well comes with what fixes it: {finding}");
    }
}

#[test]
fn a_database_that_does_not_know_all_letters_is_refused_with_the_reason() {
    let ascii = "template0 encoding 'SQL_ASCII' locale 'C'";
    let url = local_services::testing::create_database_url(Some(ascii));
    let output = daybook().arg("migrate").env("DATABASE_URL", url).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("the database is in SQL_ASCII, and has to be in UTF8"), "{words}");
}

#[test]
fn the_description_needs_nothing_running() {
    let output = daybook().arg("openapi").output().unwrap();
    let description: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let rating = &description["paths"]["/api/v1/{kind}/{id}/rating"];
    assert!(rating["put"].is_object() && rating["delete"].is_object(), "{rating}");
}

#[test]
fn settings_are_shown_without_their_secrets() {
    let dump = daybook()
        .args(["config", "dump"])
        .env("DATABASE_URL", "postgresql://user:sesame@host/database")
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&dump.stdout);
    assert!(dump.status.success() && words.contains("listen = "), "{words}");
    assert!(!words.contains("sesame"), "{words}");
}

#[test]
fn who_has_heard_enough_is_not_told_of_a_panic() {
    let folder = &Program::shared().data_dir;
    let commands: [&[&str]; 6] = [
        &["openapi"],
        &["config", "dump"],
        &["projections", "list"],
        &["events", "export"],
        &["verify", "--json"],
        &["doctor"],
    ];
    for command in commands {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut child = daybook();
        child.args(command).arg("--data-dir").arg(folder);
        let child = child.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let output = child.wait_with_output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(141), "{command:?}: {words}");
        assert!(!words.contains("panicked") && !words.contains("roken pipe"), "{words}");
    }
}
