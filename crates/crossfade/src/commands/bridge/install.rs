//! `crossfade bridge install`: Argo CD by the helm program, with a pinned chart and the pattern's values.
//!
//! What is there is looked at first: an Argo CD that Helm did not bring, a release that another helm works on, and one of
//! Terraform's are left alone. No secret passes through Helm; the admin password is kept where `bridge apply` put it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use crossfade_core::ClusterName;
use crossfade_kube::Cluster;
use crossfade_kube::bridge::{
    InstalledPart, KeptSecret, installed_parts, knows_application_sets, terraform_of_release,
};
use crossfade_stack::bridge::ARGOCD_NAMESPACE;
use crossfade_stack::bridge::argo_cd::{
    ArgoCdInput, CHART, CHART_REPOSITORY, CHART_VERSION, Change, Chart, ChartVersion, Downgrades,
    InstallRefusal, RECONCILIATION_SECONDS, RELEASE, ServerService, change, sets_admin_password, values,
};
use crossfade_stack::text::{LabelValue, ObjectName};
use serde_json::Value;

use crate::commands::dns_controller::parse_seconds;
use crate::commands::migrate::confirmed;
use crate::exit::{Exit, user_error};
use crate::helm::{ChartSource, Helm, list_item};
use crate::printer::{data, note};
use crate::shell::word;

/// Two minutes for images of some hundred megabytes, up to five for a load balancer, and as much again.
const TIMEOUT: &str = "15m";

/// Options of `crossfade bridge install`.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub struct InstallArgs {
    /// Which of the clusters: `blue`, `green`.
    #[arg(long, value_name = "NAME")]
    service: LabelValue,
    /// Its kubeconfig context. Default: the cluster's own name, `eks-blueprint-blue`.
    #[arg(long, value_name = "CTX")]
    context: Option<String>,
    /// Clusters are `<environment>-<name>`.
    #[arg(long, default_value = "eks-blueprint", value_name = "NAME")]
    environment: ObjectName,
    /// Where the chart comes from: a repository, `oci://…`, an archive, a directory.
    #[arg(long, default_value = CHART_REPOSITORY, value_name = "FROM", help_heading = "Chart")]
    chart: String,
    /// Its version. Default: 10.10.0 (Argo CD v3.5.4), except for an archive or a directory.
    #[arg(long, value_name = "VERSION", help_heading = "Chart")]
    chart_version: Option<ChartVersion>,
    /// Values of your own; they win, the last most. May be repeated.
    #[arg(long, value_name = "FILE", help_heading = "Chart")]
    values: Vec<PathBuf>,
    /// How Argo CD's server is reached.
    #[arg(long, value_enum, default_value_t = Service::LoadBalancer, value_name = "TYPE", help_heading = "Chart")]
    server_service: Service,
    /// Between two looks at Git.
    #[arg(
        long,
        default_value_t = RECONCILIATION_SECONDS,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "Chart"
    )]
    reconciliation: u32,
    /// The release's name.
    #[arg(long, default_value = RELEASE, value_name = "NAME", help_heading = "Helm")]
    release: ObjectName,
    /// The helm program.
    #[arg(long, default_value = "helm", value_name = "PROGRAM", help_heading = "Helm")]
    helm: PathBuf,
    /// How long helm waits for Argo CD's pods.
    #[arg(long, default_value = TIMEOUT, value_parser = parse_seconds, help_heading = "Helm")]
    timeout: Duration,
    /// Let an older chart take the place of a newer one.
    #[arg(long)]
    allow_downgrade: bool,
    /// Upgrade a release that Terraform owns; its next apply undoes it unless main.tf says the same.
    #[arg(long)]
    i_will_edit_main_tf: bool,
    /// Print the command and its values, and stop. Asks nobody.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before another version takes the place of the one that is there.
    #[arg(long)]
    yes: bool,
}

/// `--server-service`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Service {
    /// A load balancer of its own, as in the pattern.
    LoadBalancer,
    /// From inside the cluster: `kubectl port-forward`.
    ClusterIp,
    /// A port of each node.
    NodePort,
}

