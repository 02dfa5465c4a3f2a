//! Repositories by URL: which commit a revision is, which files it has, and word when its refs move.
//!
//! The git program does the work; nothing is ever checked out or written to a repository. URLs may be mapped to local
//! clones, so that public ones work offline. Local repositories are looked at twice a second, others every two minutes.

mod locate;
mod program;
mod refs;
mod session;
mod tree;
mod unreachable;

use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::error::GitOpsError;
use crate::keyring::{Access, Keyring};
use crate::lock::lock;
use crate::opened::{Opened, Watched};
use locate::{Location, locate};
use program::Program;
use refs::Refs;

pub(crate) use tree::{Tree, is_under};

/// A push should be seen at once; looking is a few calls of the file system.
const LOCAL_POLL_INTERVAL: Duration = Duration::from_millis(500);
/// As Argo CD does unless told otherwise.
const REMOTE_POLL_INTERVAL: Duration = Duration::from_mins(2);
/// A repository that is out of reach is not asked again at once by everybody.
const FAILURE_HOLDS: Duration = Duration::from_millis(400);
/// Trees kept per repository: the commits that Applications are at, and those they move to.
const TREES_MAX: usize = 16;
/// Blobs kept in memory; what is beyond is read again.
const BLOB_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Where clones are kept, and which URLs are local.
#[derive(Clone, Debug)]
pub struct GitOptions {
    /// Where bare clones are kept.
    pub cache_dir: PathBuf,
    /// URLs and the local clones that stand for them.
    pub repositories: Vec<(String, PathBuf)>,
}

impl GitOptions {
    /// Reads `URL=DIR`. The directory is what follows the last `=`.
    pub fn mapping(text: &str) -> Result<(String, PathBuf), GitOpsError> {
        match text.rsplit_once('=') {
            Some((url, dir)) if !url.is_empty() && !dir.is_empty() => {
                Ok((url.to_owned(), PathBuf::from(dir)))
            }
            _ => Err(GitOpsError::Mapping(text.to_owned())),
        }
    }
}

/// All repositories that anybody named. Cheap to clone; agents share one, and each opens them with its own credentials.
#[derive(Clone)]
pub struct Git {
    options: Arc<GitOptions>,
    opened: Opened<Repository>,
}

struct Repository {
    location: Location,
    program: Program,
    /// One fetch at a time.
    fetching: tokio::sync::Mutex<()>,
    /// One listing at a time: all who ask meanwhile take its answer.
    listing: tokio::sync::Mutex<()>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    refs: Option<Arc<Refs>>,
    /// What the refs of a local repository looked like when they were listed.
    signature: Option<Vec<u8>>,
    listed_at: Option<Instant>,
    /// What the last listing failed with.
    failure: Option<String>,
    trees: Vec<(String, Arc<Tree>)>,
    blobs: HashMap<String, Arc<[u8]>>,
    blob_bytes: usize,
}

impl std::fmt::Debug for Git {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Git").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Git {
    /// Makes the directory, which is the user's alone: clones of private repositories are in it. Repositories are looked at
    /// for pushes from when they are first asked for.
    pub fn start(options: GitOptions) -> Result<Git, GitOpsError> {
        make_private(&options.cache_dir)
            .and_then(|()| remake(&calls_dir(&options)))
            .map_err(|source| GitOpsError::Dir { path: options.cache_dir.clone(), source })?;
        Ok(Git { options: Arc::new(options), opened: Opened::default() })
    }

    /// The same repositories, opened with the credentials of a cluster.
    pub(crate) fn opened_with(&self, keyring: &Keyring) -> Git {
        Git { options: Arc::clone(&self.options), opened: self.opened.with(keyring) }
    }

    /// Lets go of repositories that no keyring opens in the way in which they were opened.
    pub(crate) fn forget_unopened(&self) {
        self.opened.forget_unopened();
    }

    /// Counts how often refs of a repository in use have moved.
    pub(crate) fn moves(&self) -> watch::Receiver<u64> {
        self.opened.moves()
    }

