//! The lab's GitOps agents: one per cluster, in the lab's process, each shown in its cluster as Argo CD's pod.

use std::path::Path;

use anyhow::Context;
use clap::Args;
use crossfade_core::ClusterName;
use crossfade_core::gitops::ARGOCD_NAMESPACE;
use crossfade_kube::Cluster;
use crossfade_kube::apply::{apply, parse};
use crossfade_lab::LabAddresses;
use crossfade_lab_gitops::{Agent, AgentOptions, ChartOptions, Charts, Git, GitOptions};

use crate::certificates::issuer;
use crate::exit::user_error;
use crate::rehearsal::setup::AGENT_POD;

/// Which repositories the lab's agents find where.
#[derive(Clone, Debug, Default, Args)]
pub struct RepositoryArgs {
    /// Take a local directory for a repository's URL, a clone or one with charts; may be repeated.
    #[arg(long = "repo", value_name = "URL=DIR")]
    repositories: Vec<String>,
}

/// Options of the lab's process about GitOps.
#[derive(Clone, Debug, Default, Args)]
pub struct GitOpsArgs {
    /// Run an agent per cluster that keeps ApplicationSets and Applications as Argo CD does.
    #[arg(long)]
    gitops: bool,
    #[command(flatten)]
    repositories: RepositoryArgs,
}

/// The words for a lab's process that runs agents.
pub const GITOPS_WORD: &str = "--gitops";

impl RepositoryArgs {
    /// None is named.
    pub fn is_empty(&self) -> bool {
        self.repositories.is_empty()
    }

    /// The same, for the command line of another process; paths are made absolute.
    pub fn words(&self) -> anyhow::Result<Vec<String>> {
        let mut words = Vec::new();
        for (url, dir) in self.mapped()? {
            let dir = std::path::absolute(dir).context("a clone's directory has no absolute path")?;
            words.push(format!("--repo={url}={}", dir.display()));
        }
        Ok(words)
    }

    fn mapped(&self) -> anyhow::Result<Vec<(String, std::path::PathBuf)>> {
        let read = |text: &String| {
            GitOptions::mapping(text).map_err(|error| {
                user_error(error.to_string(), "for example --repo https://example.org/workloads=./workloads")
            })
        };
        self.repositories.iter().map(read).collect()
    }
}

impl GitOpsArgs {
    /// Starts the agents; they end when they are dropped.
    pub async fn start(&self, addresses: &LabAddresses) -> anyhow::Result<Vec<Agent>> {
        if !self.gitops {
            return Ok(Vec::new());
        }
        let repositories = self.repositories.mapped()?;
        let cache_dir = addresses.dir.join("charts");
        let charts = Charts::start(ChartOptions { cache_dir, repositories: repositories.clone() })?;
        let git = Git::start(GitOptions { cache_dir: addresses.dir.join("git"), repositories })?;
        let mut agents = Vec::new();
        for address in &addresses.clusters {
            let name = ClusterName(address.name.clone());
            let cluster = Cluster::connect(name, &address.name, Some(&addresses.kubeconfig)).await?;
            let log = format!("logs/argocd-{}.log", address.name);
            let agent = Agent::start(AgentOptions {
                client: cluster.client.clone(),
                cluster_name: address.name.clone(),
                git: git.clone(),
                charts: charts.clone(),
                certificates: Some(issuer()),
                log: Some(addresses.dir.join(&log)),
            });
            agents.push(agent.await.with_context(|| format!("the GitOps agent of {}", address.name))?);
            show(&cluster, &log).await?;
        }
        Ok(agents)
    }
}

/// Makes the pod whose logs are the agent's.
async fn show(cluster: &Cluster, log: &str) -> anyhow::Result<()> {
    let pod = format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {AGENT_POD}\n  namespace: {ARGOCD_NAMESPACE}\n  labels: \
         {{app.kubernetes.io/name: argocd-application-controller}}\n  annotations: {{lab.crossfade.dev/log-file: {log}}}\n\
         spec:\n  containers:\n  - {{name: argocd-application-controller, image: crossfade}}\n"
    );
    apply(cluster, &parse(Path::new("the GitOps agent's pod"), &pod)?).await?;
    Ok(())
}
