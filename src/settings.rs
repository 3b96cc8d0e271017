//! What can be chosen without building anew: flags over environment over a file over defaults.

mod secret;

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Value};
use figment::{Figment, Profile};
use local_services::PostgresSource;
use processes::Training;
use query_api::Leaderboards;
use serde::{Deserialize, Serialize};

pub use secret::Secret;

/// A year's audit can look back at the whole year.
const ACCESS_LOG_DAYS: NonZeroU32 = NonZeroU32::new(400).expect("400 is not zero");

const PREFIX: &str = "DAYBOOK_";
/// These two have the names that every tool knows.
const WITHOUT_PREFIX: [&str; 2] = ["DATABASE_URL", "NATS_URL"];
/// `<NAME>_FILE` gives the path of a file with the value.
const SECRETS: [&str; 12] = [
    "assistant_key",
    "blobs_access_key",
    "blobs_secret_key",
    "database_url",
    "nats_url",
    "master_key",
    "lookup_key",
    "signing_keys",
    "smtp_url",
    "payment_token",
    "qdrant_api_key",
    "sms_token",
];
/// Lists are separated by commas in the environment.
const LISTS: [&str; 2] = ["checkpoints", "cors_origins"];
/// The rest of the environment is text; these are not.
const NOT_TEXT: [&str; 14] = [
    "access_log_days",
    "assistant_writes_letters",
    "connections_max",
    "leaderboards",
    "nats_replicas",
    "proxy_hops",
    "rate_account",
    "rate_address",
    "rate_login",
    "rate_limits",
    "require_idempotency_key",
    "train_after",
    "train_every",
    "train_lambda",
];

