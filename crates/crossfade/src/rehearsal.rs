//! A lab with everything in it: the lab's process, the sub zone, the workloads, a DNS controller per cluster.
//!
//! It is set up through the same interfaces as a real environment: the AWS SDK, the Kubernetes APIs, processes.

mod delivery;
pub mod setup;
mod workloads;

pub use workloads::{Workloads, hosts_of};

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use crossfade_aws::{Aws, AwsOptions, StaticCredentials};
use crossfade_core::ClusterName;
use crossfade_kube::Cluster;
use crossfade_lab::{Control, LabAddresses};
use tokio::time::{Instant, sleep};

use crate::children::{self, Running};

/// The clusters of a lab, as people call them.
pub const SIDES: [&str; 2] = ["blue", "green"];
/// The pattern's name for the environment.
pub const ENVIRONMENT: &str = "eks-blueprint";
/// The parent zone, a name reserved for examples.
pub const HOSTED_ZONE: &str = "eks.example.org";
/// A region whose load balancers the pattern's pictures show.
pub const REGION: &str = "eu-west-1";
/// An account number that AWS uses in examples.
pub const ACCOUNT: &str = "111122223333";
/// A lab starts in under a second; a machine under load may take longer, none this long.
const LAB_READY_WITHIN: Duration = Duration::from_secs(20);

/// It finishes what is under way.
const LAB_ENDS_WITHIN: Duration = Duration::from_secs(5);

/// What is put into a lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Clusters and the parent zone.
    Nothing,
    /// The sub zone and the workloads; somebody else keeps the records.
    WithoutDns,
    /// All of it.
    Everything,
}

/// How workloads come into the clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Delivery {
    /// From a Git repository, by an agent that does what Argo CD does; weights are annotations of the cluster secret.
    Gitops,
    /// Manifests are applied; weights are annotations of Ingresses.
    Manifests,
}

impl Delivery {
    /// The given one; else by GitOps where git is, for the examples.
    pub async fn choose(given: Option<Delivery>, workloads: &Workloads) -> Delivery {
        match given {
            Some(given) => given,
            None if matches!(workloads, Workloads::Examples) && delivery::has_git().await => Delivery::Gitops,
            None => Delivery::Manifests,
        }
    }
}

/// What a rehearsal is started with.
#[derive(Clone, Debug)]
pub struct RehearsalOptions {
    /// The lab's directory.
    pub dir: PathBuf,
    /// TTL of load balancer names, seconds.
    pub ttl_seconds: u32,
    /// Every draw of the lab comes from it.
    pub seed: u64,
    /// What is applied.
    pub workloads: Workloads,
    /// How they come in.
    pub delivery: Delivery,
    /// What is put in.
    pub contents: Contents,
    /// More words for the lab's process: which GitOps agents run in it.
    pub serve_words: Vec<String>,
}

/// A running one. Its processes end when it is dropped.
pub struct Rehearsal {
    /// Where everything is.
    pub addresses: LabAddresses,
    /// How long the lab took to be ready.
    pub ready_in: Duration,
    lab: Running,
    controllers: Vec<Running>,
}

impl Rehearsal {
    /// Starts the lab and fills it; `report` gets a line per part.
    pub async fn start(
        options: &RehearsalOptions,
        mut report: impl FnMut(&str),
    ) -> anyhow::Result<Rehearsal> {
        let logs = options.dir.join("logs");
        std::fs::create_dir_all(&logs).with_context(|| format!("cannot make {}", logs.display()))?;
        let mut args = vec![
            "lab".to_owned(),
            "serve".to_owned(),
            format!("--dir={}", options.dir.display()),
            format!("--ttl={}", options.ttl_seconds),
            format!("--seed={}", options.seed),
        ];
        args.extend(options.serve_words.iter().cloned());
        let began = Instant::now();
        let log = logs.join("lab.log");
        let mut lab = children::spawn(&args, &[("CROSSFADE_LOG".to_owned(), "info".to_owned())], &log)?;
        let addresses = wait_until_ready(&mut lab, &options.dir, &log).await?;
        let ready_in = began.elapsed();
        let mut rehearsal = Rehearsal { addresses, ready_in, lab, controllers: Vec::new() };
        report(&format!("lab ready in {} ms", ready_in.as_millis()));
        if !options.serve_words.is_empty() {
            let clusters = [rehearsal.cluster(SIDES[0]).await?, rehearsal.cluster(SIDES[1]).await?];
            setup::wait_for_agents(&clusters).await?;
            report("one GitOps agent per cluster started");
        }
        if options.contents != Contents::Nothing {
            rehearsal.fill(options, &logs, &mut report).await?;
        }
        Ok(rehearsal)
    }

    async fn fill(
        &mut self,
        options: &RehearsalOptions,
        logs: &Path,
        report: &mut impl FnMut(&str),
    ) -> anyhow::Result<()> {
        let aws = self.aws().await?;
        setup::create_zone(&aws, &self.addresses).await?;
        report(&format!("zone {} delegated", self.addresses.domain));
        let mut clusters = Vec::new();
        for side in SIDES {
            clusters.push(self.cluster(side).await?);
        }
        self.deliver(options, &clusters, logs, report).await?;
        if options.contents == Contents::Everything {
            for cluster in &clusters {
                let child = setup::start_dns_controller(self, cluster, logs).await?;
                self.controllers.push(child);
            }
            report("one DNS controller per cluster started");
        }
        setup::wait_for_load_balancers(&clusters, &Control::new(&self.addresses)).await?;
        if options.contents == Contents::Everything {
            setup::wait_for_records(&clusters, &aws, &self.addresses).await?;
            report("records written and served");
        }
        Ok(())
    }

