//! The helm program: what it says about charts and releases, and an upgrade with values on its standard input.
//!
//! It gets no secret: neither among its arguments, nor in its values, nor in its environment. Nothing of helm is linked.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use anyhow::Context;
use crossfade_stack::bridge::argo_cd::{Chart, ChartVersion, Release};
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::exit::{Exit, user_error};
use crate::printer::note;
use crate::shell;

/// Where helm is had.
const WAY_OUT: &str = "install helm (https://helm.sh/docs/intro/install/), or name it by --helm; --dry-run prints the \
    command to run elsewhere";

/// Where a chart comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChartSource {
    /// A chart repository and the chart's name in it.
    Repository {
        /// The repository.
        url: String,
        /// The chart.
        name: String,
    },
    /// A registry, or the URL of an archive: helm takes it as it is.
    Url(String),
    /// A directory or an archive.
    Path(PathBuf),
}

impl ChartSource {
    /// `https://…` is a repository unless it ends in `.tgz`; `oci://…` is a chart; anything else is a path.
    pub fn parse(text: &str, name: &str) -> ChartSource {
        let is_web = text.starts_with("https://") || text.starts_with("http://");
        if text.starts_with("oci://") || (is_web && text.strip_suffix(".tgz").is_some()) {
            ChartSource::Url(text.to_owned())
        } else if is_web {
            ChartSource::Repository { url: text.to_owned(), name: name.to_owned() }
        } else {
            ChartSource::Path(PathBuf::from(text))
        }
    }

    /// True when a version chooses among several.
    pub fn has_versions(&self) -> bool {
        match self {
            ChartSource::Repository { .. } => true,
            ChartSource::Url(url) => url.starts_with("oci://"),
            ChartSource::Path(_) => false,
        }
    }

    /// As helm's arguments.
    pub fn words(&self, version: Option<&ChartVersion>) -> Vec<String> {
        let mut words = match self {
            ChartSource::Repository { url, name } => vec![name.clone(), "--repo".to_owned(), url.clone()],
            ChartSource::Url(url) => vec![url.clone()],
            ChartSource::Path(path) => vec![path.display().to_string()],
        };
        if let Some(version) = version.filter(|_| self.has_versions()) {
            words.extend(["--version".to_owned(), version.to_string()]);
        }
        words
    }
}

