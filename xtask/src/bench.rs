//! crossfade beside its peers, each in one run on one machine: figures of both, and their ratio.
//!
//! Ratios travel from machine to machine, seconds do not. Nothing is concluded here but what the issues set as limits.

mod charts;
mod dns;
mod gitops;
mod watching;

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use crate::tools;

/// Parts of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// The DNS controller beside ExternalDNS.
    Dns,
    /// The lab's GitOps agent beside the real Argo CD.
    Gitops,
    /// `crossfade render` beside `helm template`.
    Charts,
}

/// Runs all of it, or a part; false when something did not work, or a release build broke a limit.
pub(crate) fn run(crossfade: Option<PathBuf>, only: Option<Part>) -> anyhow::Result<bool> {
    let wants = |part: Part| only.is_none_or(|only| only == part);
    let mut needed = Vec::new();
    if wants(Part::Dns) {
        needed.push(tools::EXTERNAL_DNS);
    }
    if wants(Part::Gitops) {
        needed.extend([tools::ETCD, tools::KUBE_APISERVER, tools::ARGO_CD]);
    }
    if wants(Part::Gitops) || wants(Part::Charts) {
        needed.push(tools::HELM);
    }
    tools::check_present(&needed)?;
    if wants(Part::Charts) {
        tools::check_on_path(tools::FOR_BENCHES)?;
    }
    let crossfade = crate::clients::program(crossfade)?;
    let mut held = true;
    if wants(Part::Dns) {
        held &= dns::run(&crossfade)?;
    }
    if wants(Part::Gitops) {
        held &= gitops::run(&crossfade)?;
    }
    if wants(Part::Charts) {
        held &= charts::run(&crossfade)?;
    }
    Ok(held)
}

/// The middle of some measurements, the upper one of two.
fn median(seconds: &[f64]) -> f64 {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn worst(seconds: &[f64]) -> f64 {
    seconds.iter().copied().fold(f64::NAN, f64::max)
}

fn seconds(durations: &[Duration]) -> Vec<f64> {
    durations.iter().map(Duration::as_secs_f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_and_nothing_has_none() {
        assert_eq!((median(&[3.0, 1.0, 2.0]), worst(&[3.0, 1.0, 2.0])), (2.0, 3.0));
        assert!(median(&[]).is_nan() && worst(&[]).is_nan());
    }
}
