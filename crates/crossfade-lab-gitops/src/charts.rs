//! Charts from repositories of charts: Helm's with an `index.yaml`, registries of OCI artifacts, and directories that stand
//! for them.
//!
//! Archives are kept on disk by repository, chart and version, and by what opened the repository; indexes in memory. A
//! registry that cannot be reached is not asked again at once by everybody. Nothing is rendered here.

mod http;
mod index;
mod local;
mod oci;
mod registry;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crossfade_gotemplate::{archive_files, highest_within, is_version};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::encoding::hexadecimal;
use crate::error::GitOpsError;
use crate::git::{Fresh, make_private};
use crate::keyring::Keyring;
use crate::opened::Opened;
use registry::Registry;

/// `index.yaml` as it is sent: that of the largest public repository has some 30 MB.
const INDEX_BYTES_MAX: usize = 128 << 20;
/// An archive as it is sent: a release that helm stores has at most one megabyte, so larger charts cannot be installed.
const ARCHIVE_BYTES_MAX: usize = 32 << 20;
/// A chart's files by their path in it.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// Where archives are kept, and which URLs are local.
#[derive(Clone, Debug)]
pub struct ChartOptions {
    /// Where archives are kept.
    pub cache_dir: PathBuf,
    /// URLs and the directories that stand for them, as for Git.
    pub repositories: Vec<(String, PathBuf)>,
}

/// All repositories of charts that anybody named. Cheap to clone; agents share one, and each opens them with its own
/// credentials.
#[derive(Clone)]
pub struct Charts {
    options: Arc<ChartOptions>,
    opened: Opened<Registry>,
}

impl std::fmt::Debug for Charts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Charts").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Why a registry did not give what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failure {
    text: String,
    /// It did not answer at all: whoever asks for something else would wait as well.
    is_out_of_reach: bool,
}

impl Failure {
    fn refused(text: impl Into<String>) -> Failure {
        Failure { text: text.into(), is_out_of_reach: false }
    }

    fn out_of_reach(text: impl Into<String>) -> Failure {
        Failure { text: text.into(), is_out_of_reach: true }
    }
}

impl Charts {
    /// Makes the directory, which is the user's alone. Nothing is asked before a chart is wanted.
    pub fn start(options: ChartOptions) -> Result<Charts, GitOpsError> {
        make_private(&options.cache_dir)
            .map_err(|source| GitOpsError::Dir { path: options.cache_dir.clone(), source })?;
        Ok(Charts { options: Arc::new(options), opened: Opened::default() })
    }

    /// The same repositories, opened with the credentials of a cluster.
    pub(crate) fn opened_with(&self, keyring: &Keyring) -> Charts {
        Charts { options: Arc::clone(&self.options), opened: self.opened.with(keyring) }
    }

    /// Lets go of repositories that no keyring opens in the way in which they were opened.
    pub(crate) fn forget_unopened(&self) {
        self.opened.forget_unopened();
    }

    /// Counts how often versions of charts in use have changed.
    pub(crate) fn moves(&self) -> watch::Receiver<u64> {
        self.opened.moves()
    }

    /// The version that a revision (a version or a range of them) is. A version is taken as it is written.
    pub(crate) async fn resolve(
        &self,
        url: &str,
        chart: &str,
        revision: &str,
        fresh: Fresh,
    ) -> Result<String, String> {
        if is_version(revision) {
            return Ok(revision.to_owned());
        }
        let versions = self.registry(url)?.versions(chart, fresh).await?;
        let versions = || versions.iter().map(String::as_str);
        match highest_within(revision, versions()) {
            Ok(Some(version)) => Ok(version.to_owned()),
            Ok(None) => {
                let count = versions().count();
                Err(format!("invalid revision: version matching constraint not found in {count} tags"))
            }
            Err(_) if versions().any(|version| version == revision) => Ok(revision.to_owned()),
            Err(error) => Err(format!("invalid revision: failed to determine semver constraint: {error}")),
        }
    }

    /// The files of a chart in a version. Once they are here no registry is asked for them, unless by a hard refresh.
    pub(crate) async fn files(
        &self,
        url: &str,
        chart: &str,
        version: &str,
        fresh: Fresh,
    ) -> Result<Files, String> {
        let registry = self.registry(url)?;
        if let Some(dir) = registry.local() {
            let (dir, chart, version) = (dir.to_owned(), chart.to_owned(), version.to_owned());
            return blocking(move || local::files(&dir, &chart, &version)).await;
        }
        let kept_at = self.archive_path(url, chart, version);
        let path = kept_at.clone();
        let kept = blocking(move || {
            if fresh == Fresh::Hard {
                // As Argo CD does: what cannot be had anew is not there, at later looks as well.
                let _ = std::fs::remove_file(&path);
            }
            Ok(std::fs::read(path).ok())
        });
        let bytes = if let Some(bytes) = kept.await? {
            bytes
        } else {
            let bytes = registry.archive(chart, version, fresh).await?.to_vec();
            let copy = bytes.clone();
            blocking(move || keep(&kept_at, &copy)).await?;
            bytes
        };
        blocking(move || archive_files(&bytes).map_err(|error| format!("error untarring chart: {error}")))
            .await
    }

    /// The URL of the repository that a Secret gives a name.
    pub(crate) fn url_of(&self, name: &str) -> Option<String> {
        self.opened.keyring().url_of(name)
    }

    fn registry(&self, url: &str) -> Result<Arc<Registry>, String> {
        let access = self.opened.keyring().access(url);
        self.opened.get(url, &access, || Registry::new(url, &access, &self.options.repositories))
    }

    fn archive_path(&self, url: &str, chart: &str, version: &str) -> PathBuf {
        let fingerprint = self.opened.keyring().access(url).fingerprint();
        let digest = Sha256::digest(format!("{url}\n{chart}\n{version}\n{fingerprint}").as_bytes());
        self.options.cache_dir.join(format!("{}.tgz", hexadecimal(&digest[..16])))
    }
}

/// Writes an archive whole or not at all: another process may read it, and this one may be killed.
fn keep(path: &std::path::Path, bytes: &[u8]) -> Result<(), String> {
    let beside = path.with_extension(format!("{}.part", std::process::id()));
    let written = std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|error| format!("{} cannot be written: {error}", path.display()))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| format!("it ended early: {error}"))?
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_archive_is_kept_for_those_who_open_the_repository_with_the_same() {
        const URL: &str = "https://charts.example.org/team";
        let cache_dir = std::env::temp_dir().join(format!("crossfade-charts-shared-{}", std::process::id()));
        let options = ChartOptions { cache_dir: cache_dir.clone(), repositories: Vec::new() };
        let charts = Charts::start(options).unwrap();
        let place = |keyring: &Keyring| charts.opened_with(keyring).archive_path(URL, "demo", "1.0.0");
        let blue = place(&Keyring::mk(URL, "blue"));
        assert_eq!(blue, place(&Keyring::mk(URL, "blue")));
        assert_ne!(blue, place(&Keyring::mk(URL, "green")));
        assert_ne!(blue, place(&Keyring::default()));
        assert_ne!(blue, charts.opened_with(&Keyring::mk(URL, "blue")).archive_path(URL, "demo", "1.0.1"));
        std::fs::remove_dir_all(cache_dir).unwrap();
    }
}
