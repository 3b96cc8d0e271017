//! What is started together, lives together and is stopped together.

use std::path::{Path, PathBuf, absolute};

use crate::data_dir::{Attached, DataDir, elsewhere, make, short_name};
use crate::error::Error;
use crate::fetch::Runtime;
use crate::find::{self, PostgresSource};
use crate::nats::Nats;
use crate::postgres::{Place, Postgres, sockets_folder};
use crate::user;

const DATABASE: &str = "daybook";
const CONNECTIONS_MAX: u32 = 200;

/// What to start, and where it keeps its files.
#[derive(Debug, Clone)]
pub struct Options {
    /// None: a temporary folder, removed at the end.
    pub data_dir: Option<PathBuf>,
    /// Where fetched programs are kept; None: in the data directory.
    pub runtime_dir: Option<PathBuf>,
    pub postgres: bool,
    pub postgres_source: PostgresSource,
    pub nats: bool,
    /// Whether what was committed must survive a loss of power. Tests are twice as fast without.
    pub durable: bool,
    pub connections_max: u32,
}

impl Options {
    /// Both services, keeping everything in `data_dir`.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: Some(data_dir.into()), durable: true, ..Self::ephemeral() }
    }

    /// Both services, keeping nothing.
    pub fn ephemeral() -> Self {
        Self {
            data_dir: None,
            runtime_dir: None,
            postgres: true,
            postgres_source: PostgresSource::from_env(),
            nats: true,
            durable: false,
            connections_max: CONNECTIONS_MAX,
        }
    }
}

/// Running servers. Dropping them stops them.
#[derive(Debug)]
pub struct Services {
    // In this order they are dropped: the servers before their files.
    nats: Result<Nats, String>,
    postgres: Option<Postgres>,
    data_dir: DataDir,
    postgres_elsewhere: Option<PathBuf>,
}

/// Starts what `options` ask for. Postgres must come; without a nats-server we go on, and
/// [`Services::warning`] says why there is none.
pub fn start(options: &Options) -> Result<Services, Error> {
    let data_dir = match &options.data_dir {
        Some(path) => DataDir::lock(path)?,
        None => DataDir::ephemeral()?,
    };
    let path = data_dir.path().to_owned();
    let runtime_dir = options.runtime_dir.clone().unwrap_or_else(|| path.join("runtime"));
    // The programs in it are run from another folder than the one we are in.
    let runtime_dir = absolute(&runtime_dir)
        .map_err(|source| Error::Io { what: "find the folder we are in".into(), source })?;
    let mut postgres_elsewhere = None;

    let postgres = if options.postgres {
        let user = user::for_postgres()?;
        let home = data_dir.open_to(user);
        if home != path {
            make(&home)?;
            postgres_elsewhere = Some(home.clone());
        }
        let place = Place {
            cluster: home.join("postgres"),
            sockets: sockets_folder(home.join("run"), &short_name(&path)),
            log: path.join("postgres.log"),
            user,
            durable: options.durable,
            connections_max: options.connections_max,
        };
        let runtime = Runtime::new(&runtime_dir, user, || elsewhere(&runtime_dir).join("runtime"));
        let programs = find::postgres(options.postgres_source, &place.cluster, &runtime, user)?;
        let postgres = Postgres::start(place, programs)?;
        postgres.ensure_database(DATABASE)?;
        Some(postgres)
    } else {
        None
    };
    let nats = if options.nats {
        let runtime = Runtime::new(&runtime_dir, None, || runtime_dir.clone());
        match find::nats(&runtime) {
            Ok(program) => Ok(Nats::start(path.join("nats"), path.join("nats.log"), program)?),
            Err(why) => Err(why),
        }
    } else {
        Err("not asked for".to_owned())
    };

    let services = Services { nats, postgres, data_dir, postgres_elsewhere };
    services.data_dir.publish(&Attached {
        pid: std::process::id(),
        database_url: services.database_url(),
        nats_url: services.nats_url(),
    })?;
    Ok(services)
}

impl Services {
    pub fn database_url(&self) -> Option<String> {
        self.postgres.as_ref().map(|postgres| postgres.url(DATABASE))
    }

    pub fn nats_url(&self) -> Option<String> {
        self.nats.as_ref().ok().map(Nats::url)
    }

    pub fn data_dir(&self) -> &Path {
        self.data_dir.path()
    }

    /// What was chosen, a line each.
    pub fn describe(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(postgres) = &self.postgres {
            lines.push(postgres.programs().to_string());
        }
        if let Some(elsewhere) = &self.postgres_elsewhere {
            lines.push(format!(
                "PostgreSQL's files are in {}, for the data directory is closed to its user",
                elsewhere.display()
            ));
        }
        match &self.nats {
            Ok(nats) => lines.push(nats.program().to_string()),
            Err(why) => lines.push(format!("no nats-server ({why})")),
        }
        lines
    }

    /// Why there is no nats-server, if there is none.
    pub fn nats_missing(&self) -> Option<&str> {
        self.nats.as_ref().err().map(String::as_str)
    }

    /// Starts again what has ended by itself or was killed; says what.
    pub fn revive(&mut self) -> Result<Vec<&'static str>, Error> {
        let mut revived = Vec::new();
        if let Some(postgres) = &mut self.postgres
            && postgres.ended()
        {
            postgres.restart()?;
            revived.push("PostgreSQL");
        }
        if let Ok(nats) = &mut self.nats
            && nats.ended()
        {
            nats.restart()?;
            revived.push("nats-server");
        }
        Ok(revived)
    }

    pub fn postgres_pid(&self) -> Option<u32> {
        self.postgres.as_ref().map(Postgres::pid)
    }

    pub fn nats_pid(&self) -> Option<u32> {
        self.nats.as_ref().ok().map(Nats::pid)
    }

    /// Runs one statement without an answer, as the superuser.
    pub fn execute(&self, database: &str, statement: &str) -> Result<(), Error> {
        self.postgres.as_ref().map_or(Ok(()), |postgres| postgres.execute(database, statement))
    }

    /// The address of another database of the same server.
    pub fn url_of(&self, database: &str) -> Option<String> {
        self.postgres.as_ref().map(|postgres| postgres.url(database))
    }

    /// Stops the servers and, if nothing is to be kept, removes their files.
    pub fn stop(mut self) {
        self.stop_servers();
    }

    fn stop_servers(&mut self) {
        if let Ok(nats) = &mut self.nats {
            nats.stop();
        }
        if let Some(postgres) = &mut self.postgres {
            postgres.stop();
        }
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.stop_servers();
    }
}
