//! Which Postgres and which nats-server to use: the machine's before a fetched one.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::fs;
use std::path::{self, Path, PathBuf};
use std::process::Command;

use crate::error::Error;
use crate::fetch::Runtime;
use crate::user::User;

/// Our SQL is written for what this version understands.
const POSTGRES_MAJOR_MIN: u32 = 15;
/// Debian's 2.9 silently ignores `filter_subjects` and breaks key-value buckets.
const NATS_VERSION_MIN: (u32, u32) = (2, 10);
const DEBIAN_VERSIONS: &str = "/usr/lib/postgresql";

/// Where a Postgres may come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PostgresSource {
    /// The machine's if it has one, else a fetched one.
    #[default]
    Any,
    System,
    Fetched,
}

impl PostgresSource {
    /// What `DAYBOOK_POSTGRES` asks for: `system`, `fetched`, or anything else for either.
    pub fn from_env() -> Self {
        match env::var("DAYBOOK_POSTGRES").as_deref() {
            Ok("system") => Self::System,
            Ok("fetched") => Self::Fetched,
            _ => Self::Any,
        }
    }
}

/// A program found, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Postgres: the folder of its programs; nats-server: the program.
    pub(crate) path: PathBuf,
    pub(crate) version: String,
    pub(crate) origin: &'static str,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {} ({})", self.version, self.path.display(), self.origin)
    }
}

/// A Postgres for `cluster`: the first of a fitting version, where the cluster's own major version
/// is the only one that fits once it has been made.
pub(crate) fn postgres(
    source: PostgresSource,
    cluster: &Path,
    runtime: &Runtime,
    user: Option<User>,
) -> Result<Found, Error> {
    let made_by = fs::read_to_string(cluster.join("PG_VERSION"))
        .ok()
        .and_then(|major| major.trim().parse::<u32>().ok());
    let mut others = Vec::new();
    let mut consider = |path: PathBuf, origin: &'static str| {
        let (major, version) = postgres_version(&path)?;
        let fits = major >= POSTGRES_MAJOR_MIN && made_by.is_none_or(|made_by| major == made_by);
        if fits && user.is_none_or(|user| user.can_enter(&path)) {
            return Some(Found { path, version, origin });
        }
        others.push(format!("{version} in {}", path.display()));
        None
    };
    if source != PostgresSource::Fetched
        && let Some(found) = machines().into_iter().find_map(|(path, how)| consider(path, how))
    {
        return Ok(found);
    }
    let why = if source == PostgresSource::System {
        "fetching is switched off".to_owned()
    } else {
        match runtime.postgres() {
            Ok((path, origin)) => match consider(path, origin) {
                Some(found) => return Ok(found),
                None => "the fetched one does not fit".to_owned(),
            },
            Err(why) => why,
        }
    };
    match made_by {
        Some(made_by) if !others.is_empty() => {
            let found = others.join(", ");
            Err(Error::OtherMajor { cluster: cluster.to_owned(), made_by, found })
        }
        _ => Err(Error::NoPostgres { why }),
    }
}

/// Folders of Postgres programs on this machine, the most explicitly chosen first.
fn machines() -> Vec<(PathBuf, &'static str)> {
    if let Some(folder) = env::var_os("PG_BIN") {
        let folder = path::absolute(&folder).unwrap_or_else(|_| folder.into());
        return vec![(folder, "PG_BIN")];
    }
    let mut folders = Vec::new();
    if let Some(program) = on_path("postgres") {
        // Often a link into a versioned folder, where initdb is at home too.
        let program = fs::canonicalize(&program).unwrap_or(program);
        folders.extend(program.parent().map(|folder| (folder.to_owned(), "PATH")));
    }
    if let Some(folder) = output(Command::new("pg_config").arg("--bindir")) {
        folders.push((folder.into(), "pg_config"));
    }
    let versions: BTreeMap<u32, PathBuf> = fs::read_dir(DEBIAN_VERSIONS)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let major = entry.file_name().to_str()?.parse().ok()?;
            Some((major, entry.path().join("bin")))
        })
        .collect();
    folders.extend(versions.into_values().rev().map(|folder| (folder, DEBIAN_VERSIONS)));
    folders
}

fn postgres_version(folder: &Path) -> Option<(u32, String)> {
    if !folder.join("initdb").is_file() {
        return None;
    }
    let text = output(Command::new(folder.join("postgres")).arg("--version"))?;
    let number = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_numeric()))?;
    let major = number.split(|c: char| !c.is_numeric()).next()?.parse().ok()?;
    Some((major, format!("PostgreSQL {number}")))
}

/// A nats-server new enough, or why there is none.
pub(crate) fn nats(runtime: &Runtime) -> Result<Found, String> {
    if let Some(found) = on_path("nats-server").and_then(|program| nats_version(program, "PATH")) {
        return Ok(found);
    }
    let (program, origin) = runtime.nats()?;
    nats_version(program, origin).ok_or_else(|| "the fetched nats-server does not run here".into())
}

fn nats_version(program: PathBuf, origin: &'static str) -> Option<Found> {
    let text = output(Command::new(&program).arg("--version"))?;
    let number = text.rsplit(['v', ' ']).next()?;
    let mut parts = number.split('.').map(|part| part.parse::<u32>().ok());
    let version = (parts.next()??, parts.next()??);
    (version >= NATS_VERSION_MIN).then(|| Found {
        path: program,
        version: format!("nats-server {number}"),
        origin,
    })
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let mut places = env::split_paths(&path).map(|folder| folder.join(program));
    places.find(|place| place.is_file())
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.env_remove("PGDATA").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}
