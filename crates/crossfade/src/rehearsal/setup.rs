//! The parts of a rehearsal, each through the interface that a real environment has for it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use crossfade_aws::{Aws, Zone};
use crossfade_core::dns::{Action, Change, RecordName, RecordSet, RecordType, TxtNaming, ZoneRecords};
use crossfade_core::gitops::ARGOCD_NAMESPACE;
use crossfade_core::weighted_set::HostRecords;
use crossfade_kube::Cluster;
use crossfade_kube::apply::{apply, parse};
use crossfade_kube::groups::knobs;
use crossfade_lab::{Control, LabAddresses};
use crossfade_probe::dns::{RecordType as Question, query};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::time::{Instant, sleep};

use crate::children::{self, Running};
use crate::exit::user_error;
use crate::rehearsal::{Rehearsal, environment};

/// TTL of the delegation in the parent zone, as the pattern's Terraform sets it.
const DELEGATION_TTL_SECONDS: u32 = 30;
/// Load balancers and records come within a second or two; what takes this long will not come.
const THERE_WITHIN: Duration = Duration::from_secs(20);
/// The pod whose logs are the agent's.
pub const AGENT_POD: &str = "argocd-application-controller-0";
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Creates the sub zone and delegates to it, as the environment stack does.
pub async fn create_zone(aws: &Aws, addresses: &LabAddresses) -> anyhow::Result<()> {
    let route53 = aws.route53();
    let name = RecordName::parse(&addresses.domain)?;
    let parent = find_zone(aws, &addresses.hosted_zone_name).await?;
    let (_, name_servers) =
        route53.create_zone(&name, &format!("crossfade-lab-{}", addresses.process_id)).await?;
    let mut delegation = RecordSet::new(name, RecordType::Ns);
    delegation.ttl_seconds = Some(DELEGATION_TTL_SECONDS);
    delegation.values = name_servers;
    let change = Change { action: Action::Upsert, record: delegation };
    route53.change(&parent.id, &[change], "delegation of the sub zone").await?;
    Ok(())
}

async fn find_zone(aws: &Aws, name: &str) -> anyhow::Result<Zone> {
    let found = aws.route53().find_zone(&RecordName::parse(name)?).await?;
    found.with_context(|| format!("the lab has no zone {name}"))
}

/// Starts the DNS controller of a cluster as a process, and shows it there as a pod whose logs are the process's.
pub async fn start_dns_controller(
    rehearsal: &Rehearsal,
    cluster: &Cluster,
    logs: &Path,
) -> anyhow::Result<Running> {
    let context = &cluster.context;
    let log = logs.join(format!("dns-controller-{context}.log"));
    let args = [
        "dns-controller",
        "--context",
        context,
        "--txt-owner-id",
        context,
        "--domain-filter",
        &rehearsal.addresses.domain,
        "--policy",
        "sync",
        "--txt-format",
        "cname-prefix",
        "--txt-format",
        "legacy",
    ];
    let mut env = environment(&rehearsal.addresses);
    env.push(("CROSSFADE_LOG".to_owned(), "info".to_owned()));
    let child = children::spawn(&args.map(ToOwned::to_owned), &env, &log)?;
    let pod = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: external-dns}}\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  \
         name: crossfade-dns-controller\n  namespace: external-dns\n  labels: {{app.kubernetes.io/name: external-dns}}\n  \
         annotations: {{lab.crossfade.dev/log-file: logs/dns-controller-{context}.log}}\nspec:\n  containers:\n  - \
         {{name: dns-controller, image: crossfade}}\n"
    );
    apply(cluster, &parse(Path::new("the DNS controller's pod"), &pod)?).await?;
    Ok(child)
}

/// Returns when the GitOps agent of every cluster has shown itself there.
pub async fn wait_for_agents(clusters: &[Cluster]) -> anyhow::Result<()> {
    let until = Instant::now() + THERE_WITHIN;
    for cluster in clusters {
        let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), ARGOCD_NAMESPACE);
        while pods
            .get_opt(AGENT_POD)
            .await
            .with_context(|| format!("no answer from {}", cluster.name))?
            .is_none()
        {
            if Instant::now() > until {
                bail!("the GitOps agent of {} did not start; the lab's log says why", cluster.name);
            }
            sleep(LOOK_EVERY).await;
        }
    }
    Ok(())
}

/// Returns when every knob has a load balancer and all of them have targets.
pub async fn wait_for_load_balancers(clusters: &[Cluster], control: &Control) -> anyhow::Result<()> {
    let until = Instant::now() + THERE_WITHIN;
    loop {
        let mut missing = Vec::new();
        for cluster in clusters {
            let found = knobs(cluster).await?;
            let without = found.iter().filter(|knob| knob.load_balancer.is_none());
            missing.extend(
                without.map(|knob| format!("{} in {} has no load balancer", knob.group, cluster.name)),
            );
            if found.is_empty() {
                return Err(user_error(
                    format!("the workloads in {} have no Ingress with a weight", cluster.name),
                    "an Ingress needs the annotations set-identifier and aws-weight",
                ));
            }
        }
        let status = control.status().await?;
        let unhealthy = status.load_balancers.iter().filter(|balancer| !balancer.healthy);
        missing.extend(unhealthy.map(|balancer| format!("{} has no ready targets", balancer.dns_name)));
        if missing.is_empty() {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(user_error(missing.join("; "), "`kubectl describe ingress -A` shows why"));
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Returns when every host of every cluster has its record set and all name servers answer for it.
pub async fn wait_for_records(
    clusters: &[Cluster],
    aws: &Aws,
    addresses: &LabAddresses,
) -> anyhow::Result<()> {
    let zone = find_zone(aws, &addresses.domain).await?;
    let until = Instant::now() + THERE_WITHIN;
    loop {
        let missing = missing_records(clusters, aws, &zone, addresses).await?;
        if missing.is_empty() {
            return Ok(());
        }
        if Instant::now() > until {
            bail!("{}; the logs are in {}", missing.join("; "), addresses.dir.join("logs").display());
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn missing_records(
    clusters: &[Cluster],
    aws: &Aws,
    zone: &Zone,
    addresses: &LabAddresses,
) -> anyhow::Result<Vec<String>> {
    let records = aws.route53().record_sets(&zone.id).await?;
    let records = ZoneRecords::new(zone.id.clone(), zone.name.clone(), false, records);
    let mut missing = Vec::new();
    for cluster in clusters {
        for knob in knobs(cluster).await? {
            let identifier = knob.set_identifier.clone().unwrap_or_default();
            for host in &knob.hosts {
                let name = RecordName::parse(host)?;
                let found = HostRecords::of(&records, &TxtNaming::default(), &name);
                if !name.is_in(&zone.name) {
                    let hint = format!("hosts of a rehearsal end in {}", addresses.domain);
                    return Err(user_error(
                        format!("{}: {host} is outside the lab's zone", knob.group),
                        hint,
                    ));
                }
                if found.set(&identifier).is_none_or(|set| set.weight != knob.weight.clone().ok()) {
                    missing.push(format!("{host} has no record set {identifier}"));
                }
            }
        }
    }
    let first = clusters.first().context("a rehearsal has clusters")?;
    let served = knobs(first).await?;
    for server in &addresses.name_servers {
        for host in served.iter().flat_map(|knob| &knob.hosts) {
            let answer = query(*server, host, Question::A).await;
            if answer.is_ok_and(|answer| answer.addresses.is_empty()) {
                missing.push(format!("{server} does not answer for {host}"));
            }
        }
    }
    Ok(missing)
}
