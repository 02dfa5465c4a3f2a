//! `crossfade dns-controller`: keeps one cluster's records in Route 53.
//!
//! Flags have ExternalDNS's names where there is such a flag, so that a deployment can be changed over by its image.

use std::time::Duration;

use clap::{Args, ValueEnum};
use crossfade_aws::{Aws, AwsOptions};
use crossfade_controller::dns::{DnsError, DnsMode, DnsOptions, run as run_controller};
use crossfade_core::ClusterName;
use crossfade_core::dns::{Affix, MassDeletionGuard, OwnerId, Policy, RecordName, TxtFormat, TxtNaming};
use crossfade_kube::Cluster;
use crossfade_kube::sources::{EmptyStatus, SourceKind, SourceOptions};

use crate::exit::user_error;
use crate::stop::asked_to_stop;

/// The namespace in which migrations look for what a DNS controller tells them.
const REPORT_NAMESPACE: &str = "crossfade";

/// Which changes are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PolicyArg {
    /// Create, update and delete.
    Sync,
    /// Create and update.
    UpsertOnly,
    /// Create only.
    CreateOnly,
}

/// Kinds of objects that records come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SourceArg {
    /// Ingresses.
    Ingress,
    /// Services of type LoadBalancer.
    Service,
}

/// What becomes of records when their object's load balancer has no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EmptyStatusArg {
    /// They stay.
    Keep,
    /// They are deleted, as ExternalDNS does it.
    Delete,
}