    /// The commit that a revision (`HEAD`, a branch, a tag, a commit) is; with `fresh` the repository is asked even when
    /// its refs are known.
    pub(crate) async fn resolve(&self, url: &str, revision: &str, fresh: Fresh) -> Result<String, String> {
        if refs::is_commit(revision) {
            return Ok(revision.to_owned());
        }
        let repository = self.repository(url)?;
        let known = lock(&repository.known).refs.clone();
        let refs = match known {
            Some(refs) if fresh == Fresh::No => refs,
            _ => repository.list().await.map_err(|error| format!("failed to list refs: {error}"))?,
        };
        refs.resolve(revision)
    }

    /// The files of a commit.
    pub(crate) async fn tree(&self, url: &str, commit: &str) -> Result<Arc<Tree>, String> {
        let repository = self.repository(url)?;
        let kept = lock(&repository.known).tree(commit);
        if let Some(tree) = kept {
            return Ok(tree);
        }
        repository.fetch(commit).await?;
        let tree = Arc::new(Tree::read(&repository.program, commit).await?);
        let mut known = lock(&repository.known);
        if known.trees.len() >= TREES_MAX {
            known.trees.remove(0);
        }
        known.trees.push((commit.to_owned(), Arc::clone(&tree)));
        Ok(tree)
    }

    /// The contents of files of a tree, by path.
    pub(crate) async fn contents(
        &self,
        url: &str,
        tree: &Tree,
        paths: &[&str],
    ) -> Result<BTreeMap<String, Vec<u8>>, String> {
        let repository = self.repository(url)?;
        let wanted: Vec<(&str, &str)> =
            paths.iter().filter_map(|path| Some((*path, tree.blob(path)?))).collect();
        let missing: Vec<&str> = {
            let known = lock(&repository.known);
            wanted.iter().map(|(_, blob)| *blob).filter(|blob| !known.blobs.contains_key(*blob)).collect()
        };
        let read = if missing.is_empty() {
            HashMap::new()
        } else {
            tree::read_blobs(&repository.program, &missing).await?
        };
        let mut known = lock(&repository.known);
        let bytes: usize = read.values().map(|blob| blob.len()).sum();
        if known.blob_bytes + bytes > BLOB_BYTES_MAX {
            known.blobs.retain(|id, _| wanted.iter().any(|(_, blob)| blob == id));
            known.blob_bytes = known.blobs.values().map(|blob| blob.len()).sum();
        }
        known.blob_bytes += bytes;
        known.blobs.extend(read);
        let found = wanted.into_iter();
        let found = found.filter_map(|(path, blob)| Some((path.to_owned(), known.blobs.get(blob)?.to_vec())));
        Ok(found.collect())
    }

    fn repository(&self, url: &str) -> Result<Arc<Repository>, String> {
        let location = locate(url, &self.options.repositories)?;
        let access = match &location {
            Location::Local(_) => Access::default(),
            Location::Remote(url) => self.opened.keyring().access(url),
        };
        self.opened.get(url, &access, || {
            let dir = self.options.cache_dir.join(locate::directory_name(&location, &access.fingerprint()));
            Ok(Repository {
                program: Program::new(dir, &calls_dir(&self.options), access.clone()),
                location,
                fetching: tokio::sync::Mutex::default(),
                listing: tokio::sync::Mutex::default(),
                known: Mutex::default(),
            })
        })
    }
}

/// Whether what is known of a repository is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fresh {
    /// It is.
    No,
    /// What revisions mean is asked again.
    Yes,
    /// Archives of charts as well.
    Hard,
}

impl Known {
    /// What a listing that was begun after this moment, or has just failed, came to.
    fn answer_since(&self, asked_at: Instant) -> Option<Result<Arc<Refs>, String>> {
        let listed_at = self.listed_at?;
        match (&self.refs, &self.failure) {
            (Some(refs), _) if listed_at >= asked_at => Some(Ok(Arc::clone(refs))),
            (None, Some(failure)) if listed_at + FAILURE_HOLDS >= asked_at => Some(Err(failure.clone())),
            _ => None,
        }
    }

    fn tree(&self, commit: &str) -> Option<Arc<Tree>> {
        self.trees.iter().find(|(known, _)| known == commit).map(|(_, tree)| Arc::clone(tree))
    }
}