/// Every setting. `config dump` prints them with their values, secrets hidden.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where `up` keeps its database, streams and keys.
    pub data_dir: PathBuf,
    /// Where HTTP is served.
    pub listen: SocketAddr,
    /// Postgres; none: one of the data directory's own.
    pub database_url: Option<Secret>,
    /// NATS with JetStream; none: one of the data directory's own, or the log itself.
    pub nats_url: Option<Secret>,
    /// Copies of the stream in a cluster of NATS: 3 outlive the loss of one node.
    pub nats_replicas: NonZeroUsize,
    /// Which Postgres programs the data directory's own server uses.
    pub postgres: Postgres,
    /// Where fetched programs are kept; none: in the data directory.
    pub runtime_dir: Option<PathBuf>,
    /// Connections to Postgres that each role keeps at most.
    pub connections_max: u32,

    /// 32 bytes in base64: wraps the keys of personal data.
    pub master_key: Option<Secret>,
    /// 32 bytes in base64: hashes personal values that must be unique. Never changes.
    pub lookup_key: Option<Secret>,
    /// Seeds of 32 bytes in base64, one a line, newest first: sign access tokens.
    pub signing_keys: Option<Secret>,
    /// A directory all processes share and no database backup takes: wrapping keys of personal data
    /// are kept there; none: with a database of our own, in the data directory, else in the database.
    pub key_directory: Option<PathBuf>,
    /// Files and `http(s)://` addresses that get a signed checkpoint every hour; none: a file in the
    /// data directory. See docs/HASHCHAIN.md.
    pub checkpoints: Vec<String>,

    /// `iss` and `aud` of access tokens.
    pub issuer: String,
    pub audience: String,
    /// Whether a POST must come with an Idempotency-Key.
    pub require_idempotency_key: bool,
    /// How many proxies of ours stand before us and append to X-Forwarded-For.
    pub proxy_hops: usize,
    /// Origins whose pages may call us; none by default.
    pub cors_origins: Vec<String>,
    /// Off only for measurements.
    pub rate_limits: bool,
    /// Requests a minute of one account, of one address without an account, of its log-ins.
    pub rate_account: NonZeroU32,
    pub rate_address: NonZeroU32,
    pub rate_login: NonZeroU32,
    /// How long it is kept who was refused what and who read the audit side.
    pub access_log_days: NonZeroU32,

    /// The mail server: `smtps://user:password@host`, `smtp://host:587?tls=required` for STARTTLS;
    /// none: nobody is written to.
    pub smtp_url: Option<Secret>,
    /// Who writes: `Daybook <no-reply@example.org>`.
    pub mail_from: Option<String>,
    /// A page of yours on which people choose a new password: letters put their token at its end, as
    /// in `https://shop.example.org/password#`; none: letters say which path to send it to.
    pub password_page: Option<String>,

    /// Where the content of uploaded files is kept: `folder` in the data directory, the path of another
    /// folder, or `s3://bucket/prefix`. The command and the query side need the same.
    pub blobs: String,
    /// The address of an S3-compatible store; none: Amazon's of the region.
    pub blobs_endpoint: Option<String>,
    pub blobs_region: String,
    pub blobs_access_key: Option<Secret>,
    pub blobs_secret_key: Option<Secret>,
    /// Where the provider of SMS is asked, in the way of docs/PROVIDERS.md; none: nobody gets any.
    pub sms_url: Option<String>,
    /// What it knows us by: `Authorization: Bearer ...`.
    pub sms_token: Option<Secret>,

    /// Where payments are asked for, in the way of docs/PROVIDERS.md; none: orders are confirmed
    /// without a payment.
    pub payment_url: Option<String>,
    /// What the provider knows us by: `Authorization: Bearer ...`.
    pub payment_token: Option<Secret>,

    /// A model that answers questions, in the way of docs/PROVIDERS.md: what comes before
    /// `/chat/completions`, such as `https://api.openai.com/v1`; none: answers are quotations.
    pub assistant_url: Option<String>,
    /// Which model of that server.
    pub assistant_model: Option<String>,
    /// What it knows us by: `Authorization: Bearer ...`.
    pub assistant_key: Option<Secret>,
    /// Whether that model may add a sentence to letters with good news.
    pub assistant_writes_letters: bool,

    /// So many events after a fit of what is recommended comes the next one; 0: only
    /// `daybook reco train` fits, and a running system if somebody was erased.
    pub train_after: u32,
    /// And so many seconds after it at the earliest.
    pub train_every: u32,
    /// How strongly a fit is pulled towards zero: more for more people and fewer items each.
    pub train_lambda: f64,

    /// Leaderboards by name, beside ours and over them: what `counts` (rating, ratings, likes, favourites,
    /// loans, orders, enrollments, completions), over which `period` (week, month, all), of which `kind`
    /// and `genre`.
    pub leaderboards: Leaderboards,

    /// The model of what texts mean: `fetch` (104 MB once, in the background), the folder it is in, or
    /// `off`: search then knows words alone.
    pub text_model: String,
    /// Where the nearest texts are looked for: `memory` of each query process, every vector;
    /// `postgres` with the extension pgvector; `qdrant`. The query side and the processes need the
    /// same.
    pub vector_index: VectorIndex,
    /// Qdrant's REST API, such as `http://127.0.0.1:6333`.
    pub qdrant_url: Option<String>,
    /// What Qdrant knows us by.
    pub qdrant_api_key: Option<Secret>,
    /// What the names of our collections there begin with: each system on one server has its own.
    pub qdrant_collection: String,

    /// What is logged, as in RUST_LOG.
    pub log: Option<String>,
    /// `auto` (pretty on a terminal, JSON elsewhere), `pretty` or `json`.
    pub log_format: service_kit::telemetry::LogFormat,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Postgres {
    #[default]
    Any,
    System,
    Fetched,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VectorIndex {
    #[default]
    Memory,
    Postgres,
    Qdrant,
}

impl From<Postgres> for PostgresSource {
    fn from(source: Postgres) -> Self {
        match source {
            Postgres::Any => Self::Any,
            Postgres::System => Self::System,
            Postgres::Fetched => Self::Fetched,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let rates = service_kit::rates::RatesPerMinute::default();
        let training = Training::default();
        Self {
            data_dir: ".daybook".into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8000)),
            database_url: None,
            nats_url: None,
            nats_replicas: NonZeroUsize::MIN,
            postgres: Postgres::Any,
            runtime_dir: None,
            connections_max: 16,
            master_key: None,
            lookup_key: None,
            signing_keys: None,
            key_directory: None,
            checkpoints: Vec::new(),
            issuer: "daybook".into(),
            audience: "daybook".into(),
            require_idempotency_key: false,
            proxy_hops: 0,
            cors_origins: Vec::new(),
            rate_limits: true,
            rate_account: rates.account,
            rate_address: rates.address,
            rate_login: rates.login,
            access_log_days: ACCESS_LOG_DAYS,
            smtp_url: None,
            mail_from: None,
            password_page: None,
            blobs: crate::blobs::IN_DATA_DIR.into(),
            blobs_endpoint: None,
            blobs_region: "us-east-1".into(),
            blobs_access_key: None,
            blobs_secret_key: None,
            sms_url: None,
            sms_token: None,
            payment_url: None,
            payment_token: None,
            assistant_url: None,
            assistant_model: None,
            assistant_key: None,
            assistant_writes_letters: false,
            train_after: training.after,
            train_every: training.every.as_secs() as u32,
            train_lambda: training.lambda,
            leaderboards: Leaderboards::default(),
            text_model: crate::text_model::FETCH.into(),
            vector_index: VectorIndex::Memory,
            qdrant_url: None,
            qdrant_api_key: None,
            qdrant_collection: "daybook".into(),
            log: None,
            log_format: service_kit::telemetry::LogFormat::Auto,
        }
    }
}

