//! The agent of one cluster: it prepares the cluster, watches it, and keeps a task per Application and one for all
//! ApplicationSets.

mod router;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossfade_gotemplate::CertificateIssuer;
use kube::Client;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::api::{Api, ApiError};
use crate::cache::{Cache, Change};
use crate::charts::Charts;
use crate::error::GitOpsError;
use crate::git::Git;
use crate::journal::Journal;
use crate::keyring::Keyring;
use crate::names::{FIELD_MANAGER, NAMESPACE};
use crate::object::Key;
use crate::{apps, crds, sets};

pub(crate) use router::Router;

/// Charts that are rendered at the same moment; others wait, in order. Rendering is all that takes the processor.
const RENDERERS: usize = 4;
/// A definition is served a moment after it is made.
const SERVED_WITHIN: Duration = Duration::from_secs(5);
const SERVED_POLL: Duration = Duration::from_millis(20);
/// The first wait after an ApplicationSet could not be written.
const SET_RETRY: Duration = Duration::from_millis(200);
/// An ApplicationSet that cannot be generated is tried again, as Argo CD does.
const SETS_POLL: Duration = Duration::from_mins(3);

/// What an agent is started with.
pub struct AgentOptions {
    /// Speaks to the cluster with full rights.
    pub client: Client,
    /// The cluster's name; destinations may use it.
    pub cluster_name: String,
    /// Repositories; agents share them.
    pub git: Git,
    /// Repositories of charts; agents share them.
    pub charts: Charts,
    /// Who makes the certificates that charts ask for; without one such charts are refused.
    pub certificates: Option<CertificateIssuer>,
    /// A file for a line per decision.
    pub log: Option<PathBuf>,
}

impl std::fmt::Debug for AgentOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentOptions").field("cluster_name", &self.cluster_name).finish_non_exhaustive()
    }
}

/// A running agent. It ends when it is dropped; what it wrote stays.
#[derive(Debug)]
pub struct Agent {
    _tasks: JoinSet<()>,
}

/// What the agent's tasks share.
pub(crate) struct Shared {
    pub(crate) api: Api,
    pub(crate) cache: Cache,
    pub(crate) git: Git,
    pub(crate) charts: Charts,
    pub(crate) certificates: Option<CertificateIssuer>,
    pub(crate) cluster_name: String,
    pub(crate) router: Arc<Router>,
    pub(crate) permits: Semaphore,
    pub(crate) journal: Journal,
}

impl Agent {
    /// Makes the namespace, the definitions and the default project, reads what is there, and begins.
    pub async fn start(options: AgentOptions) -> Result<Agent, GitOpsError> {
        let api = Api::new(options.client);
        prepare(&api).await?;
        let router = Arc::new(Router::default());
        let keyring = Keyring::default();
        let git = options.git.opened_with(&keyring);
        let charts = options.charts.opened_with(&keyring);
        let (to_router, to_git, to_charts) = (Arc::clone(&router), git.clone(), charts.clone());
        let listener = move |change: &Change<'_>| {
            to_router.route(change);
            // At once: what could not be opened is tried again, and what may no longer be opened is not.
            if keyring.take_in(change) {
                to_git.forget_unopened();
                to_charts.forget_unopened();
                to_router.look_at_everything();
            }
        };
        let cache = Cache::new(api.clone(), Arc::new(listener));
        let shared = Arc::new(Shared {
            journal: Journal::open(&options.cluster_name, options.log.as_deref()),
            api,
            cache,
            git,
            charts,
            certificates: options.certificates,
            cluster_name: options.cluster_name,
            router,
            permits: Semaphore::new(RENDERERS),
        });
        let mut tasks = JoinSet::new();
        shared.cache.watch_all(&mut tasks).await;
        tasks.spawn(keep_watching(Arc::clone(&shared)));
        tasks.spawn(keep_applications(Arc::clone(&shared)));
        tasks.spawn(keep_sets(Arc::clone(&shared)));
        tasks.spawn(follow_repositories(Arc::clone(&shared)));
        Ok(Agent { _tasks: tasks })
    }
}