/// Installs or upgrades.
pub async fn run(args: &InstallArgs) -> anyhow::Result<Exit> {
    refuse_passwords(&args.values)?;
    let helm = Helm {
        program: args.helm.clone(),
        context: args.context.clone().unwrap_or_else(|| format!("{}-{}", args.environment, args.service)),
        namespace: ARGOCD_NAMESPACE.to_owned(),
    };
    let source = ChartSource::parse(&args.chart, CHART);
    let pinned = pinned_version(args, &source)?;
    let arguments = args.arguments(&source, pinned.as_ref());
    let values = serde_saphyr::to_string(&values(&args.input()))?;
    if args.dry_run {
        data(&format!("{} <<'END'\n{}\nEND", helm.line(&arguments), values.trim_end()));
        return Ok(Exit::Done);
    }
    let cluster = Cluster::connect(ClusterName(args.service.to_string()), &helm.context, None).await?;
    let chart = helm.chart(&source, pinned.as_ref()).await?;
    refuse_another_version(&chart, args.chart_version.as_ref())?;
    let change = args.plan(&helm, &cluster, &chart).await?;
    note(&what_happens(&change, &chart, args, &helm.context));
    if matches!(change, Change::From(_)) && !args.yes && !confirmed()? {
        return Ok(Exit::Interrupted);
    }
    let secret = KeptSecret::read(&cluster, ARGOCD_NAMESPACE).await?;
    let result = helm.run(args.release.as_str(), &arguments, &values).await;
    // Also after a failure: what Helm has written by then, it has written.
    if secret.put_back(&cluster, ARGOCD_NAMESPACE).await? {
        note("keys of Argo CD's secret were in Helm's hands, which took them away; they are as they were");
    }
    if result? == Exit::Interrupted {
        return Ok(Exit::Interrupted);
    }
    if !knows_application_sets(&cluster).await? {
        return Err(user_error(
            format!(
                "{} {} is installed, but {} knows no ApplicationSets",
                chart.name, chart.version, helm.context
            ),
            "do your --values leave out its definitions (crds.install)?",
        ));
    }
    note(&format!(
        "{} {} is in {ARGOCD_NAMESPACE} of {context}; next: crossfade bridge apply --service {} --context {} --hosted-zone ZONE",
        chart.name,
        chart.version,
        args.service,
        word(&helm.context),
        context = helm.context,
    ));
    Ok(Exit::Done)
}

impl InstallArgs {
    fn input(&self) -> ArgoCdInput {
        ArgoCdInput {
            server_service: match self.server_service {
                Service::LoadBalancer => ServerService::LoadBalancer,
                Service::ClusterIp => ServerService::ClusterIp,
                Service::NodePort => ServerService::NodePort,
            },
            reconciliation_seconds: self.reconciliation,
        }
    }

    /// helm's, without namespace and cluster. Values come on the standard input, and before the user's.
    fn arguments(&self, source: &ChartSource, version: Option<&ChartVersion>) -> Vec<String> {
        let mut words: Vec<String> =
            ["upgrade", "--install", self.release.as_str()].map(str::to_owned).into();
        words.extend(source.words(version));
        words.extend(["--create-namespace", "--reset-values", "--values", "-"].map(str::to_owned));
        for file in &self.values {
            words.extend(["--values".to_owned(), list_item(file)]);
        }
        words.extend(["--wait".to_owned(), "--timeout".to_owned(), format!("{}s", self.timeout.as_secs())]);
        words
    }

