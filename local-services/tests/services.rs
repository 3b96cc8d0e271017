//! The promises of this crate, kept by the machine's Postgres and by the fetched one.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use local_services::testing;
use local_services::{Error, Options, PostgresSource, Services, Signal, attach, signal, start};

const WAIT_MAX: Duration = Duration::from_secs(30);

/// Waits for something to become true, and fails when it does not.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < WAIT_MAX, "not within {WAIT_MAX:?}: {what}");
        std::thread::yield_now();
    }
}

/// Running, and not a zombie.
fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// A data directory that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("daybook-test-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn options(&self) -> Options {
        Options { data_dir: Some(self.0.clone()), durable: true, ..testing::options() }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn remembers_across_a_restart(source: PostgresSource, name: &str) {
    let folder = Folder::new(name);
    let options = Options { postgres_source: source, nats: false, ..folder.options() };

    let services = start(&options).unwrap();
    services.execute("daybook", "create table kept (n int)").unwrap();
    let pid = services.postgres_pid().unwrap();
    services.stop();
    assert!(!is_alive(pid));

    let services = start(&options).unwrap();
    services.execute("daybook", "insert into kept values (1)").unwrap();
}

#[test]
fn the_machines_postgres_keeps_what_it_was_told() {
    let none_here =
        Options { postgres_source: PostgresSource::System, nats: false, ..testing::options() };
    if let Err(error @ Error::NoPostgres { .. }) = start(&none_here) {
        eprintln!("SKIPPED the machine's Postgres: {error}");
        return;
    }
    remembers_across_a_restart(PostgresSource::System, "system");
}

#[test]
fn a_fetched_postgres_keeps_what_it_was_told() {
    let fetched =
        Options { postgres_source: PostgresSource::Fetched, nats: false, ..testing::options() };
    match start(&fetched) {
        Err(error @ Error::NoPostgres { .. }) => {
            eprintln!("SKIPPED the fetched Postgres: {error}");
            return;
        }
        other => other.unwrap().stop(),
    }
    remembers_across_a_restart(PostgresSource::Fetched, "fetched");
}

#[test]
fn programs_kept_in_a_folder_named_from_here_are_found() {
    let here = env::current_dir().unwrap();
    let Some(runtime) = testing::options().runtime_dir else { return };
    let up = "../".repeat(here.components().count() - 1);
    let from_here = PathBuf::from(up).join(runtime.strip_prefix("/").unwrap());
    let options = Options {
        postgres_source: PostgresSource::Fetched,
        runtime_dir: Some(from_here),
        nats: false,
        ..testing::options()
    };
    match start(&options) {
        Err(error @ Error::NoPostgres { .. }) => eprintln!("SKIPPED: {error}"),
        other => other.unwrap().stop(),
    }
}

#[test]
fn a_cluster_of_another_major_version_is_refused_with_the_fix() {
    let folder = Folder::new("major");
    let options =
        Options { nats: false, postgres_source: PostgresSource::System, ..folder.options() };
    start(&options).unwrap().stop();
    let version = folder.0.join("postgres/PG_VERSION");
    fs::write(&version, "14\n").unwrap();

    let refused = start(&options).unwrap_err().to_string();

    assert!(refused.contains("was made by PostgreSQL 14"), "{refused}");
    assert!(refused.contains("PG_BIN"), "{refused}");
}

#[test]
fn a_data_directory_has_one_owner_at_a_time() {
    let folder = Folder::new("owner");
    let options = Options { nats: false, ..folder.options() };
    let services = start(&options).unwrap();

    let refused = start(&options).unwrap_err().to_string();

    assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
    let attached = attach(&folder.0).unwrap();
    assert_eq!(attached.database_url, services.database_url());
    services.stop();
    assert_eq!(attach(&folder.0), None);
}

#[test]
fn a_path_too_long_for_a_socket_is_no_obstacle() {
    let folder = Folder::new(&"long-".repeat(20));
    let services = start(&Options { nats: false, ..folder.options() }).unwrap();
    services.execute("daybook", "create table works (n int)").unwrap();
}

