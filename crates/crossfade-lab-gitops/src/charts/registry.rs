//! One repository of charts: what it lists, what it gives, and what it failed with a moment ago.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use crossfade_gotemplate::highest_within;
use http::StatusCode;

use super::http::{Ask, Client, joined};
use super::index::Index;
use super::oci::{Oci, basic};
use super::{ARCHIVE_BYTES_MAX, Failure, INDEX_BYTES_MAX, blocking, local};
use crate::git::Fresh;
use crate::keyring::Access;
use crate::lock::lock;
use crate::opened::Watched;

/// Whoever asks within this time for what has just failed gets the same answer: twenty Applications with one dead registry
/// wait once.
const FAILURE_HOLDS: Duration = Duration::from_secs(10);

/// See the module.
pub(super) struct Registry {
    url: String,
    kind: Kind,
    /// One request at a time: all who wait for the same meanwhile take its answer.
    asking: tokio::sync::Mutex<()>,
    known: Mutex<Known>,
}

enum Kind {
    Local(PathBuf),
    Helm { client: Client, authorization: Option<String> },
    Oci(Box<Oci>),
}

#[derive(Default)]
struct Known {
    index: Option<Arc<Index>>,
    /// `ETag` of the index.
    tag: Option<String>,
    index_at: Option<Instant>,
    /// Tags by chart, and when they were listed.
    tags: HashMap<String, (Instant, Arc<Vec<String>>)>,
    /// Charts that are wanted by range.
    wanted: Vec<String>,
    /// By what was asked for; what holds for the whole registry is under no name.
    failures: HashMap<String, (Instant, Failure)>,
}

impl Registry {
    pub(super) fn new(url: &str, access: &Access, mapped: &[(String, PathBuf)]) -> Result<Registry, String> {
        let wanted = place(url);
        let local = mapped.iter().find(|(known, _)| place(known) == wanted);
        let is_http = url.starts_with("https://") || url.starts_with("http://");
        let kind = if let Some((_, dir)) = local {
            Kind::Local(dir.clone())
        } else if let Some(path) = url.strip_prefix("file://") {
            Kind::Local(PathBuf::from(path))
        } else if access.is_oci || url.starts_with("oci://") || !url.contains("://") {
            Kind::Oci(Box::new(Oci::new(url, access)))
        } else if is_http {
            Kind::Helm { client: Client::new(access), authorization: basic(access) }
        } else {
            return Err(format!("could not find protocol handler for {url:?}"));
        };
        let url = url.trim_end_matches('/').to_owned();
        Ok(Registry { url, kind, asking: tokio::sync::Mutex::default(), known: Mutex::default() })
    }

    /// The directory that stands for it.
    pub(super) fn local(&self) -> Option<&Path> {
        match &self.kind {
            Kind::Local(dir) => Some(dir),
            _ => None,
        }
    }

    /// Versions of a chart, for a range to choose from.
    pub(super) async fn versions(&self, chart: &str, fresh: Fresh) -> Result<Arc<Vec<String>>, String> {
        {
            let mut known = lock(&self.known);
            if !known.wanted.iter().any(|wanted| wanted == chart) {
                known.wanted.push(chart.to_owned());
            }
        }
        match &self.kind {
            Kind::Local(dir) => {
                let (dir, chart) = (dir.clone(), chart.to_owned());
                blocking(move || local::versions(&dir, &chart).map(Arc::new)).await
            }
            Kind::Helm { .. } => {
                let index = self.index(fresh).await.map_err(|failure| {
                    let is_request = failure.is_out_of_reach;
                    let during = if is_request { "error making HTTP request: " } else { "" };
                    format!("error loading repo index: {during}{}", failure.text)
                })?;
                let entries = index.versions(chart);
                let entries = entries.ok_or_else(|| format!("chart '{chart}' not found in index"))?;
                Ok(Arc::new(entries.iter().map(|entry| entry.version.clone()).collect()))
            }
            Kind::Oci(oci) => self
                .tags(oci, chart, fresh)
                .await
                .map_err(|failure| format!("unable to get tags: failed to get tags: {}", failure.text)),
        }
    }

