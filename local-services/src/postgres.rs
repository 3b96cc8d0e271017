//! A Postgres of our own: its files, its start, its end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::child::Server;
use crate::error::{Doing, Error};
use crate::find::Found;
use crate::os::Signal;
use crate::predecessor;
use crate::sql;
use crate::user::{User, private_folder};

const READY_WAIT_MAX: Duration = Duration::from_secs(60);
/// Line of `postmaster.pid` that says how far the start has come, from 0.
const STATUS_LINE: usize = 7;
/// The kernel's limit for the path of a socket is 108 bytes.
const SOCKET_PATH_MAX: usize = 100;
const SOCKET: &str = ".s.PGSQL.5432";

/// Where a Postgres keeps its things, and as whom it runs.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) cluster: PathBuf,
    pub(crate) sockets: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) user: Option<User>,
    /// Whether what was committed must survive a loss of power.
    pub(crate) durable: bool,
    pub(crate) connections_max: u32,
}

#[derive(Debug)]
pub(crate) struct Postgres {
    place: Place,
    programs: Found,
    server: Server,
}

impl Postgres {
    pub(crate) fn start(place: Place, programs: Found) -> Result<Self, Error> {
        if !place.cluster.join("PG_VERSION").is_file() {
            initdb(&place, &programs)?;
        }
        private_folder(&place.sockets, place.user)?;
        let server = run(&place, &programs)?;
        Ok(Self { place, programs, server })
    }

    /// Starts the server again on the same files, after it ended or was killed.
    pub(crate) fn restart(&mut self) -> Result<(), Error> {
        self.server.stop(Signal::Interrupt);
        self.server = run(&self.place, &self.programs)?;
        Ok(())
    }

    pub(crate) fn stop(&mut self) {
        // What need not survive need not be written down either.
        let politely = if self.place.durable { Signal::Interrupt } else { Signal::Quit };
        self.server.stop(politely);
        // Made again at the next start; it may stand in a folder that is not ours to fill.
        let _ = fs::remove_dir(&self.place.sockets);
    }

    pub(crate) fn ended(&mut self) -> bool {
        self.server.ended().is_some()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }

    pub(crate) fn programs(&self) -> &Found {
        &self.programs
    }

    pub(crate) fn url(&self, database: &str) -> String {
        let mut folder = String::new();
        for byte in self.place.sockets.as_os_str().as_encoded_bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                    folder.push(char::from(*byte));
                }
                _ => folder.push_str(&format!("%{byte:02X}")),
            }
        }
        format!("postgresql://postgres@{folder}:5432/{database}")
    }

    pub(crate) fn execute(&self, database: &str, statement: &str) -> Result<(), Error> {
        sql::execute(&self.place.sockets.join(SOCKET), database, statement)
    }

    /// Makes sure there is a database of this name.
    pub(crate) fn ensure_database(&self, name: &str) -> Result<(), Error> {
        match self.execute("postgres", &format!("create database {name}")) {
            Err(Error::Sql { message, .. }) if message.contains("42P04") => Ok(()),
            other => other,
        }
    }
}

/// A folder for sockets inside `wanted`, or a short one elsewhere if that path is too long.
pub(crate) fn sockets_folder(wanted: PathBuf, name: &str) -> PathBuf {
    if wanted.join(SOCKET).as_os_str().len() < SOCKET_PATH_MAX {
        return wanted;
    }
    PathBuf::from(format!("/tmp/daybook-{name}"))
}

fn run(place: &Place, programs: &Found) -> Result<Server, Error> {
    predecessor::wait_until_gone(&place.cluster);
    let mut server = launch(place, programs)?;
    let status = place.cluster.join("postmaster.pid");
    let ready = server.wait_until(READY_WAIT_MAX, |server| {
        let text = fs::read_to_string(&status).ok()?;
        let ours = text.lines().next()?.parse() == Ok(server.pid());
        (ours && text.lines().nth(STATUS_LINE)?.trim() == "ready").then_some(())
    });
    if let Err(error) = ready {
        server.stop(Signal::Quit);
        return Err(error);
    }
    Ok(server)
}

fn launch(place: &Place, programs: &Found) -> Result<Server, Error> {
    let mut settings = vec![
        "listen_addresses=".to_owned(),
        "port=5432".to_owned(),
        format!("unix_socket_directories={}", place.sockets.display()),
        format!("max_connections={}", place.connections_max),
        // Our statements are short: compiling them would cost more than running them.
        "jit=off".to_owned(),
    ];
    if cfg!(target_os = "linux") {
        // After a crash one call for the whole disk, instead of seconds of one call for each file.
        settings.push("recovery_init_sync_method=syncfs".to_owned());
    }
    if !place.durable {
        settings.extend(
            ["fsync=off", "synchronous_commit=off", "full_page_writes=off"].map(Into::into),
        );
    }
    let mut command = program(place, programs, "postgres");
    command.arg("-D").arg(&place.cluster);
    for setting in settings {
        command.arg("-c").arg(setting);
    }
    let last_wish = if place.durable { Signal::Interrupt } else { Signal::Quit };
    Server::start("postgres", command, place.user, &place.log, last_wish)
}

/// Makes the cluster beside its place and renames it, so that a half-made one never counts.
fn initdb(place: &Place, programs: &Found) -> Result<(), Error> {
    let new = place.cluster.with_extension("new");
    let what = || format!("make {}", place.cluster.display());
    // With bytes and code points for order, indexes do not depend on the machine's locale.
    for locale in ["C.UTF-8", "C"] {
        if new.exists() {
            fs::remove_dir_all(&new).doing(what)?;
        }
        private_folder(&new, place.user)?;
        let mut command = program(place, programs, "initdb");
        command.arg("-D").arg(&new).args(["-U", "postgres", "-A", "trust", "-E", "UTF8"]);
        command.arg(format!("--locale={locale}"));
        if !place.durable {
            command.arg("--no-sync");
        }
        let server = Server::start("initdb", command, place.user, &place.log, Signal::Terminate)?;
        match server.succeeded(READY_WAIT_MAX) {
            Ok(()) => return fs::rename(&new, &place.cluster).doing(what),
            Err(error) if locale == "C" => return Err(error),
            Err(_) => {}
        }
    }
    Ok(())
}

/// A program of this Postgres, deaf to the PG... variables of whoever calls us.
fn program(place: &Place, programs: &Found, name: &str) -> Command {
    let mut command = Command::new(programs.path.join(name));
    for (variable, _) in std::env::vars_os() {
        if variable.as_encoded_bytes().starts_with(b"PG") {
            command.env_remove(variable);
        }
    }
    // The folder we are in may be closed to the user the program runs as.
    command.current_dir(place.cluster.parent().unwrap_or(Path::new("/")));
    command
}