/// The settings that every subcommand takes as flags.
#[derive(Debug, Default, Clone, PartialEq, clap::Args, Serialize)]
pub struct Flags {
    /// Where Daybook keeps its data [env: DAYBOOK_DATA_DIR] [default: ./.daybook]
    #[arg(long, global = true, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,

    /// Where HTTP is served [env: DAYBOOK_LISTEN] [default: 127.0.0.1:8000]
    #[arg(long, global = true, value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,

    /// A TOML file of settings [env: DAYBOOK_CONFIG] [default: daybook.toml if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
}

impl Settings {
    pub fn load(flags: &Flags) -> anyhow::Result<Self> {
        let environment = env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self::from(flags, environment.collect())
    }

    /// Where fetched programs and the model of texts are kept.
    pub fn runtime_dir(&self) -> PathBuf {
        self.runtime_dir.clone().unwrap_or_else(|| self.data_dir.join("runtime"))
    }

    /// How recommendations are fitted, and when.
    pub fn training(&self) -> Training {
        let (lambda, after) = (self.train_lambda, self.train_after);
        let every = Duration::from_secs(self.train_every.into());
        Training { lambda, after, every, ..Training::default() }
    }

    fn from(flags: &Flags, mut environment: Vec<(String, String)>) -> anyhow::Result<Self> {
        let named = environment.iter().position(|(name, _)| name == "DAYBOOK_CONFIG");
        let named = named.map(|index| PathBuf::from(environment.swap_remove(index).1));
        let file = match flags.config.clone().or(named) {
            Some(file) if file.is_file() => Some(file),
            Some(file) => bail!("there is no configuration file {}", file.display()),
            None => Some(PathBuf::from("daybook.toml")).filter(|file| file.is_file()),
        };
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(file) = file {
            figment = figment.merge(Toml::file_exact(file));
        }
        let figment = figment
            .merge(Serialized::globals(from_environment(environment)?))
            .merge(Serialized::globals(flags));
        let settings: Self = figment.select(Profile::Default).extract().map_err(unusable)?;
        let lambda = settings.train_lambda;
        ensure!(
            lambda.is_finite() && lambda > 0.0,
            "the setting train_lambda: {lambda} is not above 0"
        );
        Ok(settings)
    }
}

fn unusable(error: figment::Error) -> anyhow::Error {
    let source = error.metadata.as_ref().and_then(|metadata| metadata.source.as_ref());
    let file = source.and_then(figment::Source::file_path);
    let place = file.map_or_else(String::new, |file| format!(" (in {})", file.display()));
    match error.path.join(".") {
        key if key.is_empty() => anyhow!("the settings: {}{place}", error.kind),
        key => anyhow!("the setting {key} ({PREFIX}{}): {}{place}", key.to_uppercase(), error.kind),
    }
}

fn from_environment(variables: Vec<(String, String)>) -> anyhow::Result<Dict> {
    let mut settings = Dict::new();
    for (name, value) in variables {
        let plain = WITHOUT_PREFIX.iter().any(|plain| {
            name == *plain || name.strip_suffix("_FILE").is_some_and(|name| name == *plain)
        });
        let Some(key) = name.strip_prefix(PREFIX).or(plain.then_some(&name)) else { continue };
        let mut key = key.to_ascii_lowercase();
        let mut value = value;
        if let Some(secret) = key.strip_suffix("_file").filter(|key| SECRETS.contains(key)) {
            value = read(Path::new(&value)).with_context(|| format!("{name} cannot be read"))?;
            key = secret.to_owned();
        }
        if plain && value.is_empty() {
            // An empty variable is the usual way to take one back.
            continue;
        }
        let value = if LISTS.contains(&key.as_str()) {
            let words = value.split(',').map(str::trim).filter(|word| !word.is_empty());
            Value::from(words.map(Value::from).collect::<Vec<_>>())
        } else if NOT_TEXT.contains(&key.as_str()) {
            value.parse().unwrap_or_else(|never| match never {})
        } else {
            Value::from(value)
        };
        settings.insert(key, value);
    }
    Ok(settings)
}

fn read(file: &Path) -> std::io::Result<String> {
    Ok(fs::read_to_string(file)?.trim().to_owned())
}

#[cfg(test)]
mod tests;