    /// The archive of a chart in a version.
    pub(super) async fn archive(&self, chart: &str, version: &str, fresh: Fresh) -> Result<Bytes, String> {
        let (asked, pulled) = match &self.kind {
            Kind::Local(dir) => return Err(format!("{} has no archives", dir.display())),
            Kind::Helm { client, authorization } => (
                format!(
                    "error fetching chart: failed to fetch chart: `helm pull --version {version} --repo {} {chart}`",
                    self.url
                ),
                self.pull(client, authorization.as_deref(), chart, version, fresh).await,
            ),
            Kind::Oci(oci) => {
                let url = self.url.strip_prefix("oci://").unwrap_or(&self.url);
                let what = format!("{chart}@{version}");
                (
                    format!(
                        "error pulling OCI chart: failed to pull OCI chart: `helm pull oci://{url}/{chart} --version {version}`"
                    ),
                    self.remembered(&what, fresh, |_| None, async { oci.archive(chart, version).await })
                        .await,
                )
            }
        };
        pulled.map_err(|failure| format!("{asked} failed exit status 1: Error: {}", failure.text))
    }

    async fn pull(
        &self,
        client: &Client,
        authorization: Option<&str>,
        chart: &str,
        version: &str,
        fresh: Fresh,
    ) -> Result<Bytes, Failure> {
        let unlike_a_repository = |failure: Failure| Failure {
            text: format!(
                "looks like {:?} is not a valid chart repository or cannot be reached: {}",
                self.url, failure.text
            ),
            ..failure
        };
        let mut index = self.index(fresh).await.map_err(unlike_a_repository)?;
        let mut archive = archive_of(&index, chart, version);
        if archive.is_none() && fresh == Fresh::No {
            // It may have come since.
            index = self.index(Fresh::Yes).await.map_err(unlike_a_repository)?;
            archive = archive_of(&index, chart, version);
        }
        let Some(archive) = archive else {
            return Err(Failure::refused(format!(
                "chart {chart:?} version {version:?} not found in {} repository",
                self.url
            )));
        };
        let base = format!("{}/index.yaml", self.url);
        let url = joined(&base, &archive);
        let own = format!("{}/", origin(&self.url));
        let authorization = authorization.filter(|_| url.starts_with(&own));
        let what = format!("{chart}@{version}");
        let fetched = async {
            let ask = Ask { url: &url, authorization, bytes_max: ARCHIVE_BYTES_MAX, ..Ask::default() };
            let answer = client.get(&ask).await;
            let answer = answer.map_err(|cause| Failure::out_of_reach(format!("Get \"{url}\": {cause}")))?;
            if answer.status != StatusCode::OK {
                return Err(Failure::refused(format!("failed to fetch {url} : {}", answer.status)));
            }
            Ok(answer.body)
        };
        self.remembered(&what, fresh, |_| None, fetched).await
    }

    /// The index; one that is known is enough unless `fresh` says otherwise.
    async fn index(&self, fresh: Fresh) -> Result<Arc<Index>, Failure> {
        let Kind::Helm { client, authorization } = &self.kind else {
            return Err(Failure::refused("it has no index"));
        };
        let asked_at = Instant::now();
        let enough = |known: &Known| {
            let is_enough = fresh == Fresh::No || known.index_at.is_some_and(|at| at >= asked_at);
            known.index.clone().filter(|_| is_enough)
        };
        if let Some(index) = enough(&lock(&self.known)) {
            return Ok(index);
        }
        let listed = async {
            let url = format!("{}/index.yaml", self.url);
            let (tag, before) = {
                let known = lock(&self.known);
                (known.tag.clone(), known.index.clone())
            };
            let ask = Ask {
                url: &url,
                authorization: authorization.as_deref(),
                known_tag: tag.as_deref().filter(|_| fresh != Fresh::Hard && before.is_some()),
                bytes_max: INDEX_BYTES_MAX,
                ..Ask::default()
            };
            let answer = client.get(&ask).await;
            let answer = answer.map_err(|cause| Failure::out_of_reach(format!("Get \"{url}\": {cause}")))?;
            let index = match (answer.status, before) {
                (StatusCode::NOT_MODIFIED, Some(before)) => before,
                (StatusCode::OK, _) => {
                    let body = answer.body.clone();
                    let parsed = blocking(move || Index::parse(&body)).await;
                    let wrong = |error| Failure::refused(format!("error decoding index: {error}"));
                    Arc::new(parsed.map_err(wrong)?)
                }
                (status, _) => return Err(Failure::refused(format!("failed to get index: {status}"))),
            };
            let mut known = lock(&self.known);
            known.tag = answer.header("etag").map(str::to_owned).or(tag);
            known.index = Some(Arc::clone(&index));
            known.index_at = Some(Instant::now());
            Ok(index)
        };
        let listed = self.remembered("index.yaml", fresh, enough, listed).await;
        if listed.is_err() {
            // What cannot be listed any more is not known: else the next look would find everything well.
            lock(&self.known).index = None;
        }
        listed
    }

