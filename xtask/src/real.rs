//! The same migrations with both clusters on real kube-apiservers with etcd. The lab gives what a machine cannot have: Route 53,
//! name servers, load balancers and what runs behind them.
//!
//! The lab's workloads are copied into the real clusters, whose annotations, Migrations, leases and events are then the ones
//! that count. Records are written by crossfade's DNS controllers, and after that by ExternalDNS.

mod authority;
pub(crate) mod copy;
mod definition;
pub(crate) mod migrations;
pub(crate) mod process;
mod rights;
pub(crate) mod servers;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use clap::ValueEnum;

use crate::clients::{Bench, MANIFESTS, external_dns_arguments};
use crate::faults::Users;
use crate::{say, tools};
use migrations::Watched;
use process::Process;
use servers::{SIDES, Servers};

/// Who writes the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Writers {
    /// crossfade's DNS controllers.
    Crossfade,
    /// ExternalDNS, which tells nobody what it writes.
    ExternalDns,
    /// One after the other, on the same records.
    Both,
}

/// Lines of each log that are printed when something failed.
const TAIL_LINES: usize = 15;

/// Runs it all; true when every check held.
pub(crate) fn run(crossfade: Option<PathBuf>, dns: Writers) -> anyhow::Result<bool> {
    tools::check_present(&[tools::ETCD, tools::KUBE_APISERVER, tools::EXTERNAL_DNS])?;
    let crossfade = crate::clients::program(crossfade)?;
    let scratch = std::env::temp_dir().join(format!("crossfade-real-{}", std::process::id()));
    let logs = scratch.join("logs");
    std::fs::create_dir_all(&logs).with_context(|| logs.display().to_string())?;
    let began = Instant::now();
    let result = prove(&crossfade, &scratch, &logs, dns);
    if matches!(result, Ok((_, 0))) {
        let _ = std::fs::remove_dir_all(&scratch);
    } else {
        print_tails(&logs);
        say(&format!("the logs are in {}", logs.display()));
    }
    let (passed, failed) = result?;
    say(&format!("took {} s", began.elapsed().as_secs()));
    say(&format!("{passed} passed, {failed} failed"));
    Ok(failed == 0)
}

/// What held, and what did not.
fn prove(crossfade: &Path, scratch: &Path, logs: &Path, dns: Writers) -> anyhow::Result<(usize, usize)> {
    let mut servers = Servers::start(&scratch.join("servers"), logs)?;
    // Dropped before the servers: what it started ends first.
    let mut bench = Bench::up(crossfade, &scratch.join("lab"), &[MANIFESTS, "--without", "dns"])?;
    let ready_in = servers.wait_until_ready()?;
    say(&format!("two real API servers, ready {:.1} s after the lab", ready_in.as_secs_f64()));
    bench.begin_scripts_with(prelude(&servers, scratch));
    for side in SIDES {
        copy::copy(&bench, side, copy::WORKLOADS, scratch)?;
    }
    bench.all(definition::CHECKS);
    if dns != Writers::ExternalDns {
        with_crossfade(&mut bench, logs)?;
    }
    if dns != Writers::Crossfade {
        if dns == Writers::Both {
            bench.all(migrations::REPORTS_OF_ANOTHER);
        }
        with_external_dns(&mut bench, logs)?;
    }
    Ok(bench.counts())
}

/// `rb` and `rg` are kubectl for the real blue and the real green; the others are explained where they are.
fn prelude(servers: &Servers, scratch: &Path) -> String {
    format!(
        r#"export KUBECONFIG={}:$KUBECONFIG KUBECACHEDIR={}
rb() {{ kubectl --context real-blue "$@"; }}
rg() {{ kubectl --context real-green "$@"; }}
contexts="--context blue=real-blue --context green=real-green"
drivers="--context blue=real-blue-driver --context green=real-green-driver"
{}{}"#,
        servers.kubeconfig.display(),
        scratch.join("kubectl-cache").display(),
        migrations::FUNCTIONS,
        rights::function()
    )
}

fn with_crossfade(bench: &mut Bench, logs: &Path) -> anyhow::Result<()> {
    let mut writers = Vec::new();
    for side in SIDES {
        let script = format!(
            "export CROSSFADE_LOG=info; exec $cf dns-controller --context real-{side} --txt-owner-id eks-blueprint-{side} \
             --domain-filter $DOMAIN --policy sync"
        );
        writers.push(Process::start(&format!("dns-controller-{side}"), &bench.command(&script), logs)?);
    }
    bench.all(migrations::RECORDS_ARE_THERE);
    bench.all(rights::CHECKS);
    under_requests(bench, &migrations::BY_COMMAND)?;

    let script = "export CROSSFADE_LOG=info; exec $cf controller --home-context real-blue-driver $drivers";
    let controller = Process::start("controller", &bench.command(script), logs)?;
    under_requests(bench, &migrations::BY_CONTROLLER)?;
    drop(controller);

    bench.all(migrations::ROLLED_BACK);
    Ok(())
}

fn with_external_dns(bench: &mut Bench, logs: &Path) -> anyhow::Result<()> {
    let mut writers = Vec::new();
    for side in SIDES {
        let script = format!(
            "file=\"$CROSSFADE_LAB_DIR/real-{side}.yaml\"
kubectl config view --raw --minify --flatten --context real-{side} >\"$file\" && exec {} --events --interval=10s --kubeconfig=\"$file\"",
            external_dns_arguments(side)?
        );
        writers.push(Process::start(&format!("external-dns-{side}"), &bench.command(&script), logs)?);
    }
    bench.all(migrations::RECORDS_ARE_THERE);
    under_requests(bench, &migrations::BY_FOREIGN_WRITER)?;
    for (side, writer) in SIDES.iter().zip(&writers) {
        let wrote = writer.said().contains("Desired change: UPSERT");
        bench.count(&format!("external-dns wrote {side}'s records"), (!wrote).then(|| writer.said()));
    }
    Ok(())
}

/// A migration while curl keeps asking, and what is to be seen afterwards.
pub(crate) fn under_requests(bench: &mut Bench, watched: &Watched) -> anyhow::Result<()> {
    let users = Users::start(bench)?;
    bench.all(watched.during);
    let (asked, failed) = users.stop();
    let problem = (!failed.is_empty() || asked == 0)
        .then(|| format!("  {} of {asked} requests failed: {}", failed.len(), failed.join("; ")));
    bench.count(&format!("no request failed ({asked} asked)"), problem);
    bench.all(watched.after);
    Ok(())
}

pub(crate) fn print_tails(logs: &Path) {
    let entries = std::fs::read_dir(logs).into_iter().flatten().filter_map(Result::ok);
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(TAIL_LINES)..).unwrap_or_default();
        say(&format!("-- {} ({} lines)\n{}", file.display(), lines.len(), tail.join("\n")));
    }
}