impl Shared {
    /// Waits until a kind that was just defined is served; gives up after a while.
    pub(crate) async fn learn_kind(&self, key: &Key, version: &str) {
        let until = Instant::now() + SERVED_WITHIN;
        loop {
            let kinds = self.api.discover().await;
            if kinds.is_ok_and(|kinds| kinds.versioned(&key.group, version, &key.kind).is_some()) {
                self.router.kinds_changed.notify_one();
                return;
            }
            if Instant::now() > until {
                return;
            }
            tokio::time::sleep(SERVED_POLL).await;
        }
    }
}

async fn prepare(api: &Api) -> Result<(), GitOpsError> {
    let failed = |action: &str| {
        let action = action.to_owned();
        move |error: ApiError| GitOpsError::Cluster { action, reason: error.to_string() }
    };
    api.discover().await.map_err(failed("say what it serves"))?;
    let namespace = crds::namespace();
    match api.create(&namespace, FIELD_MANAGER).await {
        Err(error) if !error.is_conflict() => return Err(failed("make the namespace")(error)),
        _ => {}
    }
    for definition in crds::definitions() {
        api.apply(&definition, FIELD_MANAGER).await.map_err(failed("define Argo CD's kinds"))?;
    }
    let until = Instant::now() + SERVED_WITHIN;
    while crds::KINDS.iter().any(|kind| api.kinds().get(crate::names::GROUP, kind).is_none()) {
        if Instant::now() > until {
            let reason = "they are not served".to_owned();
            return Err(GitOpsError::Cluster { action: "serve Argo CD's kinds".to_owned(), reason });
        }
        tokio::time::sleep(SERVED_POLL).await;
        api.discover().await.map_err(failed("say what it serves"))?;
    }
    match api.create(&crds::default_project(), FIELD_MANAGER).await {
        Err(error) if !error.is_conflict() => Err(failed("make the default project")(error)),
        _ => Ok(()),
    }
}

/// New kinds are watched as they come.
async fn keep_watching(shared: Arc<Shared>) {
    let mut tasks = JoinSet::new();
    loop {
        shared.router.kinds_changed.notified().await;
        // A definition is established a moment after it is written; both moments are heard of, each asks anew.
        if let Err(error) = shared.api.discover().await {
            tracing::warn!(%error, "kinds not discovered");
        }
        shared.cache.watch_all(&mut tasks).await;
        shared.router.wake_all();
    }
}

async fn keep_applications(shared: Arc<Shared>) {
    let mut tasks = JoinSet::new();
    loop {
        for (key, woken) in shared.router.take_new() {
            if key.namespace == NAMESPACE {
                tasks.spawn(apps::run_actor(Arc::clone(&shared), key, woken));
            }
        }
        tokio::select! {
            () = shared.router.applications_came.notified() => {}
            Some(_) = tasks.join_next() => {}
        }
    }
}

async fn keep_sets(shared: Arc<Shared>) {
    loop {
        let mut is_refused = false;
        for key in shared.router.take_sets() {
            if let Err(error) = sets::keep(&shared, &key).await {
                tracing::debug!(set = key.name, %error, "tried again");
                shared.router.add_set(key);
                is_refused = true;
            }
        }
        let wait = if is_refused { SET_RETRY } else { SETS_POLL };
        if tokio::time::timeout(wait, shared.router.sets_changed.notified()).await.is_err() && !is_refused {
            shared.router.add_all_sets(&shared.cache);
        }
    }
}

async fn follow_repositories(shared: Arc<Shared>) {
    let (mut of_git, mut of_charts) = (shared.git.moves(), shared.charts.moves());
    loop {
        let moved = tokio::select! {
            moved = of_git.changed() => moved,
            moved = of_charts.changed() => moved,
        };
        if moved.is_err() {
            return;
        }
        shared.router.add_all_sets(&shared.cache);
        shared.router.wake_all();
    }
}
