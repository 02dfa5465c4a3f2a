//! Many seeds, one report.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::run::{Ending, RunReport, run_seed, tick_millis};

/// What many seeds showed.
#[derive(Clone, Debug, Default)]
pub struct CampaignReport {
    /// Seeds played.
    pub seeds: u64,
    /// How many ended how.
    pub endings: BTreeMap<Ending, u64>,
    /// Runs in which a rule was broken.
    pub failed: Vec<RunReport>,
    /// Phases and stages that were passed through, all together.
    pub transitions: BTreeSet<String>,
    /// Runs that met each kind of fault.
    pub faults: BTreeMap<&'static str, u64>,
}

/// Plays `seeds` seeds from `first` on.
pub fn run_campaign(first: u64, seeds: u64) -> CampaignReport {
    let mut report = CampaignReport { seeds, ..CampaignReport::default() };
    for seed in first..first.saturating_add(seeds) {
        let run = run_seed(seed, None);
        *report.endings.entry(run.ending).or_default() += 1;
        report.transitions.extend(run.transitions.iter().cloned());
        for fault in &run.faults {
            *report.faults.entry(fault).or_default() += 1;
        }
        if !run.violations.is_empty() {
            report.failed.push(run);
        }
    }
    report
}

impl fmt::Display for CampaignReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} migrations, ticks of {} ms", self.seeds, tick_millis())?;
        for (ending, count) in &self.endings {
            writeln!(f, "  {ending:?}: {count}")?;
        }
        let faults: Vec<String> = self.faults.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        writeln!(f, "faults met (runs): {}", faults.join(", "))?;
        let transitions: Vec<&str> = self.transitions.iter().map(String::as_str).collect();
        writeln!(f, "phases and stages: {}", transitions.join(", "))?;
        for run in &self.failed {
            writeln!(f, "seed {}:", run.seed)?;
            for violation in &run.violations {
                writeln!(f, "  {} after {} ms: {}", violation.rule, violation.at_millis, violation.what)?;
            }
        }
        write!(f, "{} runs with violations", self.failed.len())
    }
}
