//! Settings that several commands share, from flags and `CROSSFADE_*`.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use crossfade_api::migration::Actuator;
use crossfade_aws::{Aws, Route53, Zone};
use crossfade_controller::migration::{CountsOptions, WorldOptions};
use crossfade_core::ClusterName;
use crossfade_core::dns::RecordName;
use crossfade_kube::Cluster;
use crossfade_probe::dns::{RecordType, query_any, resolvers_of};
use crossfade_probe::http::HttpProbe;

use crate::exit::user_error;

/// Where this machine's resolvers are written.
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// The port of name servers on the internet.
const DNS_PORT: u16 = 53;

/// Which cluster is reached through which context.
#[derive(Clone, Debug, Args)]
pub struct ClusterOptions {
    /// The kubeconfig context of a cluster: `blue=CTX`; may be repeated. Without it, a context of the cluster's own name is used.
    #[arg(
        long = "context",
        env = "CROSSFADE_CONTEXTS",
        value_name = "NAME=CTX",
        value_delimiter = ',',
        value_parser = parse_context
    )]
    pub contexts: Vec<(String, String)>,
}

fn parse_context(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, context)) if !name.is_empty() && !context.is_empty() => {
            Ok((name.to_owned(), context.to_owned()))
        }
        _ => Err("NAME=CONTEXT is needed, for example blue=eks-blueprint-blue".to_owned()),
    }
}

impl ClusterOptions {
    /// A client for the cluster that people call `name`.
    pub async fn connect(&self, name: &str) -> anyhow::Result<Cluster> {
        let given = self.contexts.iter().find(|(cluster, _)| cluster == name);
        let context = given.map_or(name, |(_, context)| context.as_str());
        Ok(Cluster::connect(ClusterName(name.to_owned()), context, None).await?)
    }
}

/// How the world outside the APIs is looked at.
#[derive(Clone, Debug, Args)]
pub struct ProbeOptions {
    /// The zone's name servers, asked directly. Default: those that Route 53 names for the zone.
    #[arg(
        long = "dns-server",
        env = "CROSSFADE_DNS_SERVERS",
        value_name = "IP:PORT",
        value_delimiter = ',',
        help_heading = "Probes"
    )]
    pub dns_servers: Vec<SocketAddr>,
    /// The resolver for other names. Default: those of /etc/resolv.conf.
    #[arg(long, env = "CROSSFADE_RESOLVER", value_name = "IP:PORT", help_heading = "Probes")]
    pub resolver: Option<SocketAddr>,
    /// An HTTP proxy (CONNECT) through which load balancers are reached.
    #[arg(
        long = "probe-proxy",
        env = "CROSSFADE_PROBE_PROXY",
        value_name = "IP:PORT",
        help_heading = "Probes"
    )]
    pub proxy: Option<SocketAddr>,
    /// A file with certificate authorities to trust beside the system's.
    #[arg(long = "probe-ca", env = "CROSSFADE_PROBE_CA", value_name = "FILE", help_heading = "Probes")]
    pub ca: Option<PathBuf>,
    /// The path that preflight and the http gate ask for.
    #[arg(long, default_value = "/", value_name = "PATH", help_heading = "Probes")]
    pub probe_path: String,
    /// Seconds of one period of load balancers' counts, as far as a migration asks for them: 60, or less in a lab.
    #[arg(
        long,
        env = "CROSSFADE_COUNTS_PERIOD",
        default_value_t = CountsOptions::PERIOD_SECONDS,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u32).range(1..=3_600),
        help_heading = "Probes"
    )]
    pub counts_period: u32,
    /// Seconds after its end until such a period is complete.
    #[arg(
        long,
        env = "CROSSFADE_COUNTS_DELAY",
        default_value_t = CountsOptions::DELAY_SECONDS,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u32).range(..=3_600),
        help_heading = "Probes"
    )]
    pub counts_delay: u32,
}

impl ProbeOptions {
    /// Makes requests to load balancers.
    pub fn http(&self) -> anyhow::Result<HttpProbe> {
        Ok(HttpProbe::new(self.ca.as_deref(), self.proxy)?)
    }

    /// Resolvers for names outside the zone.
    pub fn resolvers(&self) -> Vec<SocketAddr> {
        match self.resolver {
            Some(resolver) => vec![resolver],
            None => resolvers_of(&std::fs::read_to_string(RESOLV_CONF).unwrap_or_default()),
        }
    }

    /// All that looking at groups of a zone needs, with the AWS credentials of the environment.
    pub async fn world(&self, clusters: Vec<Cluster>, zone: &str) -> anyhow::Result<WorldOptions> {
        let aws = Aws::from_environment().await?;
        let route53 = aws.route53();
        let name = RecordName::parse(zone)
            .map_err(|error| user_error(format!("zone {zone}: {error}"), "give the zone's full name"))?;
        let Some(found) = route53.find_zone(&name).await? else {
            let account = aws.account_id().await?;
            return Err(user_error(
                format!("account {account} has no public zone {zone}"),
                "`aws route53 list-hosted-zones` lists them",
            ));
        };
        Ok(WorldOptions {
            clusters,
            name_servers: self.name_servers(&route53, &found).await?,
            resolvers: self.resolvers(),
            counts: CountsOptions {
                metrics: aws.metrics(),
                period_seconds: self.counts_period,
                delay: Duration::from_secs(u64::from(self.counts_delay)),
            },
            http: self.http()?,
            probe_path: self.probe_path.clone(),
            actuator: Actuator::Annotation,
            terraform_is_told: false,
            owners: BTreeSet::new(),
            route53,
            zone: found,
        })
    }

    /// The name servers of a zone.
    pub async fn name_servers(&self, route53: &Route53, zone: &Zone) -> anyhow::Result<Vec<SocketAddr>> {
        if !self.dns_servers.is_empty() {
            return Ok(self.dns_servers.clone());
        }
        let resolvers = self.resolvers();
        let mut servers = Vec::new();
        for name in route53.zone_name_servers(&zone.id).await? {
            let answer = query_any(&resolvers, &name, RecordType::A).await;
            let answer =
                answer.with_context(|| format!("name server {name} of {} does not resolve", zone.name))?;
            servers.extend(answer.addresses.first().map(|address| SocketAddr::new(*address, DNS_PORT)));
        }
        if servers.is_empty() {
            return Err(user_error(
                format!("the name servers of {} have no addresses", zone.name),
                "name them with --dns-server IP:PORT",
            ));
        }
        Ok(servers)
    }
}