    async fn deliver(
        &self,
        options: &RehearsalOptions,
        clusters: &[Cluster],
        logs: &Path,
        report: &mut impl FnMut(&str),
    ) -> anyhow::Result<()> {
        let sides = SIDES.iter().zip([100, 0]).zip(clusters);
        match options.delivery {
            Delivery::Manifests => {
                for ((side, weight), cluster) in sides {
                    options.workloads.apply(cluster, side, &self.addresses, weight).await?;
                }
                report("workloads applied to both clusters");
            }
            Delivery::Gitops => {
                let repositories = delivery::Repositories::make(&options.dir, report).await?;
                let log = logs.join("bridge.log");
                for ((side, weight), cluster) in sides {
                    delivery::apply_bridge(self, side, cluster, &repositories, weight, &log).await?;
                }
                report("the GitOps bridge leads from one repository to both clusters");
                delivery::wait_for_applications(clusters).await?;
                report("every Application is synced");
            }
        }
        Ok(())
    }

    /// A client for one of the [`SIDES`].
    pub async fn cluster(&self, side: &str) -> anyhow::Result<Cluster> {
        let context = context_of(side);
        let name = ClusterName(side.to_owned());
        Ok(Cluster::connect(name, &context, Some(&self.addresses.kubeconfig)).await?)
    }

    /// A client for the lab's AWS endpoint.
    pub async fn aws(&self) -> anyhow::Result<Aws> {
        let options = AwsOptions {
            region: Some(self.addresses.region.clone()),
            endpoint: Some(self.addresses.aws_endpoint.clone()),
            credentials: Some(StaticCredentials {
                access_key_id: LAB_KEY.to_owned(),
                secret_access_key: LAB_KEY.to_owned(),
            }),
            ..AwsOptions::default()
        };
        Ok(Aws::with_options(options).await?)
    }

    /// Process ids of the lab and of the controllers.
    pub fn process_ids(&self) -> Vec<u32> {
        std::iter::once(&self.lab).chain(&self.controllers).filter_map(Running::id).collect()
    }

    /// Returns when a process of the rehearsal has ended, and says which.
    pub async fn ended(&mut self) -> String {
        let lab = self.lab.wait();
        let controllers: Vec<_> = self.controllers.iter_mut().map(|child| Box::pin(child.wait())).collect();
        if controllers.is_empty() {
            let _ = lab.await;
            return "the lab".to_owned();
        }
        let any = async {
            let mut controllers = controllers;
            std::future::poll_fn(|context| {
                let done = controllers.iter_mut().any(|child| child.as_mut().poll(context).is_ready());
                if done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            })
            .await;
        };
        tokio::select! {
            _ = lab => "the lab".to_owned(),
            () = any => "a DNS controller".to_owned(),
        }
    }

    /// Ends every process and waits for it.
    pub async fn end(self) {
        for child in self.controllers {
            child.end().await;
        }
        // Asked, it takes its description away; what does not listen is ended by its pipe.
        let mut lab = self.lab;
        if Control::new(&self.addresses).request_end().await.is_ok() {
            let _ = tokio::time::timeout(LAB_ENDS_WITHIN, lab.wait()).await;
        }
        lab.end().await;
    }
}

/// The lab takes any credentials.
const LAB_KEY: &str = "lab";

/// `blue` is the context `eks-blueprint-blue`.
pub fn context_of(side: &str) -> String {
    format!("{ENVIRONMENT}-{side}")
}

/// What a program needs to take the lab for the world.
pub fn environment(addresses: &LabAddresses) -> Vec<(String, String)> {
    let servers: Vec<String> = addresses.name_servers.iter().map(ToString::to_string).collect();
    [
        ("KUBECONFIG", addresses.kubeconfig.display().to_string()),
        ("AWS_ENDPOINT_URL", addresses.aws_endpoint.clone()),
        ("AWS_ACCESS_KEY_ID", LAB_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", LAB_KEY.to_owned()),
        ("AWS_REGION", addresses.region.clone()),
        // The AWS CLI of version 1 reads only this one.
        ("AWS_DEFAULT_REGION", addresses.region.clone()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("CURL_HOME", addresses.curl_home.display().to_string()),
        ("CROSSFADE_ZONE", addresses.domain.clone()),
        ("CROSSFADE_CONTEXTS", SIDES.map(|side| format!("{side}={}", context_of(side))).join(",")),
        ("CROSSFADE_DNS_SERVERS", servers.join(",")),
        ("CROSSFADE_RESOLVER", addresses.resolver.to_string()),
        ("CROSSFADE_PROBE_PROXY", addresses.proxy.to_string()),
        // The lab publishes counts by the second and at once.
        ("CROSSFADE_COUNTS_PERIOD", "5".to_owned()),
        ("CROSSFADE_COUNTS_DELAY", "1".to_owned()),
        ("CROSSFADE_PROBE_CA", addresses.ca.display().to_string()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

async fn wait_until_ready(lab: &mut Running, dir: &Path, log: &Path) -> anyhow::Result<LabAddresses> {
    let until = Instant::now() + LAB_READY_WITHIN;
    loop {
        if let Some(status) = lab.try_wait().context("cannot look at the lab's process")? {
            let text = std::fs::read_to_string(log).unwrap_or_default();
            let last = text.lines().last().unwrap_or("it said nothing");
            bail!("the lab ended ({status}): {last}; its log is {}", log.display());
        }
        if let Ok(addresses) = LabAddresses::read(dir)
            && lab.id() == Some(addresses.process_id)
        {
            return Ok(addresses);
        }
        if Instant::now() > until {
            bail!(
                "the lab was not ready within {} s; its log is {}",
                LAB_READY_WITHIN.as_secs(),
                log.display()
            );
        }
        // A file that appears: there is nothing to wait on that is cheaper than looking.
        sleep(Duration::from_millis(10)).await;
    }
}