    /// What will happen, or why it must not.
    async fn plan(&self, helm: &Helm, cluster: &Cluster, chart: &Chart) -> anyhow::Result<Change> {
        let downgrades = if self.allow_downgrade { Downgrades::Allowed } else { Downgrades::Refused };
        let releases = helm.releases().await?;
        let change = change(self.release.as_str(), &releases, &chart.version, downgrades)
            .map_err(|refusal| user_error(refusal.to_string(), way_out(&refusal, helm)))?;
        let parts = installed_parts(cluster, ARGOCD_NAMESPACE).await?;
        refuse_others(&parts, self.release.as_str(), &helm.context)?;
        let terraform = match terraform_of_release(cluster, ARGOCD_NAMESPACE, self.release.as_str()).await? {
            None => parts.into_iter().find_map(|part| part.terraform),
            found => found,
        };
        match terraform {
            Some(manager) if !self.i_will_edit_main_tf => Err(user_error(
                format!("release {} is Terraform's (field manager {manager})", self.release),
                "leave it to Terraform (`crossfade bridge apply` works with it), or say the same in main.tf and pass --i-will-edit-main-tf",
            )),
            _ => Ok(change),
        }
    }
}

/// The version that helm is told: the one asked for, or ours where several can be had.
fn pinned_version(args: &InstallArgs, source: &ChartSource) -> anyhow::Result<Option<ChartVersion>> {
    match &args.chart_version {
        None if source.has_versions() => Ok(Some(CHART_VERSION.parse()?)),
        given => Ok(given.clone()),
    }
}

/// An archive and a directory have one version, whatever was asked for.
fn refuse_another_version(chart: &Chart, asked: Option<&ChartVersion>) -> anyhow::Result<()> {
    match asked {
        Some(asked) if asked.order(&chart.version).is_ne() => Err(user_error(
            format!("the chart is {} {}, not {asked}", chart.name, chart.version),
            "leave --chart-version out, or name another --chart",
        )),
        _ => Ok(()),
    }
}

/// Helm would keep the password in its releases, and give it a new time with every upgrade, which ends all sessions.
fn refuse_passwords(files: &[PathBuf]) -> anyhow::Result<()> {
    for file in files {
        let wrong =
            |message: String| user_error(format!("{}: {message}", file.display()), "--values takes YAML");
        let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
        let values: Value = serde_saphyr::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if sets_admin_password(&values) {
            return Err(user_error(
                format!("{}: configs.secret gives Helm the admin password", file.display()),
                "take it out; `crossfade bridge apply` sets it (--admin-password-file, --admin-password-secret)",
            ));
        }
    }
    Ok(())
}

/// Helm takes over no object that it did not make.
fn refuse_others(parts: &[InstalledPart], release: &str, context: &str) -> anyhow::Result<()> {
    let is_ours = |part: &InstalledPart| {
        part.release.as_ref().is_some_and(|(space, name)| space == ARGOCD_NAMESPACE && name == release)
    };
    let Some(part) = parts.iter().find(|part| !is_ours(part)) else { return Ok(()) };
    let what = &part.what;
    Err(match &part.release {
        Some((space, name)) => user_error(
            format!("{what} of {context} is of release {name} in namespace {space}"),
            "one Argo CD is enough for a cluster; `helm uninstall` takes that one away",
        ),
        None => user_error(
            format!("Argo CD is in {context}, and Helm did not bring it: {what} is there"),
            "`crossfade bridge apply` works with it as it is; to install it by Helm, take it away first",
        ),
    })
}