    async fn tags(&self, oci: &Oci, chart: &str, fresh: Fresh) -> Result<Arc<Vec<String>>, Failure> {
        let asked_at = Instant::now();
        let enough = |known: &Known| {
            let (listed_at, tags) = known.tags.get(chart)?;
            (fresh == Fresh::No || *listed_at >= asked_at).then(|| Arc::clone(tags))
        };
        if let Some(tags) = enough(&lock(&self.known)) {
            return Ok(tags);
        }
        let listed = async {
            let tags = Arc::new(oci.tags(chart).await?);
            lock(&self.known).tags.insert(chart.to_owned(), (Instant::now(), Arc::clone(&tags)));
            Ok(tags)
        };
        let listed = self.remembered(chart, fresh, enough, listed).await;
        if listed.is_err() {
            lock(&self.known).tags.remove(chart);
        }
        listed
    }

    /// Asks when it is this one's turn, unless another has the answer by then or it failed a moment ago.
    async fn remembered<T>(
        &self,
        what: &str,
        fresh: Fresh,
        enough: impl Fn(&Known) -> Option<T>,
        ask: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let asked_at = Instant::now();
        let _one_at_a_time = self.asking.lock().await;
        {
            let known = lock(&self.known);
            if let Some(answer) = enough(&known) {
                return Ok(answer);
            }
            let holds =
                |at: &Instant| *at >= asked_at || (fresh == Fresh::No && at.elapsed() < FAILURE_HOLDS);
            let failure = ["", what].into_iter().filter_map(|name| known.failures.get(name));
            if let Some((_, failure)) = failure.into_iter().find(|(at, _)| holds(at)) {
                return Err(failure.clone());
            }
        }
        let answer = ask.await;
        let mut known = lock(&self.known);
        known.failures.retain(|_, (at, _)| at.elapsed() < FAILURE_HOLDS);
        if let Err(failure) = &answer {
            let name = if failure.is_out_of_reach { "" } else { what };
            known.failures.insert(name.to_owned(), (Instant::now(), failure.clone()));
        }
        answer
    }
}

impl Watched for Registry {
    /// As Argo CD looks for new versions unless told otherwise.
    const INTERVAL: Duration = Duration::from_mins(3);

    /// Lists the versions of charts that are wanted by range.
    async fn has_moved(&self) -> bool {
        if self.local().is_some() {
            return false;
        }
        let wanted = lock(&self.known).wanted.clone();
        let mut has_moved = false;
        for chart in wanted {
            let listed = |known: &Known| match &self.kind {
                Kind::Helm { .. } => {
                    let entries = known.index.as_ref()?.versions(&chart)?;
                    Some(entries.iter().map(|entry| entry.version.clone()).collect::<Vec<_>>())
                }
                _ => known.tags.get(&chart).map(|(_, tags)| tags.to_vec()),
            };
            let before = listed(&lock(&self.known));
            let now = self.versions(&chart, Fresh::Yes).await;
            has_moved |= match now {
                Ok(now) => before.as_deref() != Some(now.as_slice()),
                Err(error) => {
                    tracing::debug!(url = self.url, chart, %error, "versions cannot be listed");
                    before.is_some()
                }
            };
        }
        has_moved
    }
}

/// Where an index says that an archive is: the version as it is written, else one that is equal.
fn archive_of(index: &Index, chart: &str, version: &str) -> Option<String> {
    let entries = index.versions(chart)?;
    let exact = entries.iter().find(|entry| entry.version == version);
    let equal = || {
        let listed = entries.iter().map(|entry| entry.version.as_str());
        let found = highest_within(version, listed).ok()??;
        entries.iter().find(|entry| entry.version == found)
    };
    exact.or_else(equal)?.urls.first().cloned()
}

/// Scheme, host and port of a URL.
fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find('/').map_or(url.len(), |at| start + at);
    &url[..end]
}

/// The same text for every way to write where a repository is.
fn place(url: &str) -> String {
    let url = url.trim().trim_end_matches('/');
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.strip_suffix(".git").unwrap_or(rest).to_lowercase()
}
