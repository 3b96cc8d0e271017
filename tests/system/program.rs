//! The `daybook` program as a child of the tests.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use local_services::{Signal, spawn_bound_to_us, testing};

use super::Login;

/// How long anything may take before a test gives up on it.
pub const WAIT_MAX: Duration = Duration::from_secs(60);

/// A running `daybook up`, and who operates it. It ends with the test program, if not sooner.
pub struct Program {
    pub child: Child,
    pub base: String,
    pub data_dir: PathBuf,
    pub operator: Login,
}

impl Program {
    /// The one that keeps nothing and serves every test.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Program> = OnceLock::new();
        // What is recommended must not change under a test's eyes.
        let settings = [("DAYBOOK_TRAIN_AFTER", "0")];
        SHARED.get_or_init(|| Self::up_with("shared", &["--ephemeral"], &settings))
    }

    /// Runs `daybook up`, waits until it is ready, and gives it an operator.
    pub fn up(name: &str, flags: &[&str]) -> Self {
        Self::up_with(name, flags, &[])
    }

    /// The same with settings in its environment.
    pub fn up_with(name: &str, flags: &[&str], settings: &[(&str, &str)]) -> Self {
        let mut command = daybook();
        command.args(["up", "--listen", "127.0.0.1:0"]).args(flags);
        command.envs(settings.iter().copied());
        let (child, said) = Starting::new(name, command).ready();
        let (_, data_dir) =
            said.iter().find(|line| line.starts_with("Data ")).unwrap().split_once(" in ").unwrap();
        let operator = Login::new("Olga");
        make_operator(daybook().args(["--data-dir", data_dir]), &operator);
        Self { child, base: address(&said), data_dir: data_dir.into(), operator }
    }

    pub fn signal(&self, signal: Signal) {
        local_services::signal(self.child.id(), signal);
    }
}

/// A program on its way up.
pub struct Starting {
    child: Child,
    log: PathBuf,
}

impl Starting {
    pub fn new(name: &str, mut command: Command) -> Self {
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.log"));
        File::create(&log).unwrap();
        let errors = File::options().append(true).open(&log).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let child = spawn_bound_to_us(command, Signal::Terminate).unwrap();
        Self { child, log }
    }

    /// What it said until it was ready.
    pub fn ready(mut self) -> (Child, Vec<String>) {
        let mut lines = BufReader::new(self.child.stdout.take().unwrap()).lines();
        let mut said = Vec::new();
        for line in lines.by_ref().map_while(Result::ok) {
            let ready = line.starts_with("Daybook ");
            said.push(line);
            if ready {
                // Nobody reads on, and a full pipe would stop the program.
                std::thread::spawn(move || lines.for_each(drop));
                return (self.child, said);
            }
        }
        let words = std::fs::read_to_string(&self.log).unwrap_or_default();
        panic!("`daybook` was never ready. It said {said:?} and {words}");
    }
}

/// From `Daybook is up on http://127.0.0.1:8000. ...`
pub fn address(said: &[String]) -> String {
    let (_, rest) = said.last().unwrap().split_once(" on ").unwrap();
    rest.split(". ").next().unwrap().trim_end_matches('.').to_owned()
}

/// The program under test, deaf to the settings of whoever runs the tests.
pub fn daybook() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daybook"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let is_setting = name.starts_with("DAYBOOK_") && name != "DAYBOOK_POSTGRES";
        if is_setting || name.starts_with("DATABASE_URL") || name.starts_with("NATS_URL") {
            command.env_remove(name);
        }
    }
    command.current_dir(env!("CARGO_TARGET_TMPDIR"));
    command.env("DAYBOOK_RATE_LIMITS", "false");
    // Tests of what texts mean ask for it; the others need not load it.
    command.env("DAYBOOK_TEXT_MODEL", "off");
    if let Some(folder) = testing::options().runtime_dir {
        command.env("DAYBOOK_RUNTIME_DIR", folder);
    }
    command
}

/// Runs `account create`, with the settings that `command` has already.
pub fn make_operator(command: &mut Command, login: &Login) {
    command.args(["account", "create", "--role", "operator", "--password-stdin"]);
    command.arg("--email").arg(&login.email).arg("--display-name").arg(&login.name);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(login.password.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "`daybook account create` failed");
}
