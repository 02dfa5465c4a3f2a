//! Argo CD itself: which chart it comes from, the values that the bridge needs, and what an installation would do to a
//! release that is there.
//!
//! No secret is among the values. The pattern gives Helm the hash of the admin password; here it is in Argo CD's own secret
//! alone, written by `bridge apply`. The chart makes that secret without data, so upgrades leave its keys as they are: Helm
//! changes only what differs between two renderings. One whose data was among the values and no longer is loses all of it,
//! for which the caller has to care.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};

/// The chart's name.
pub const CHART: &str = "argo-cd";
/// Where it is published.
pub const CHART_REPOSITORY: &str = "https://argoproj.github.io/argo-helm";
/// The version that is installed when none is named: Argo CD v3.5.4, of the line that the lab's agent is compared with. The
/// pattern's own, 5.45.0 (Argo CD v2.8.2), is of the time of Kubernetes 1.27.
pub const CHART_VERSION: &str = "10.10.0";
/// The release's name in the pattern; the server's Service is named after it.
pub const RELEASE: &str = "argo-cd";
/// Seconds between two looks at Git: Argo CD's own default since v3, said here because older charts have another.
pub const RECONCILIATION_SECONDS: u32 = 120;

/// How Argo CD's server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerService {
    /// By a load balancer of its own, as in the pattern.
    LoadBalancer,
    /// From inside the cluster.
    ClusterIp,
    /// By a port of each node.
    NodePort,
}

impl ServerService {
    /// As Kubernetes has it.
    pub fn as_str(self) -> &'static str {
        match self {
            ServerService::LoadBalancer => "LoadBalancer",
            ServerService::ClusterIp => "ClusterIP",
            ServerService::NodePort => "NodePort",
        }
    }
}

/// What is chosen about Argo CD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArgoCdInput {
    /// How its server is reached.
    pub server_service: ServerService,
    /// Between two looks at Git.
    pub reconciliation_seconds: u32,
}

/// The chart's values. ApplicationSets of Argo CD's own namespace need no parameter of its controllers.
pub fn values(input: &ArgoCdInput) -> Value {
    json!({
        "configs": {
            "cm": { "timeout.reconciliation": format!("{}s", input.reconciliation_seconds) },
            // Taking the secret out of a release deletes it, with the key that signs sessions.
            "secret": { "createSecret": true },
        },
        "server": { "service": { "type": input.server_service.as_str() } },
    })
}

/// Whether values put the admin password into Helm's hands.
pub fn sets_admin_password(values: &Value) -> bool {
    let secret = &values["configs"]["secret"];
    let is_set = |key: &str| secret[key].as_str().is_some_and(|text| !text.is_empty());
    is_set("argocdServerAdminPassword") || !secret["extra"]["admin.password"].is_null()
}

/// A chart's version, in the order of semantic versions. Of two pre-releases of one version the later in the alphabet is
/// taken for the newer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartVersion {
    numbers: [u64; 3],
    pre_release: Option<String>,
    text: String,
}

impl FromStr for ChartVersion {
    type Err = ChartVersionError;

    fn from_str(text: &str) -> Result<Self, ChartVersionError> {
        let wrong = || ChartVersionError { text: text.to_owned() };
        let plain = text.strip_prefix('v').unwrap_or(text);
        let (plain, _) = plain.split_once('+').unwrap_or((plain, ""));
        let (core, pre_release) = match plain.split_once('-') {
            Some((core, pre_release)) => (core, Some(pre_release.to_owned())),
            None => (plain, None),
        };
        let parts: Vec<u64> =
            core.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
        let numbers = <[u64; 3]>::try_from(parts).map_err(|_| wrong())?;
        Ok(ChartVersion { numbers, pre_release, text: text.to_owned() })
    }
}

impl fmt::Display for ChartVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl ChartVersion {
    /// Which of two comes first.
    pub fn order(&self, other: &Self) -> Ordering {
        // A pre-release comes before its version.
        let rank = |version: &Self| (version.pre_release.is_none(), version.pre_release.clone());
        self.numbers.cmp(&other.numbers).then_with(|| rank(self).cmp(&rank(other)))
    }
}

