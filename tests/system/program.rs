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

/// A running `daybook`. It ends with the test program, if not sooner.
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
        SHARED.get_or_init(|| Self::up("shared", &["--ephemeral", "--listen", "127.0.0.1:0"], &[]))
    }

    /// Runs `daybook up`, waits until it serves, and gives it an operator.
    pub fn up(name: &str, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.log"));
        let mut command = daybook();
        command.arg("up").args(flags).envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut child = spawn_bound_to_us(command, Signal::Terminate).unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut base, mut data_dir) = (String::new(), PathBuf::new());
        for line in lines.by_ref().map_while(Result::ok) {
            if let Some(rest) = line.strip_prefix("Data") {
                data_dir = rest.rsplit(" in ").next().unwrap_or(rest).trim().into();
            }
            if let Some(rest) = line.strip_prefix("Daybook is up on ") {
                base = rest.split(". ").next().unwrap_or(rest).to_owned();
                break;
            }
        }
        if base.is_empty() {
            let words = std::fs::read_to_string(&log).unwrap_or_default();
            panic!("`daybook up` did not come up: {words}");
        }
        // Nobody reads on, and a full pipe would stop the program.
        std::thread::spawn(move || lines.for_each(drop));
        let operator = Login::new("Olga");
        make_operator(&data_dir, &operator);
        Self { child, base, data_dir, operator }
    }

    pub fn signal(&self, signal: Signal) {
        local_services::signal(self.child.id(), signal);
    }
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
    if let Some(folder) = testing::options().runtime_dir {
        command.env("DAYBOOK_RUNTIME_DIR", folder);
    }
    command
}

fn make_operator(data_dir: &Path, login: &Login) {
    let mut command = daybook();
    command.args(["account", "create", "--role", "operator", "--password-stdin"]);
    command.arg("--email").arg(&login.email).arg("--display-name").arg(&login.name);
    command.arg("--data-dir").arg(data_dir);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(login.password.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "`daybook account create` failed");
}
