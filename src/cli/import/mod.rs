//! `daybook import`: rows of files become ordinary commands.
//!
//! An importer reads files and says what each row means: a command, with an id that follows from
//! source and row, or why there is none (`work.rs`). The engine sends the commands to the functions
//! that HTTP calls too, many at a time, and keeps the books (`engine.rs`, `report.rs`). Nothing
//! here decides whether a command is right.

pub mod book_row;
mod books;
mod columns;
pub mod engine;
mod follows;
pub mod fulfilment;
mod goodbooks;
mod goodreads;
mod online_retail;
mod opinions;
mod oulad;
mod records;
pub mod report;
mod send;
pub mod source;
pub mod table;
mod when;
pub mod work;

#[cfg(test)]
mod testing;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use chrono::Utc;
use processes::Providers;

use crate::{
    backend::{Backend, Tenure},
    providers::providers,
    settings::Settings,
};
use columns::{Columns, Usage};
use fulfilment::Fulfilment;
use report::Report;
use source::Source;
use work::Plan;

const CONCURRENCY: usize = 256;

#[derive(Debug, clap::Args)]
pub struct Import {
    #[command(subcommand)]
    what: What,

    #[command(flatten)]
    options: Options,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// A reader's own library: the file that Goodreads exports
    Goodreads(goodreads::Export),
    #[command(flatten)]
    Set(Set),
}

/// What is planned from the files alone.
#[derive(Debug, clap::Subcommand)]
enum Set {
    /// Books, readers and stars: books.csv, ratings.csv
    Goodbooks(Folder),
    /// Courses, students, submissions: the files of the Open University's data set
    Oulad(Folder),
    /// Products, customers, orders and cancellations: transactions.csv
    OnlineRetail(Folder),
    /// Books; columns id, title, authors or author, isbn, publisher, year, series, genres,
    /// language, description, cover
    Books(File),
    /// Ratings; columns reader, item, and score (0 to 10), stars (up to 5) or rating (either), at
    Ratings(File),
    /// Follows; columns follower, followee, at
    Follows(File),
    /// Favourites; columns reader, item, at
    Favourites(File),
}

#[derive(Debug, clap::Args)]
struct Folder {
    /// The folder with the files of the set, plain or .zst
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

#[derive(Debug, clap::Args)]
struct File {
    /// A CSV file, plain or .zst
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// What its columns mean, as in reader=user_id,item=book_id
    #[arg(long, value_name = "NAME=COLUMN,...")]
    columns: Vec<String>,

    /// Whose ids these are: files of one source speak of the same readers and items
    /// [default: the name of the file's folder]
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Options {
    /// Commands on their way at a time
    #[arg(long, global = true, value_name = "N", default_value_t = CONCURRENCY)]
    concurrency: usize,

    /// Read no more rows than this; of the sets, of the files of what happened
    #[arg(long, global = true, value_name = "N")]
    limit: Option<u64>,

    /// Write every row that did not go in to a file, one JSON object a line
    #[arg(long, global = true, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Read everything and send nothing
    #[arg(long, global = true)]
    dry_run: bool,

    /// Print the report as JSON
    #[arg(long, global = true)]
    json: bool,
}

impl Import {
    pub async fn run(self, settings: Settings) -> anyhow::Result<ExitCode> {
        let Self { what, options } = self;
        let report = match what {
            // What the catalogue holds decides what the rows of a library become.
            What::Goodreads(export) => {
                let backend = Backend::open(&settings, Tenure::Guest).await?;
                let report = library(&backend, export, &options).await;
                backend.close().await;
                report?
            }
            What::Set(set) => {
                let rows_max = options.limit;
                let plan = tokio::task::spawn_blocking(move || set.plan(rows_max)).await?;
                let plan = match plan {
                    Ok(plan) => plan,
                    Err(error) if error.is::<Usage>() => {
                        eprintln!("daybook: {error:#}");
                        return Ok(ExitCode::from(2));
                    }
                    Err(error) => return Err(error),
                };
                let report = options.report_of(&plan)?;
                if options.dry_run {
                    engine::run(None, plan, options.concurrency, options.json, report).await?
                } else {
                    let backend = Backend::open(&settings, Tenure::Guest).await?;
                    let blobs = crate::blobs::open(&settings, &backend.data_dir)?;
                    let providers = providers(&settings, blobs)?;
                    let report = send(&backend, providers, plan, &options, report).await;
                    backend.close().await;
                    report?
                }
            }
        };
        if options.json {
            println!("{}", report.json());
        } else {
            print!("{report}");
        }
        let done = report.failure.is_none();
        Ok(if done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Options {
    fn report_of(&self, plan: &Plan) -> anyhow::Result<Report> {
        let mut report = Report::new(plan.source.name(), &plan.files, plan.places_orders);
        report.dry_run = self.dry_run;
        if let Some(path) = &self.report {
            report.write_to(path)?;
        }
        Ok(report)
    }
}

async fn library(
    backend: &Backend,
    export: goodreads::Export,
    options: &Options,
) -> anyhow::Result<Report> {
    let log = backend.log().await?;
    let plan = export.plan(&log, options.limit).await?;
    let report = options.report_of(&plan)?;
    let log = (!options.dry_run).then_some(log);
    engine::run(log, plan, options.concurrency, options.json, report).await
}

async fn send(
    backend: &Backend,
    providers: Providers,
    plan: Plan,
    options: &Options,
    report: Report,
) -> anyhow::Result<Report> {
    let log = backend.log().await?;
    let fulfilment = plan.places_orders.then(|| Fulfilment::start(log.clone(), providers));
    let mut report =
        engine::run(Some(log), plan, options.concurrency, options.json, report).await?;
    if let Some(fulfilment) = fulfilment
        && !fulfilment.finish(options.json).await?
    {
        report.failure.get_or_insert_with(|| "some orders are not yet fulfilled".to_owned());
    }
    Ok(report)
}

impl Set {
    fn plan(self, rows_max: Option<u64>) -> anyhow::Result<Plan> {
        let now = Utc::now();
        match self {
            Self::Goodbooks(Folder { folder }) => goodbooks::plan(&folder, rows_max),
            Self::Oulad(Folder { folder }) => oulad::plan(&folder, rows_max),
            Self::OnlineRetail(Folder { folder }) => online_retail::plan(&folder, rows_max),
            Self::Books(file) => {
                let (path, columns, source) = file.open()?;
                books::plan(path, columns, source, rows_max, now)
            }
            Self::Ratings(file) => {
                let (path, columns, source) = file.open()?;
                opinions::plan(opinions::Kind::Ratings, path, columns, source, rows_max, now)
            }
            Self::Favourites(file) => {
                let (path, columns, source) = file.open()?;
                opinions::plan(opinions::Kind::Favourites, path, columns, source, rows_max, now)
            }
            Self::Follows(file) => {
                let (path, columns, source) = file.open()?;
                follows::plan(path, columns, source, rows_max, now)
            }
        }
    }
}

impl File {
    fn open(self) -> anyhow::Result<(PathBuf, Columns, Source)> {
        let columns = Columns::parse(&self.columns)?;
        let source = match &self.source {
            Some(name) => Source::new(name)?,
            None => {
                let path = std::path::absolute(&self.file)?;
                let folder = path.parent().and_then(Path::file_name);
                Source::named_like(&folder.unwrap_or_default().to_string_lossy())?
            }
        };
        Ok((self.file, columns, source))
    }
}