impl Repository {
    /// Asks for the refs.
    async fn list(&self) -> Result<Arc<Refs>, String> {
        let asked_at = Instant::now();
        let _one_at_a_time = self.listing.lock().await;
        if let Some(answer) = lock(&self.known).answer_since(asked_at) {
            return answer;
        }
        let signature = self.signature().await;
        let mut listed = self.program.list_remote(self.location.argument()).await;
        if let (Err(error), Location::Remote(url)) = (&mut listed, &self.location)
            && let Some(told) = unreachable::told(url, error).await
        {
            *error = told;
        }
        let mut known = lock(&self.known);
        known.signature = signature;
        known.listed_at = Some(Instant::now());
        match listed {
            Ok(text) => {
                let refs = Arc::new(Refs::parse(&text));
                known.refs = Some(Arc::clone(&refs));
                known.failure = None;
                Ok(refs)
            }
            Err(error) => {
                known.refs = None;
                known.failure = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Makes sure that a commit is here.
    async fn fetch(&self, commit: &str) -> Result<(), String> {
        let _one_at_a_time = self.fetching.lock().await;
        self.program.make_bare().await?;
        if self.program.has_commit(commit).await {
            return Ok(());
        }
        let said = |asked: &str, error: String| {
            format!("`git fetch origin {asked}--tags --force --prune` failed exit status 128: {error}")
        };
        let failed = |error: String| format!("Failed to fetch default: {}", said("", error));
        self.program.fetch_all(self.location.argument()).await.map_err(failed)?;
        if self.program.has_commit(commit).await {
            return Ok(());
        }
        let failed = |error: String| {
            format!("Failed to checkout revision {commit}: {}", said(&format!("{commit} "), error))
        };
        self.program.fetch_commit(self.location.argument(), commit).await.map_err(failed)
    }

    async fn signature(&self) -> Option<Vec<u8>> {
        let Location::Local(dir) = self.location.clone() else { return None };
        tokio::task::spawn_blocking(move || refs::signature(&dir)).await.ok()
    }
}

impl Watched for Repository {
    const INTERVAL: Duration = LOCAL_POLL_INTERVAL;

    /// Lists the refs again when it is time.
    async fn has_moved(&self) -> bool {
        let (before, signature, listed_at) = {
            let known = lock(&self.known);
            (known.refs.clone(), known.signature.clone(), known.listed_at)
        };
        let Some(listed_at) = listed_at else { return false };
        let is_due = match &self.location {
            Location::Local(_) => self.signature().await != signature,
            Location::Remote(_) => listed_at.elapsed() >= REMOTE_POLL_INTERVAL,
        };
        if !is_due {
            return false;
        }
        match self.list().await {
            Ok(now) => before.is_none_or(|before| *before != *now),
            Err(error) => {
                tracing::debug!(url = self.location.argument(), %error, "refs cannot be listed");
                before.is_some()
            }
        }
    }
}

/// Where credentials lie while a call runs.
fn calls_dir(options: &GitOptions) -> PathBuf {
    options.cache_dir.join("calls")
}

/// Makes a directory that only the user can enter.
pub(crate) fn make_private(dir: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700))
}

/// Makes it anew: what a process that was killed left in it is gone.
fn remake(dir: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    make_private(dir)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_clone_is_the_users_alone_and_of_one_credential() {
        const URL: &str = "https://git.example.org/team/a";
        let cache_dir = std::env::temp_dir().join(format!("crossfade-git-shared-{}", std::process::id()));
        let git = Git::start(GitOptions { cache_dir: cache_dir.clone(), repositories: Vec::new() }).unwrap();
        assert_eq!(std::fs::metadata(&cache_dir).unwrap().permissions().mode() & 0o777, 0o700);
        let clone =
            |keyring: &Keyring| git.opened_with(keyring).repository(URL).unwrap().program.dir().to_owned();
        let of_blue = clone(&Keyring::mk(URL, "blue"));
        assert_eq!(of_blue, clone(&Keyring::mk(URL, "blue")));
        assert_ne!(of_blue, clone(&Keyring::mk(URL, "green")));
        assert_ne!(of_blue, clone(&Keyring::default()));
        std::fs::remove_dir_all(cache_dir).unwrap();
    }
}