/// A path as one of the values of an option that helm takes apart at commas.
pub fn list_item(path: &Path) -> String {
    let text = path.display().to_string();
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// helm for one namespace of one cluster.
#[derive(Clone, Debug)]
pub struct Helm {
    /// A name on PATH, or a path.
    pub program: PathBuf,
    /// The kubeconfig's context.
    pub context: String,
    /// The namespace.
    pub namespace: String,
}

/// What `helm show chart` prints, as far as it is read.
#[derive(Deserialize)]
struct ShownChart {
    name: String,
    version: String,
    #[serde(rename = "appVersion", default)]
    app_version: String,
}

/// An entry of `helm list --output json`.
#[derive(Deserialize)]
struct ListedRelease {
    name: String,
    revision: String,
    status: String,
    chart: String,
    #[serde(default)]
    app_version: String,
}

impl Helm {
    /// What is said about a chart where it comes from.
    pub async fn chart(&self, source: &ChartSource, version: Option<&ChartVersion>) -> anyhow::Result<Chart> {
        let mut words = vec!["show".to_owned(), "chart".to_owned()];
        words.extend(source.words(version));
        let text =
            self.read(&words, "--chart takes a repository, oci://…, an archive or a directory").await?;
        let shown: ShownChart =
            serde_saphyr::from_str(&text).context("what `helm show chart` prints cannot be read")?;
        let version =
            shown.version.parse().map_err(|error| anyhow::anyhow!("chart {}: {error}", shown.name))?;
        Ok(Chart { name: shown.name, version, app_version: shown.app_version })
    }

    /// Every release of the namespace, unfinished ones included.
    pub async fn releases(&self) -> anyhow::Result<Vec<Release>> {
        let words = ["list", "--deployed", "--failed", "--pending", "--uninstalling", "--output", "json"]
            .map(str::to_owned);
        let text = self.read(&words, "does `kubectl --context CTX version` answer?").await?;
        let listed: Vec<ListedRelease> =
            serde_json::from_str(&text).context("what `helm list` prints cannot be read")?;
        let release = |listed: ListedRelease| Release {
            // Helm counts from one.
            revision: listed.revision.parse().unwrap_or_default(),
            name: listed.name,
            status: listed.status,
            chart: listed.chart,
            app_version: listed.app_version,
        };
        Ok(listed.into_iter().map(release).collect())
    }

    /// Runs `helm ARGUMENTS` for `release` with `values` on its standard input. Ctrl-C reaches helm as well, which then says in
    /// its release how far it came; it is waited for.
    pub async fn run(&self, release: &str, arguments: &[String], values: &str) -> anyhow::Result<Exit> {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|error| self.missing(&error))?;
        if let Some(mut input) = child.stdin.take() {
            // A helm that ends early says why itself.
            let _ = input.write_all(values.as_bytes()).await;
        }
        let mut ended = Box::pin(child.wait_with_output());
        let (output, is_interrupted) = tokio::select! {
            output = &mut ended => (output, false),
            _ = tokio::signal::ctrl_c() => (ended.await, true),
        };
        let output = output.context("helm cannot be waited for")?;
        let history = self.line(&["history", release].map(str::to_owned));
        if output.status.success() {
            return Ok(Exit::Done);
        }
        if is_interrupted {
            note(&format!("helm was interrupted; `{history}` shows how far it came"));
            return Ok(Exit::Interrupted);
        }
        // What is wrong it has said itself; beside that it tells how far it came.
        let told = String::from_utf8_lossy(&output.stdout);
        let told = if told.trim().is_empty() { String::new() } else { format!(": {}", told.trim()) };
        Err(user_error(
            format!("helm failed ({}){told}", output.status),
            format!("`{history}` shows what became of it"),
        ))
    }

    /// `helm ARGUMENTS` for this namespace and cluster, as a shell takes it.
    pub fn line(&self, arguments: &[String]) -> String {
        let program = self.program.display().to_string();
        let words = std::iter::once(&program).chain(arguments).cloned().chain(self.place());
        words.map(|text| shell::word(&text)).collect::<Vec<_>>().join(" ")
    }

    /// Namespace and cluster, behind all other arguments.
    fn place(&self) -> [String; 4] {
        ["--namespace", &self.namespace, "--kube-context", &self.context].map(str::to_owned)
    }

    fn command(&self, arguments: &[String]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).args(self.place());
        command
    }

    async fn read(&self, arguments: &[String], hint: &str) -> anyhow::Result<String> {
        let output = self.command(arguments).stdin(Stdio::null()).output().await;
        let Output { status, stdout, stderr } = output.map_err(|error| self.missing(&error))?;
        if status.success() {
            return Ok(String::from_utf8_lossy(&stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&stderr);
        let said = match said.trim().trim_start_matches("Error: ") {
            "" => format!("{} ended with {status} and said nothing; is it helm?", self.program.display()),
            said => said.to_owned(),
        };
        let verb: Vec<&str> =
            arguments.iter().take(2).map(String::as_str).take_while(|w| !w.starts_with('-')).collect();
        Err(user_error(format!("helm {}: {said}", verb.join(" ")), hint))
    }

    fn missing(&self, error: &std::io::Error) -> anyhow::Error {
        user_error(format!("cannot run {}: {error}", self.program.display()), WAY_OUT)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn words(source: &str) -> String {
        let version = "10.10.0".parse().unwrap();
        ChartSource::parse(source, "argo-cd").words(Some(&version)).join(" ")
    }

    #[test]
    fn a_chart_is_named_as_helm_wants_it() {
        assert_eq!(
            words("https://example.org/charts"),
            "argo-cd --repo https://example.org/charts --version 10.10.0"
        );
        assert_eq!(words("oci://example.org/argo-cd"), "oci://example.org/argo-cd --version 10.10.0");
        // An archive and a directory have one version, which helm would not hold against another.
        assert_eq!(words("https://example.org/argo-cd-1.0.0.tgz"), "https://example.org/argo-cd-1.0.0.tgz");
        assert_eq!(words("./argo-cd"), "./argo-cd");
    }

    #[test]
    fn a_file_is_one_item_of_a_list() {
        assert_eq!(list_item(Path::new("a.yaml")), "a.yaml");
        assert_eq!(list_item(Path::new("a,\"b\".yaml")), r#""a,""b"".yaml""#);
    }

    #[tokio::test]
    async fn a_helm_that_says_nothing_is_named() {
        let helm = Helm { program: "false".into(), context: "x".to_owned(), namespace: "argocd".to_owned() };
        let error = helm.releases().await.unwrap_err().to_string();
        assert!(error.contains("helm list: false ended with exit status: 1 and said nothing"), "{error}");
    }

    #[tokio::test]
    async fn a_helm_that_is_not_there_has_a_way_out() {
        let helm =
            Helm { program: "/nowhere/helm".into(), context: "x".to_owned(), namespace: "argocd".to_owned() };
        let error = helm.releases().await.unwrap_err();
        let user = error.downcast_ref::<crate::exit::UserError>().unwrap();
        assert!(user.message.contains("cannot run /nowhere/helm"), "{}", user.message);
        assert!(user.hint.as_deref().unwrap().contains("--dry-run"));
    }
}
