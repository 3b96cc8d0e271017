//! docker-compose.yml: that it starts what there is to start.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::configuration::Gateway;
use super::nginx::found;
use crate::system::daybook;

const COMPOSE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docker-compose.yml");
const SECRETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/secrets.sh");
/// One NATS, or three.
const KINDS: [&str; 2] = ["alone", "cluster"];

/// The lines of each service, by its name.
fn services(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut services: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut name = None;
    for line in section(text, "services") {
        let is_name = line.starts_with("  ") && !line.starts_with("   ") && line.ends_with(':');
        if is_name {
            name = Some(line.trim().trim_end_matches(':').to_owned());
        } else if let Some(name) = &name {
            services.entry(name.clone()).or_default().push(line.to_owned());
        }
    }
    services
}

/// The lines below a key of the first level.
fn section<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let key = format!("{name}:");
    let below = text.lines().skip_while(move |line| !line.starts_with(&key)).skip(1);
    below.take_while(|line| line.is_empty() || line.starts_with([' ', '#']))
}

/// The roles of `command: ["serve", "--role", ...]`.
fn roles(service: &[String]) -> Vec<String> {
    let command = service.iter().find_map(|line| line.trim().strip_prefix("command: [\"serve\""));
    let words = command.unwrap_or_default().split('"');
    words.filter(|word| word.starts_with(char::is_alphabetic)).map(str::to_owned).collect()
}

#[test]
fn every_role_has_one_service_and_the_gateway_knows_its_sides() {
    let services = services(&fs::read_to_string(COMPOSE).unwrap());
    let help = daybook().args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let listed = help.lines().filter_map(|line| line.trim().strip_prefix("- "));
    let mut known: Vec<_> = listed.filter_map(|line| line.split(':').next()).collect();
    let served: Vec<String> = services.values().flat_map(|lines| roles(lines)).collect();
    let mut served: Vec<&str> = served.iter().map(String::as_str).collect();
    known.sort_unstable();
    served.sort_unstable();
    assert_eq!(served, known);

    let gateway = Gateway::parse(&fs::read_to_string(super::CONFIGURATION).unwrap());
    for (side, role) in [("command", "command-api"), ("query", "query-api")] {
        let (host, port) = gateway.host(side);
        assert_eq!(port, 8000);
        assert_eq!(roles(&services[&host]), [role]);
    }
    for (name, lines) in &services {
        let is_open = lines.iter().any(|line| line.trim().starts_with("ports:"));
        assert_eq!(is_open, name == "gateway", "{name}");
    }
}

#[test]
fn the_secrets_and_settings_of_the_services_are_those_that_there_are() {
    let folder = scratch("secrets");
    let script = folder.join("secrets.sh");
    fs::copy(SECRETS, &script).unwrap();
    let make = || assert!(Command::new("sh").arg(&script).status().unwrap().success());
    let key = || fs::read_to_string(folder.join("secrets/master_key")).unwrap();
    make();
    let first = key();
    make();
    assert_eq!(key(), first, "what is there stays as it is");

    let text = fs::read_to_string(COMPOSE).unwrap();
    for kind in KINDS {
        let text = text.replace("${NATS:-alone}", kind);
        let nats = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/nats");
        assert!(Path::new(nats).join(format!("{kind}.conf")).is_file());
        let made = |name: &str| {
            let line = section(&text, "secrets").find(|line| line.trim().starts_with(name));
            let (_, file) = line.unwrap().split_once("./deploy/").unwrap();
            folder.join(file.trim_end_matches([' ', '"', '}']))
        };
        let environment = section(&text, "x-daybook").filter_map(|line| {
            let (name, value) = line.trim().split_once(": ")?;
            let is_setting = ["DAYBOOK_", "DATABASE_", "NATS_"].iter().any(|p| name.starts_with(p));
            let value = value.trim_matches('"').replace("${NATS_REPLICAS:-1}", "3");
            let value = match value.strip_prefix("/run/secrets/") {
                Some(secret) => made(secret).display().to_string(),
                None => value,
            };
            is_setting.then(|| (name.to_owned(), value))
        });
        let environment: Vec<(String, String)> = environment.collect();
        assert!(environment.len() > 8, "{environment:?}");
        let checked = daybook().args(["config", "check"]).envs(environment).output().unwrap();
        assert!(checked.status.success(), "{checked:?}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_image_is_built_from_every_crate_and_from_no_secret() {
    let read = |file: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file));
    let (manifest, ignored) = (read("Cargo.toml").unwrap(), read(".dockerignore").unwrap());
    let (_, members) = manifest.split_once("members = [").unwrap();
    let (members, _) = members.split_once(']').unwrap();
    let mut members: Vec<&str> = members.split('"').skip(1).step_by(2).collect();
    members.retain(|member| *member != ".");
    for needed in members.iter().chain(&["src", "tests", "Cargo.toml", "Cargo.lock"]) {
        assert!(ignored.lines().any(|line| line == format!("!{needed}")), "{needed} is left out");
    }
    assert!(ignored.lines().any(|line| line == "*"), "what is not named does not go in");
    assert!(!ignored.contains("!deploy"), "secrets are there");
}

#[test]
fn docker_compose_understands_the_file() {
    let Some(program) = found("docker-compose") else { return };
    for flags in [&[][..], &["--env-file", "deploy/cluster.env"], &["--profile", "cluster"]] {
        let mut compose = Command::new(&program);
        compose.current_dir(env!("CARGO_MANIFEST_DIR")).args(flags).args(["config", "--quiet"]);
        let said = compose.output().unwrap();
        assert!(said.status.success(), "{flags:?}: {}", String::from_utf8_lossy(&said.stderr));
    }
}

fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}
