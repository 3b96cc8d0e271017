//! `bench NAME`: a benchmark is a variant of [`Name`] and an arm of [`Name::run`]; what is no
//! benchmark but runs from here is a [`Special`].

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;

use crate::{
    Options, Report, append, chaos, command, designs, feed, hot_stream, query, rebuild, reco,
    reference, relay, visible,
};

/// What a measurement is called and how long it may take.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Bench {
    /// What to measure
    #[arg(required = true)]
    name: Option<Name>,

    /// Print one JSON object a line instead of tables
    #[arg(long)]
    json: bool,

    /// How long each contender works in each round
    #[arg(long, value_name = "N", default_value_t = 10.0, value_parser = positive)]
    seconds: f64,

    /// How many rounds; medians of them are compared
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,

    /// How many work at once, where a benchmark has such a number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    clients: Option<u16>,

    /// How long a log to make, where a benchmark needs one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    events: Option<i64>,

    /// Only what has this in its name, where a benchmark measures several things
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,

    #[command(subcommand)]
    special: Option<Special>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Everything below, one after the other
    All,
    /// Many committers, one event each to streams of their own
    Append,
    /// One committer, one event after the other
    #[value(name = "append-1")]
    Append1,
    /// One committer, a hundred events a command
    AppendBatch,
    /// Many committers on one stream
    HotStream,
    /// The raw feed of all events
    Feed,
    /// Commands over HTTP, everything running
    Command,
    /// From a command to the query side showing it
    Visible,
    /// Pages of the query side, and how soon a rating changes a list
    Query,
    /// What the first designs promised: a crowd, enrolling, lists, letters, answers
    Designs,
    /// From the log to JetStream
    Relay,
    /// Every projection anew from a long log
    Rebuild,
    /// Fitting recommendations and answering with them
    Reco,
}

impl Name {
    async fn run(self, options: &Options) -> anyhow::Result<Vec<Report>> {
        match self {
            Self::All => unreachable!("it stands for all others"),
            Self::Append => append::run(options).await,
            Self::Append1 => append::one(options).await,
            Self::AppendBatch => append::batch(options).await,
            Self::HotStream => hot_stream::run(options).await,
            Self::Feed => feed::run(options).await,
            Self::Command => command::run(options).await,
            Self::Visible => visible::run(options).await,
            Self::Query => query::run(options).await,
            Self::Designs => designs::run(options).await,
            Self::Relay => relay::run(options).await,
            Self::Rebuild => rebuild::run(options).await,
            Self::Reco => reco::run(options).await,
        }
    }

    /// The benchmarks this name stands for.
    fn meant(self) -> Vec<Self> {
        let all = Self::value_variants().iter().copied().filter(|name| *name != Self::All);
        all.filter(|name| self == Self::All || self == *name).collect()
    }
}

/// What runs from here without being a benchmark.
#[derive(Debug, clap::Subcommand)]
enum Special {
    /// A client at work while everything around it is killed
    Chaos(chaos::Chaos),
    /// The client of `chaos`, as a process of its own
    #[command(hide = true)]
    Client(chaos::Client),
    /// What `command` is compared with, as a process of its own
    #[command(hide = true)]
    Reference(reference::Serve),
}

impl Special {
    async fn run(self, program: PathBuf) -> anyhow::Result<ExitCode> {
        match self {
            Self::Chaos(chaos) => chaos.run(&program).await,
            Self::Client(client) => client.run().await.map(|()| ExitCode::SUCCESS),
            Self::Reference(reference) => reference.run().await.map(|()| ExitCode::SUCCESS),
        }
    }
}

impl Bench {
    /// `program` is a `daybook`, for what is measured from outside; without `database_url` a
    /// Postgres is started for the run.
    pub async fn run(
        self,
        program: PathBuf,
        database_url: Option<String>,
    ) -> anyhow::Result<ExitCode> {
        let (name, json) = match (self.special, self.name) {
            (Some(special), _) => return special.run(program).await,
            (None, Some(name)) => (name, self.json),
            (None, None) => unreachable!("clap asks for it"),
        };
        let options = Options {
            round: Duration::from_secs_f64(self.seconds),
            rounds: self.rounds.into(),
            clients: self.clients.map(usize::from),
            events: self.events,
            only: self.only,
            program,
            database_url,
        };
        let mut code = ExitCode::SUCCESS;
        for name in name.meant() {
            match name.run(&options).await {
                Ok(reports) => print(&reports, json)?,
                // One that cannot be measured must not keep us from the others.
                Err(error) => {
                    eprintln!("{name:?} could not be measured: {error:#}");
                    code = ExitCode::FAILURE;
                }
            }
        }
        Ok(code)
    }
}

