//! What a benchmark found, for people as a table and for programs as one JSON object.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// What one benchmark measured.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub bench: &'static str,
    /// What was measured with, such as "64 committers".
    pub settings: String,
    pub unit: &'static str,
    pub machine: Machine,
    pub rounds: Vec<Round>,
    /// Our median.
    pub ours: f64,
    /// The median of each reference.
    pub references: BTreeMap<String, f64>,
    /// Ours divided by each reference.
    pub ratio: BTreeMap<String, f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<Latency>,
    /// Where single operations of a reference were timed too.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub reference_latency_ms: BTreeMap<String, Latency>,
    pub goals: Vec<Goal>,
    /// What a reader has to know to read the figures rightly.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One measurement of everybody.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Round {
    pub ours: f64,
    pub references: BTreeMap<String, f64>,
}

/// How long single operations took.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Latency {
    pub p50: f64,
    pub p99: f64,
}

impl Latency {
    /// Of durations in milliseconds; none of no durations.
    pub fn of(mut durations_ms: Vec<f64>) -> Option<Self> {
        durations_ms.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let rank = (share * durations_ms.len() as f64).ceil() as usize;
            durations_ms.get(rank.saturating_sub(1)).copied()
        };
        Some(Self { p50: at(0.50)?, p99: at(0.99)? })
    }
}

/// A figure we want to reach, and whether this run did.
#[derive(Debug, Clone, Serialize)]
pub struct Goal {
    pub what: String,
    pub wanted: f64,
    pub measured: f64,
    pub met: bool,
}

impl Goal {
    pub fn at_least(what: impl Into<String>, wanted: f64, measured: f64) -> Self {
        Self { what: what.into(), wanted, measured, met: measured >= wanted }
    }

    pub fn at_most(what: impl Into<String>, wanted: f64, measured: f64) -> Self {
        Self { what: what.into(), wanted, measured, met: measured <= wanted }
    }
}

/// What it was measured on.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    pub cores: usize,
    pub processor: String,
    pub memory_gib: f64,
    pub postgres: String,
}

impl Machine {
    /// `postgres` as the server says its version.
    pub fn this(postgres: impl Into<String>) -> Self {
        let field = |file: &str, name: &str| {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let memory = field("/proc/meminfo", "MemTotal");
        let kib: f64 = memory.trim_end_matches(" kB").parse().unwrap_or_default();
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: field("/proc/cpuinfo", "model name"),
            memory_gib: (kib / 1024.0 / 1024.0 * 10.0).round() / 10.0,
            postgres: postgres.into(),
        }
    }
}

impl Report {
    /// Medians and ratios of these rounds.
    pub fn of(
        bench: &'static str,
        settings: impl Into<String>,
        unit: &'static str,
        machine: Machine,
        rounds: Vec<Round>,
    ) -> Self {
        let ours = median(rounds.iter().map(|round| round.ours));
        let mut references = BTreeMap::new();
        for name in rounds.iter().flat_map(|round| round.references.keys()) {
            let measured = rounds.iter().filter_map(|round| round.references.get(name).copied());
            references.insert(name.clone(), median(measured));
        }
        let ratio = references.iter().map(|(name, median)| (name.clone(), ours / median)).collect();
        Self {
            bench,
            settings: settings.into(),
            unit,
            machine,
            rounds,
            ours,
            references,
            ratio,
            latency_ms: None,
            reference_latency_ms: BTreeMap::new(),
            goals: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Ours divided by the reference of that name.
    pub fn ratio_to(&self, reference: &str) -> f64 {
        self.ratio.get(reference).copied().unwrap_or(f64::NAN)
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => (values[count / 2 - 1] + values[count / 2]) / 2.0,
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({}), {}", self.bench, self.settings, self.unit)?;
        writeln!(f, "  {:<28} {:>12} {:>8}", "", "median", "ratio")?;
        writeln!(f, "  {:<28} {:>12.0}", "daybook", self.ours)?;
        for (name, median) in &self.references {
            writeln!(f, "  {name:<28} {median:>12.0} {:>7.2}x", self.ratio_to(name))?;
        }
        if let Some(Latency { p50, p99 }) = self.latency_ms {
            writeln!(f, "  latency p50 {p50:.1} ms, p99 {p99:.1} ms")?;
        }
        for (name, Latency { p50, p99 }) in &self.reference_latency_ms {
            writeln!(f, "  latency of {name}: p50 {p50:.1} ms, p99 {p99:.1} ms")?;
        }
        for goal in &self.goals {
            let met = if goal.met { "met" } else { "MISSED" };
            writeln!(f, "  {met}: {} {:.2}, wanted {:.2}", goal.what, goal.measured, goal.wanted)?;
        }
        for note in &self.notes {
            writeln!(f, "  {note}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(ours: f64, reference: f64) -> Round {
        Round { ours, references: BTreeMap::from([("copy".to_owned(), reference)]) }
    }

    #[test]
    fn the_median_is_the_middle_or_between_the_two_of_the_middle() {
        assert_eq!(median([3.0, 1.0, 200.0].into_iter()), 3.0);
        assert_eq!(median([4.0, 1.0, 200.0, 2.0].into_iter()), 3.0);
        assert!(median(std::iter::empty()).is_nan());
    }

    #[test]
    fn a_ratio_is_of_medians_not_a_median_of_ratios() {
        let rounds = vec![round(10.0, 40.0), round(30.0, 20.0), round(20.0, 10.0)];
        let report = Report::of("append", "here", "events/s", Machine::this("17"), rounds);
        assert_eq!((report.ours, report.references["copy"]), (20.0, 20.0));
        assert_eq!(report.ratio_to("copy"), 1.0);
        assert!(report.ratio_to("nobody").is_nan());
    }

    #[test]
    fn a_percentile_is_one_of_the_durations() {
        let hundred = (1..=100).rev().map(f64::from).collect();
        let latency = Latency::of(hundred).map(|latency| (latency.p50, latency.p99));
        assert_eq!(latency, Some((50.0, 99.0)));
        let one = Latency::of(vec![7.0]).map(|latency| (latency.p50, latency.p99));
        assert_eq!(one, Some((7.0, 7.0)));
        assert!(Latency::of(Vec::new()).is_none());
    }

    #[test]
    fn a_goal_is_met_at_its_figure() {
        assert!(Goal::at_least("ratio", 4.0, 4.0).met && !Goal::at_least("ratio", 4.0, 3.9).met);
        assert!(Goal::at_most("ms", 50.0, 50.0).met && !Goal::at_most("ms", 50.0, 51.0).met);
        assert!(!Goal::at_least("ratio", 4.0, f64::NAN).met, "what was not measured is not met");
    }

    /// Programs read these names.
    #[test]
    fn json_has_the_fields_that_are_promised() -> anyhow::Result<()> {
        let machine = Machine::this("17");
        let mut report = Report::of("append", "64", "events/s", machine, vec![round(2.0, 1.0)]);
        report.latency_ms = Some(Latency { p50: 1.0, p99: 2.0 });
        let object = serde_json::to_value(&report)?;
        for field in ["bench", "unit", "machine", "rounds", "ours", "references", "ratio"] {
            assert!(!object[field].is_null(), "{field} in {object}");
        }
        assert_eq!(object["references"]["copy"], 1.0);
        assert_eq!(object["ratio"]["copy"], 2.0);
        assert_eq!(object["latency_ms"]["p99"], 2.0);
        Ok(())
    }
}