/// A text that is no version of a chart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no version of a chart: three numbers are needed, for example {CHART_VERSION}")]
pub struct ChartVersionError {
    /// What was given.
    pub text: String,
}

/// A chart that can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: ChartVersion,
    /// Argo CD's own, where the chart says it.
    pub app_version: String,
}

/// A release of Argo CD's namespace, as `helm list` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its name.
    pub name: String,
    /// How often it was installed or upgraded.
    pub revision: u64,
    /// `deployed`, `failed`, `pending-upgrade`, …
    pub status: String,
    /// Name and version of its chart: `argo-cd-5.45.0`.
    pub chart: String,
    /// Argo CD's version.
    pub app_version: String,
}

impl Release {
    /// The version of its chart when that is Argo CD's.
    pub fn version(&self) -> Option<ChartVersion> {
        self.chart.strip_prefix(CHART)?.strip_prefix('-')?.parse().ok()
    }
}

/// Whether an older chart may take the place of a newer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Downgrades {
    /// It may not.
    Refused,
    /// Somebody asked for it.
    Allowed,
}

/// What an installation does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// There is no release yet.
    Install,
    /// The same chart, with the values of now.
    Again(Release),
    /// Another version takes its place.
    From(Release),
}

/// Why an installation is not begun.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstallRefusal {
    /// An operation of Helm's has not ended, or was cut off.
    #[error("release {name} is {status} (revision {revision}): another helm works on it, or one was cut off")]
    Unfinished {
        /// The release.
        name: String,
        /// Helm's word.
        status: String,
        /// Of the operation.
        revision: u64,
    },
    /// The name belongs to something else.
    #[error("release {name} is of chart {chart}, which is not {CHART}")]
    AnotherChart {
        /// The release.
        name: String,
        /// Its chart.
        chart: String,
    },
    /// Argo CD is there under another name.
    #[error("{chart} is there as release {name}")]
    AnotherName {
        /// The release that is there.
        name: String,
        /// Its chart.
        chart: String,
    },
    /// The release is newer.
    #[error("release {name} is of {chart}, newer than {wanted}")]
    Downgrade {
        /// The release.
        name: String,
        /// Its chart.
        chart: String,
        /// The version asked for.
        wanted: String,
    },
}