fn print(reports: &[Report], json: bool) -> anyhow::Result<()> {
    for report in reports {
        match json {
            true => println!("{}", serde_json::to_string(report)?),
            false => println!("{report}"),
        }
    }
    Ok(())
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.001..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("a number of seconds, up to a day".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::Value;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        bench: Bench,
    }

    /// Everybody does the work for a moment: what is checked is that it is done, never how fast.
    async fn measured(names: &[Name]) -> anyhow::Result<Vec<Value>> {
        let postgres = local_services::testing::crashable();
        let options = Options {
            round: Duration::from_millis(25),
            rounds: 2,
            clients: Some(3),
            events: Some(1_200),
            only: None,
            program: PathBuf::new(),
            database_url: postgres.url_of("postgres"),
        };
        let mut objects = Vec::new();
        for name in names {
            for report in name.run(&options).await? {
                assert!(report.to_string().starts_with(report.bench), "{report}");
                objects.push(serde_json::to_value(&report)?);
            }
        }
        Ok(objects)
    }

    fn check(object: &Value, bench: &str, references: &[&str]) {
        assert_eq!(object["bench"], bench);
        assert_eq!(object["rounds"].as_array().map(Vec::len), Some(2), "{object}");
        assert!(object["ours"].as_f64() > Some(0.0), "{object}");
        assert!(object["machine"]["postgres"].is_string() && object["unit"].is_string());
        for of in [&object["references"], &object["ratio"], &object["rounds"][1]["references"]] {
            let names: Vec<&str> =
                of.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, references, "{object}");
            assert!(references.iter().all(|name| of[name].as_f64() > Some(0.0)), "{object}");
        }
        assert!(object["goals"].as_array().is_some_and(|goals| !goals.is_empty()), "{object}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn appends_are_measured_beside_both_references() -> anyhow::Result<()> {
        let objects = measured(&[Name::Append, Name::Append1, Name::AppendBatch]).await?;
        let expected: [(&str, &[&str]); 3] = [
            ("append", &["copy", "postgres-es"]),
            ("append-1", &["postgres-es"]),
            ("append-batch", &["copy"]),
        ];
        assert_eq!(objects.len(), expected.len());
        for (object, (bench, references)) in objects.iter().zip(expected) {
            check(object, bench, references);
            assert!(object["latency_ms"]["p99"].as_f64() > Some(0.0), "{object}");
        }
        Ok(())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_hot_stream_is_measured_in_one_process_and_in_two() -> anyhow::Result<()> {
        let objects = measured(&[Name::HotStream]).await?;
        assert_eq!(objects.len(), 2);
        for object in &objects {
            check(object, "hot-stream", &[]);
        }
        Ok(())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_feed_is_measured_beside_both_formats_of_copy() -> anyhow::Result<()> {
        let objects = measured(&[Name::Feed]).await?;
        assert_eq!(objects.len(), 1);
        check(&objects[0], "feed", &["copy, binary", "copy, text"]);
        Ok(())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_refit_is_measured_beside_a_plain_inverse_and_implicit() -> anyhow::Result<()> {
        let [refit, memory] = measured(&[Name::Reco]).await?.try_into().expect("two reports");
        assert!(refit["latency_ms"]["p99"].as_f64() > Some(0.0), "{refit}");
        if refit["references"]["implicit (ALS)"].is_null() {
            assert!(std::env::var_os("CI").is_none(), "implicit cannot be had");
            eprintln!("SKIPPED the comparison with implicit");
            check(&refit, "reco", &["dense inverse"]);
            check(&memory, "reco", &[]);
            return Ok(());
        }
        check(&refit, "reco", &["dense inverse", "implicit (ALS)"]);
        check(&memory, "reco", &["implicit (ALS)"]);
        for name in ["implicit (ALS)", "implicit (ALS), live"] {
            assert!(refit["reference_latency_ms"][name]["p99"].as_f64() > Some(0.0), "{refit}");
        }
        Ok(())
    }

    #[test]
    fn rounds_are_five_of_ten_seconds_unless_asked_otherwise() -> anyhow::Result<()> {
        let bench = Cli::try_parse_from(["bench", "append-1"])?.bench;
        assert_eq!((bench.name, bench.rounds, bench.seconds), (Some(Name::Append1), 5, 10.0));
        let asked =
            ["bench", "all", "--seconds", "0.5", "--rounds", "1", "--clients", "8", "--json"];
        let bench = Cli::try_parse_from(asked)?.bench;
        assert_eq!((bench.rounds, bench.seconds, bench.clients), (1, 0.5, Some(8)));
        assert!(bench.json);
        for wrong in [vec!["bench"], vec!["bench", "append", "--seconds", "0"]] {
            assert!(Cli::try_parse_from(&wrong).is_err(), "{wrong:?}");
        }
        Ok(())
    }

    #[test]
    fn all_stands_for_every_benchmark() {
        let all = Name::All.meant();
        assert!(all.contains(&Name::HotStream) && !all.contains(&Name::All));
        assert_eq!(Name::Feed.meant(), [Name::Feed]);
    }
}
