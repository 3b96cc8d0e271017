//! What a chaos run found.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::client::Experience;
use super::strike::Strike;
use super::verdict::Verdict;

/// How often each kind of kill has happened, and what it did.
#[derive(Debug, Default, Clone, Serialize)]
#[serde(transparent)]
pub struct Kills(BTreeMap<Strike, Kill>);

#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct Kill {
    pub times: u32,
    /// The longest it took from the kill until the client was served as before.
    pub longest_ms: u64,
}

impl Kills {
    pub fn count(&mut self, strike: Strike, took: Duration) {
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let kill = self.0.entry(strike).or_default();
        kill.times += 1;
        kill.longest_ms = kill.longest_ms.max(took_ms);
    }

    fn get(&self, strike: Strike) -> Kill {
        self.0.get(&strike).copied().unwrap_or_default()
    }

    pub fn of(&self, strike: Strike) -> u32 {
        self.get(strike).times
    }

    pub fn all(&self) -> u32 {
        self.0.values().map(|kill| kill.times).sum()
    }

    /// Each kind has happened.
    pub fn complete(&self) -> bool {
        Strike::ALL.iter().all(|strike| self.of(*strike) > 0)
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct ChaosReport {
    pub bench: &'static str,
    pub seed: u64,
    pub seconds: f64,
    pub kills: Kills,
    #[serde(flatten)]
    pub experience: Experience,
    pub verdicts: Vec<Verdict>,
    pub ok: bool,
}

impl ChaosReport {
    pub fn new(
        seed: u64,
        seconds: f64,
        kills: Kills,
        experience: Experience,
        verdicts: Vec<Verdict>,
    ) -> Self {
        let ok = kills.complete() && verdicts.iter().all(|verdict| verdict.holds);
        Self { bench: "chaos", seed, seconds, kills, experience, verdicts, ok }
    }
}

impl fmt::Display for ChaosReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "chaos, seed {}, {:.0} s", self.seed, self.seconds)?;
        writeln!(f, "  {:<42} {:>6}   {:>10}", "killed", "times", "back after")?;
        for strike in Strike::ALL {
            let Kill { times, longest_ms } = self.kills.get(strike);
            writeln!(f, "  {:<42} {times:>6} {longest_ms:>9} ms", strike.words())?;
        }
        let Experience { acknowledged, retries, longest_outage_ms, .. } = self.experience;
        writeln!(f, "  {:<42} {acknowledged:>6}", "acknowledged commands")?;
        writeln!(f, "  {:<42} {retries:>6}", "tries without an answer")?;
        writeln!(f, "  {:<42} {longest_outage_ms:>6}", "longest outage for all clients, ms")?;
        for Verdict { claim, holds, detail } in &self.verdicts {
            let word = if *holds { "holds" } else { "FAILS" };
            writeln!(f, "  {word}: {claim} ({detail})")?;
        }
        Ok(())
    }
}
