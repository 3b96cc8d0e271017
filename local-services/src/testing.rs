//! Servers for tests: one Postgres and one NATS per test process, a database of its own per test.
//!
//! They end with the process, keep nothing and do not wait for the disk. A test that kills
//! servers uses [`crashable`] instead, which is all its own and does wait.

use std::collections::HashSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::thread;

use crate::find::PostgresSource;
use crate::os;
use crate::pip;
use crate::services::{Options, Services, start};

const CONNECTIONS_MAX: u32 = 500;

static POSTGRES: Shared = Shared(Mutex::new(None));
static PGVECTOR: Shared = Shared(Mutex::new(None));
static NATS: Shared = Shared(Mutex::new(None));

/// The address of this process's Postgres, as its superuser, in the database `postgres`.
pub fn postgres() -> String {
    url_of("postgres")
}

/// The address of this process's nats-server. None, said aloud, if this machine has none and none
/// can be fetched; a failure where `CI` is set.
pub fn nats() -> Option<String> {
    NATS.ask(&Options { postgres: false, ..options() }, |services| {
        if let Some(why) = services.nats_missing() {
            assert!(env::var_os("CI").is_none(), "no nats-server: {why}");
            eprintln!("SKIPPED what needs a nats-server: {why}");
        }
        services.nats_url()
    })
}

/// The folder of the model of meaning. None, said aloud, if it cannot be fetched; a failure where
/// `CI` is set.
pub fn text_model() -> Option<PathBuf> {
    match crate::text_model(&runtime_dir()) {
        Ok(folder) => Some(folder),
        Err(why) => {
            assert!(env::var_os("CI").is_none(), "no text model: {why}");
            eprintln!("SKIPPED what needs the text model: {why}");
            None
        }
    }
}

/// The address of a new database with the extension pgvector, in a Postgres that was fetched: those
/// of machines seldom have it. None, said aloud, if none can be fetched; a failure where `CI` is
/// set.
pub fn pgvector_url() -> Option<String> {
    let fetched = Options { nats: false, postgres_source: PostgresSource::Fetched, ..options() };
    let url = PGVECTOR.try_ask(&fetched, |services| {
        let name = new_name();
        let made =
            services.execute("postgres", &format!("create database {name} template template0"));
        made.and_then(|()| services.execute(&name, "create extension vector"))
            .map(|()| services.url_of(&name).expect("Postgres was asked for"))
            .map_err(|error| error.to_string())
    });
    match url.and_then(|url| url) {
        Ok(url) => Some(url),
        Err(why) => {
            assert!(env::var_os("CI").is_none(), "no pgvector: {why}");
            eprintln!("SKIPPED what needs pgvector: {why}");
            None
        }
    }
}

/// The address of a new, empty database.
pub fn database_url() -> String {
    create_database_url(None)
}

/// The address of a new database that looks like `template`.
pub fn create_database_url(template: Option<&str>) -> String {
    let name = new_name();
    let template = template.unwrap_or("template0");
    execute(&format!("create database {name} template {template}"));
    url_of(&name)
}

fn new_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// The address of a new database made from a template, which `prepare` fills the first time this
/// process asks for it. `prepare` has a thread of its own, so it may start a runtime and block.
///
/// ```no_run
/// let url = local_services::testing::database_url_from("migrated", |url| {
///     // connect to `url`, migrate
/// });
/// ```
pub fn database_url_from(template: &str, prepare: impl FnOnce(&str) + Send) -> String {
    static MADE: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    let name = format!("template_{template}");
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let made = made.get_or_insert_default();
    if !made.contains(template) {
        execute(&format!("drop database if exists {name}"));
        execute(&format!("create database {name} template template0"));
        let url = url_of(&name);
        let prepared = thread::scope(|scope| scope.spawn(|| prepare(&url)).join());
        prepared.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // A template that somebody is connected to cannot be copied.
        execute(&format!("alter database {name} allow_connections false"));
        execute(&format!(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '{name}'"
        ));
        made.insert(template.to_owned());
    }
    create_database_url(Some(&name))
}

/// Servers to be killed and revived by one test: durable, with files of their own.
pub fn crashable() -> Services {
    start(&Options { durable: true, ..options() })
        .unwrap_or_else(|error| panic!("no services for a crash test: {error}"))
}

/// Options for tests: nothing is kept, except fetched programs beside the build's other output.
pub fn options() -> Options {
    Options {
        runtime_dir: Some(runtime_dir()),
        connections_max: CONNECTIONS_MAX,
        ..Options::ephemeral()
    }
}

/// Where the Python packages of a lock file are; fetched once by pip, under this name, beside the
/// build's other output.
pub fn python_packages(name: &str, lock: &Path) -> Result<PathBuf, String> {
    let lock = fs::read_to_string(lock).map_err(|error| error.to_string())?;
    pip::python_packages(&build_folder(), name, &lock)
}

/// Beside the build's other output.
fn runtime_dir() -> PathBuf {
    build_folder().join("daybook-runtime")
}

fn build_folder() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    let folder = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    folder.map_or_else(env::temp_dir, PathBuf::from)
}

fn execute(statement: &str) {
    with_postgres(|services| services.execute("postgres", statement))
        .unwrap_or_else(|error| panic!("{error}"));
}

fn url_of(database: &str) -> String {
    with_postgres(|services| services.url_of(database)).expect("Postgres was asked for")
}

fn with_postgres<T>(question: impl FnOnce(&Services) -> T) -> T {
    POSTGRES.ask(&Options { nats: false, ..options() }, question)
}

/// Services of the whole process, started when first asked for.
struct Shared(Mutex<Option<Result<Services, String>>>);

impl Shared {
    fn ask<T>(&self, options: &Options, question: impl FnOnce(&Services) -> T) -> T {
        let answer = self.try_ask(options, question);
        answer.unwrap_or_else(|why| panic!("no services for tests: {why}"))
    }

    fn try_ask<T>(
        &self,
        options: &Options,
        question: impl FnOnce(&Services) -> T,
    ) -> Result<T, String> {
        let mut services = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let services = services.get_or_insert_with(|| {
            static LAST: Once = Once::new();
            LAST.call_once(|| os::at_exit(stop_all));
            start(options).map_err(|error| error.to_string())
        });
        match services {
            Ok(services) => Ok(question(services)),
            Err(why) => Err(why.clone()),
        }
    }
}

/// Statics are never dropped; without this every test run would leave its files behind.
extern "C" fn stop_all() {
    for shared in [&POSTGRES, &PGVECTOR, &NATS] {
        // A test that hangs in there must not keep the process from ending.
        if let Ok(mut services) = shared.0.try_lock() {
            services.take();
        }
    }
}