#[test]
fn a_data_directory_closed_to_the_user_of_postgres_is_no_obstacle_for_root() {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        eprintln!("SKIPPED: whoever is not root runs Postgres as himself");
        return;
    }
    let folder = Folder::new("closed");
    fs::create_dir(&folder.0).unwrap();
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o700)).unwrap();

    let services = start(&Options { nats: false, ..folder.options() }).unwrap();

    services.execute("daybook", "create table works (n int)").unwrap();
    let words = services.describe().join("\n");
    let place = words.split_whitespace().find(|word| word.starts_with("/var/lib/daybook/"));
    let place = place.unwrap_or_else(|| panic!("not said where: {words}")).trim_end_matches(',');
    services.stop();
    fs::remove_dir_all(place).unwrap();
}

#[test]
fn what_keeps_nothing_leaves_nothing() {
    let services = start(&Options { nats: false, ..testing::options() }).unwrap();
    let folder = services.data_dir().to_owned();
    assert!(folder.is_dir());
    services.stop();
    assert!(!folder.exists());
}

#[test]
fn killed_servers_are_revived_where_they_were() {
    let mut services = testing::crashable();
    let before = (services.database_url(), services.nats_url());
    services.execute("daybook", "create table kept (n int)").unwrap();
    let pids: Vec<u32> = services.postgres_pid().into_iter().chain(services.nats_pid()).collect();
    for pid in &pids {
        signal(*pid, Signal::Kill);
    }

    let mut revived = 0;
    eventually("everything killed is started again", || {
        revived += services.revive().unwrap().len();
        revived == pids.len()
    });

    services.execute("daybook", "insert into kept values (1)").unwrap();
    assert_eq!((services.database_url(), services.nats_url()), before);
}

#[test]
fn every_test_has_a_database_of_its_own_made_from_the_template() {
    let prepare = |url: &str| assert!(url.ends_with("/template_fruit"), "{url}");
    let first = testing::database_url_from("fruit", prepare);
    let second = testing::database_url_from("fruit", |_| panic!("prepared twice"));
    assert_ne!(first, second);
    assert_ne!(first, testing::database_url());
}

/// What the process to be killed runs: this very program, asked for this test alone.
#[test]
fn holds_services_until_it_is_killed() {
    let Some(folder) = env::var_os("HOLD_SERVICES_IN") else {
        return;
    };
    let options = Options { data_dir: Some(folder.into()), durable: true, ..testing::options() };
    let services = start(&options).unwrap();
    let pids: Vec<u32> = services.postgres_pid().into_iter().chain(services.nats_pid()).collect();
    println!("\nholding {pids:?}");
    loop {
        std::thread::park();
    }
}

#[test]
fn the_servers_of_a_killed_process_end_and_its_data_directory_is_free() {
    let folder = Folder::new("killed");
    let (mut holder, pids) = hold(&folder.0);
    assert!(pids.iter().all(|pid| is_alive(*pid)), "{pids:?}");

    holder.kill().unwrap();
    holder.wait().unwrap();

    eventually("the servers end", || !pids.iter().any(|pid| is_alive(*pid)));
    start(&Options { nats: false, ..folder.options() }).unwrap();
}

#[test]
fn a_killed_process_and_its_killed_postgres_are_recovered_from() {
    let folder = Folder::new("both-killed");
    let (mut holder, pids) = hold(&folder.0);
    for pid in &pids {
        signal(*pid, Signal::Kill);
    }
    holder.kill().unwrap();
    holder.wait().unwrap();

    let services: Services = start(&Options { nats: false, ..folder.options() }).unwrap();

    services.execute("daybook", "create table works (n int)").unwrap();
}

fn hold(folder: &Path) -> (std::process::Child, Vec<u32>) {
    let mut holder = Command::new(env::current_exe().unwrap())
        .args(["--exact", "holds_services_until_it_is_killed", "--nocapture"])
        .env("HOLD_SERVICES_IN", folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.find(|line| line.starts_with("holding [")).unwrap();
    let pids = line.trim_start_matches("holding [").trim_end_matches(']').split(", ");
    let pids = pids.map(|pid| pid.parse().unwrap()).collect();
    (holder, pids)
}