fn way_out(refusal: &InstallRefusal, helm: &Helm) -> String {
    let line = |words: &[&str]| helm.line(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
    match refusal {
        InstallRefusal::Unfinished { name, status, .. } if status == "pending-install" || status == "uninstalling" => {
            format!("when no other helm runs: {}", line(&["uninstall", name]))
        }
        InstallRefusal::Unfinished { name, revision, .. } => format!(
            "when no other helm runs: {} (`{}` shows the revisions)",
            line(&["rollback", name, &revision.saturating_sub(1).to_string()]),
            line(&["history", name])
        ),
        InstallRefusal::AnotherChart { .. } => "pass another --release".to_owned(),
        InstallRefusal::AnotherName { name, .. } => format!("pass --release {name}"),
        InstallRefusal::Downgrade { .. } => {
            "pass --chart-version of the newer one, or --allow-downgrade; Argo CD may not read what a newer one wrote"
                .to_owned()
        }
    }
}

fn what_happens(change: &Change, chart: &Chart, args: &InstallArgs, context: &str) -> String {
    let wanted = format!("{} {} (Argo CD {})", chart.name, chart.version, chart.app_version);
    let mut text = match change {
        Change::Install => format!("{wanted} is installed in {context}"),
        Change::Again(release) => {
            format!("{wanted} is in {context} ({}); its values are set again", release.status)
        }
        Change::From(release) => format!(
            "{} (Argo CD {}) of {context} becomes {wanted}; values that are not given again are the chart's; notes: \
             https://argo-cd.readthedocs.io/en/stable/operator-manual/upgrading/overview/",
            release.chart, release.app_version
        ),
    };
    if args.server_service == Service::LoadBalancer && *change == Change::Install {
        text.push_str(
            "; a load balancer brings its login page to the network (--server-service cluster-ip does not)",
        );
    }
    text
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        args: InstallArgs,
    }

    fn mk_args(more: &[&str]) -> InstallArgs {
        Program::try_parse_from(["x", "--service", "blue"].iter().chain(more)).unwrap().args
    }

    fn line(more: &[&str]) -> String {
        let args = mk_args(more);
        let source = ChartSource::parse(&args.chart, CHART);
        args.arguments(&source, pinned_version(&args, &source).unwrap().as_ref()).join(" ")
    }

    #[test]
    fn the_chart_is_pinned_and_the_users_values_come_last() {
        assert_eq!(
            line(&["--values", "a.yaml", "--values", "b.yaml", "--timeout", "5m"]),
            format!(
                "upgrade --install argo-cd argo-cd --repo {CHART_REPOSITORY} --version {CHART_VERSION} --create-namespace \
                 --reset-values --values - --values a.yaml --values b.yaml --wait --timeout 300s"
            )
        );
        assert!(line(&["--chart-version", "10.9.6"]).contains(" --version 10.9.6 "));
        assert!(!line(&["--chart", "./argo-cd", "--chart-version", "10.9.6"]).contains("--version"));
        assert!(Program::try_parse_from(["x", "--service", "blue", "--chart-version", "^10"]).is_err());
    }

    #[test]
    fn help_says_the_pinned_version() {
        use clap::CommandFactory as _;
        let help = Program::command().render_long_help().to_string();
        assert!(help.contains(&format!("Default: {CHART_VERSION} ")), "{help}");
    }

    #[test]
    fn what_helm_did_not_bring_is_left_alone() {
        let part = |release: Option<(&str, &str)>| InstalledPart {
            what: "the Secret argocd-secret".to_owned(),
            release: release.map(|(space, name)| (space.to_owned(), name.to_owned())),
            terraform: None,
        };
        let refused = |release| {
            refuse_others(&[part(release)], RELEASE, "eks-blueprint-blue").map_err(|error| error.to_string())
        };
        assert_eq!(refused(Some((ARGOCD_NAMESPACE, RELEASE))), Ok(()));
        assert!(refused(None).unwrap_err().contains("Helm did not bring it: the Secret argocd-secret"));
        assert!(refused(Some(("argo", RELEASE))).unwrap_err().contains("release argo-cd in namespace argo"));
    }

    #[test]
    fn the_way_out_is_a_command() {
        let helm = Helm { program: "helm".into(), context: "c d".to_owned(), namespace: "argocd".to_owned() };
        let unfinished = |status: &str| InstallRefusal::Unfinished {
            name: RELEASE.to_owned(),
            status: status.to_owned(),
            revision: 4,
        };
        let said = way_out(&unfinished("pending-upgrade"), &helm);
        assert!(said.contains("helm rollback argo-cd 3 --namespace argocd --kube-context 'c d'"), "{said}");
        assert!(way_out(&unfinished("pending-install"), &helm).contains("helm uninstall argo-cd "));
    }
}