/// What installing `wanted` as `name` does among the releases of Argo CD's namespace.
pub fn change(
    name: &str,
    releases: &[Release],
    wanted: &ChartVersion,
    downgrades: Downgrades,
) -> Result<Change, InstallRefusal> {
    let Some(release) = releases.iter().find(|release| release.name == name) else {
        return match releases.iter().find(|release| release.version().is_some()) {
            Some(other) => {
                Err(InstallRefusal::AnotherName { name: other.name.clone(), chart: other.chart.clone() })
            }
            None => Ok(Change::Install),
        };
    };
    let (name, chart) = (release.name.clone(), release.chart.clone());
    let Some(version) = release.version() else {
        return Err(InstallRefusal::AnotherChart { name, chart });
    };
    if release.status.starts_with("pending") || release.status == "uninstalling" {
        let (status, revision) = (release.status.clone(), release.revision);
        return Err(InstallRefusal::Unfinished { name, status, revision });
    }
    match wanted.order(&version) {
        Ordering::Equal => Ok(Change::Again(release.clone())),
        Ordering::Less if downgrades == Downgrades::Refused => {
            Err(InstallRefusal::Downgrade { name, chart, wanted: wanted.to_string() })
        }
        Ordering::Less | Ordering::Greater => Ok(Change::From(release.clone())),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn mk_release(name: &str, chart: &str, status: &str) -> Release {
        Release {
            name: name.to_owned(),
            revision: 3,
            status: status.to_owned(),
            chart: chart.to_owned(),
            app_version: "v2.8.2".to_owned(),
        }
    }

    fn installing(releases: &[Release], wanted: &str) -> Result<Change, InstallRefusal> {
        change(RELEASE, releases, &wanted.parse().unwrap(), Downgrades::Refused)
    }

    #[test]
    fn values_are_the_patterns_without_a_secret() {
        let input = ArgoCdInput {
            server_service: ServerService::LoadBalancer,
            reconciliation_seconds: RECONCILIATION_SECONDS,
        };
        let values = values(&input);
        assert_eq!(
            values,
            json!({
                "configs": { "cm": { "timeout.reconciliation": "120s" }, "secret": { "createSecret": true } },
                "server": { "service": { "type": "LoadBalancer" } },
            })
        );
        assert!(!sets_admin_password(&values));
    }

    #[test]
    fn a_password_among_values_is_found() {
        let with = |secret: Value| json!({ "configs": { "secret": secret } });
        assert!(sets_admin_password(&with(json!({ "argocdServerAdminPassword": "$2a$10$x" }))));
        assert!(sets_admin_password(&with(json!({ "extra": { "admin.password": "x" } }))));
        assert!(!sets_admin_password(&with(json!({ "argocdServerAdminPassword": "", "extra": {} }))));
        assert!(!sets_admin_password(&Value::Null));
    }

    #[test]
    fn versions_have_the_order_of_semantic_versions() {
        let ordered = ["5.45.0", "9.7.1", "10.0.0-rc1", "10.0.0-rc2", "10.0.0", "10.9.6", "10.10.0"];
        for pair in ordered.windows(2) {
            let (less, more): (ChartVersion, ChartVersion) =
                (pair[0].parse().unwrap(), pair[1].parse().unwrap());
            assert_eq!(
                (less.order(&more), more.order(&less)),
                (Ordering::Less, Ordering::Greater),
                "{pair:?}"
            );
        }
        let same = |text: &str| text.parse::<ChartVersion>().unwrap().order(&"10.10.0".parse().unwrap());
        assert_eq!((same("v10.10.0"), same("10.10.0+build")), (Ordering::Equal, Ordering::Equal));
        for wrong in ["", "10", "10.10", "10.10.0.0", "latest", "^10.0.0", "10.x.0"] {
            assert!(wrong.parse::<ChartVersion>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn pinned_chart_is_a_version() {
        assert_eq!(CHART_VERSION.parse::<ChartVersion>().unwrap().to_string(), CHART_VERSION);
    }

    #[test]
    fn another_version_takes_the_place_of_an_older_one() {
        let release = mk_release(RELEASE, "argo-cd-5.45.0", "deployed");
        assert_eq!(installing(&[], "10.10.0"), Ok(Change::Install));
        assert_eq!(
            installing(&[mk_release("loki", "loki-6.0.0", "deployed")], "10.10.0"),
            Ok(Change::Install)
        );
        let again = installing(std::slice::from_ref(&release), "5.45.0");
        assert_eq!(again, Ok(Change::Again(release.clone())));
        assert_eq!(installing(std::slice::from_ref(&release), "10.10.0"), Ok(Change::From(release)));
        let failed = mk_release(RELEASE, "argo-cd-10.10.0", "failed");
        assert_eq!(installing(std::slice::from_ref(&failed), "10.10.0"), Ok(Change::Again(failed)));
    }

    #[test]
    fn nothing_goes_back_silently() {
        let release = mk_release(RELEASE, "argo-cd-10.10.1", "deployed");
        let wanted = "10.10.0".parse().unwrap();
        let refused = installing(std::slice::from_ref(&release), "10.10.0");
        assert!(matches!(refused, Err(InstallRefusal::Downgrade { .. })), "{refused:?}");
        let allowed = change(RELEASE, std::slice::from_ref(&release), &wanted, Downgrades::Allowed);
        assert_eq!(allowed, Ok(Change::From(release)));
    }

    #[test]
    fn releases_that_are_not_to_be_touched() {
        for status in ["pending-install", "pending-upgrade", "pending-rollback", "uninstalling"] {
            let refused =
                installing(&[mk_release(RELEASE, "argo-cd-10.10.0", status)], "10.10.0").unwrap_err();
            assert!(refused.to_string().contains(status), "{refused}");
        }
        let refused = installing(&[mk_release("argocd", "argo-cd-9.0.0", "deployed")], "10.10.0");
        assert_eq!(refused.unwrap_err().to_string(), "argo-cd-9.0.0 is there as release argocd");
        let refused = installing(&[mk_release(RELEASE, "argo-cd-apps-2.0.0", "deployed")], "10.10.0");
        assert!(matches!(refused, Err(InstallRefusal::AnotherChart { .. })), "{refused:?}");
    }
}