/// Options of `crossfade dns-controller`.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
#[derive(Args, Clone, Debug)]
pub struct DnsControllerArgs {
    /// Context of the kubeconfig; without it the current one, or the cluster that this runs in
    #[arg(long)]
    pub context: Option<String>,
    /// Only objects of this namespace
    #[arg(long)]
    pub namespace: Option<String>,
    /// Objects that records come from
    #[arg(long = "source", value_enum, default_values = ["ingress", "service"])]
    pub sources: Vec<SourceArg>,
    /// Only Ingresses of this class (repeatable)
    #[arg(long = "ingress-class")]
    pub ingress_classes: Vec<String>,
    /// Whose records are ours; unique per cluster
    #[arg(long)]
    pub txt_owner_id: OwnerId,
    /// Only zones of this name and below (repeatable)
    #[arg(long = "domain-filter")]
    pub domain_filters: Vec<RecordName>,
    /// Which changes are allowed
    #[arg(long, value_enum, default_value = "upsert-only")]
    pub policy: PolicyArg,
    /// Names of ownership records that are written: legacy, cname-prefix, a-prefix (repeatable)
    #[arg(long = "txt-format", default_value = "cname-prefix")]
    pub txt_formats: Vec<TxtFormat>,
    /// Text in front of the names of ownership records; may hold %{record_type}
    #[arg(long, conflicts_with = "txt_suffix")]
    pub txt_prefix: Option<String>,
    /// Text behind the first label of the names of ownership records; may hold %{record_type}
    #[arg(long)]
    pub txt_suffix: Option<String>,
    /// Stands for `*` in the names of ownership records
    #[arg(long)]
    pub txt_wildcard_replacement: Option<String>,
    /// Let aliases leave the answers with their target's health, where no annotation says otherwise
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    pub aws_evaluate_target_health: bool,
    /// What becomes of records when their object's load balancer has no address
    #[arg(long, value_enum, default_value = "keep")]
    pub on_empty_status: EmptyStatusArg,
    /// Delete more than half of the records at once without their objects having been seen to go
    #[arg(long)]
    pub allow_mass_deletion: bool,
    /// Profile of the AWS configuration
    #[arg(long)]
    pub aws_profile: Option<String>,
    /// Seconds between two listings of the zones
    #[arg(long, alias = "interval", default_value = "60", value_parser = parse_seconds)]
    pub resync: Duration,
    /// End after one plan
    #[arg(long)]
    pub once: bool,
    /// Show what would be changed, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Runs until it is interrupted, or with `--once` until one plan is carried out.
pub async fn run(args: DnsControllerArgs) -> anyhow::Result<()> {
    let client = client(args.context.as_deref()).await?;
    let aws =
        Aws::with_options(AwsOptions { profile: args.aws_profile.clone(), ..AwsOptions::default() }).await?;
    let options = options(&args, client, aws)?;
    tracing::info!(owner = %options.owner, policy = ?options.policy, mode = ?options.mode, "DNS controller starts");
    let stopped = async {
        asked_to_stop().await;
    };
    run_controller(options, stopped).await.map_err(explained)
}

fn explained(error: DnsError) -> anyhow::Error {
    let hint = error.hint().unwrap_or_default();
    match error {
        DnsError::Listing(cause) => anyhow::Error::from(cause).context("the zones cannot be listed"),
        other => user_error(other.to_string(), hint),
    }
}

async fn client(context: Option<&str>) -> anyhow::Result<kube::Client> {
    if let Some(context) = context {
        return Ok(Cluster::connect(ClusterName::from(context), context, None).await?.client);
    }
    kube::Client::try_default().await.map_err(|error| {
        let hint = "name a context of the kubeconfig with --context, or run it in a cluster";
        user_error(format!("there is no cluster to watch: {error}"), hint)
    })
}

fn options(args: &DnsControllerArgs, client: kube::Client, aws: Aws) -> anyhow::Result<DnsOptions> {
    let mut options = DnsOptions::new(client, aws, args.txt_owner_id.clone());
    options.zone_names.clone_from(&args.domain_filters);
    options.policy = match args.policy {
        PolicyArg::Sync => Policy::Sync,
        PolicyArg::UpsertOnly => Policy::UpsertOnly,
        PolicyArg::CreateOnly => Policy::CreateOnly,
    };
    options.txt_naming = txt_naming(args)?;
    options.sources = args
        .sources
        .iter()
        .map(|source| match source {
            SourceArg::Ingress => SourceKind::Ingress,
            SourceArg::Service => SourceKind::Service,
        })
        .collect();
    options.source_options = SourceOptions {
        ingress_classes: args.ingress_classes.clone(),
        empty_status: match args.on_empty_status {
            EmptyStatusArg::Keep => EmptyStatus::KeepRecords,
            EmptyStatusArg::Delete => EmptyStatus::DeleteRecords,
        },
    };
    options.namespace.clone_from(&args.namespace);
    options.evaluate_target_health = args.aws_evaluate_target_health;
    if args.allow_mass_deletion {
        options.mass_deletion = MassDeletionGuard::Allow;
    }
    options.resync = args.resync;
    options.mode = match (args.once, args.dry_run) {
        (false, false) => DnsMode::Run,
        (false, true) => DnsMode::DryRun,
        (true, false) => DnsMode::Once,
        (true, true) => DnsMode::OnceDryRun,
    };
    options.report_namespace = (!args.dry_run).then(|| REPORT_NAMESPACE.to_owned());
    Ok(options)
}

fn txt_naming(args: &DnsControllerArgs) -> anyhow::Result<TxtNaming> {
    let affix = match (&args.txt_prefix, &args.txt_suffix) {
        (Some(prefix), _) => Affix::Prefix(prefix.clone()),
        (None, Some(suffix)) => Affix::Suffix(suffix.clone()),
        (None, None) => Affix::None,
    };
    TxtNaming::new(args.txt_formats.iter().copied(), affix, args.txt_wildcard_replacement.clone()).map_err(
        |error| {
            user_error(
                error.to_string(),
                "add --txt-format cname-prefix (ExternalDNS to v0.21) or a-prefix (from v0.22)",
            )
        },
    )
}

/// Whole seconds, with or without `s`, or minutes with `m`.
pub fn parse_seconds(text: &str) -> Result<Duration, String> {
    let (number, factor) = match text.strip_suffix('m') {
        Some(minutes) => (minutes, 60),
        None => (text.strip_suffix('s').unwrap_or(text), 1),
    };
    match number.parse::<u32>() {
        Ok(number) if number > 0 => Ok(Duration::from_secs(u64::from(number) * factor)),
        _ => Err("at least one second is needed, like 60, 60s or 1m".to_owned()),
    }
}
