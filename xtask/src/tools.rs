//! Programs that others wrote: which, which version, and how they are had. Nothing of them is linked, and none is kept in
//! the checkout.

mod build;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::say;
use build::Recipe;

/// A program that is built from Go modules, once for each version.
#[derive(Debug)]
pub(crate) struct Program {
    name: &'static str,
    version: &'static str,
    recipe: Recipe,
}

/// The newest ExternalDNS that builds from its module as it is.
pub(crate) const EXTERNAL_DNS: Program =
    Program { name: "external-dns", version: "v0.21.0", recipe: Recipe::Install("sigs.k8s.io/external-dns") };
/// Where a real API server keeps its objects.
pub(crate) const ETCD: Program =
    Program { name: "etcd", version: "v3.6.16", recipe: Recipe::Get("go.etcd.io/etcd/server/v3") };
/// Kubernetes itself.
pub(crate) const KUBE_APISERVER: Program = Program {
    name: "kube-apiserver",
    version: "v1.34.4",
    recipe: Recipe::Staged { module: "k8s.io/kubernetes", package: "k8s.io/kubernetes/cmd/kube-apiserver" },
};
/// What charts are rendered with elsewhere.
pub(crate) const HELM: Program =
    Program { name: "helm", version: "v3.22.0", recipe: Recipe::Install("helm.sh/helm/v3/cmd/helm") };
/// All its components in one program, which takes its part from a variable. It has no page for browsers.
pub(crate) const ARGO_CD: Program = Program {
    name: "argo-cd",
    version: "v3.5.7",
    recipe: Recipe::Replaced {
        module: "github.com/argoproj/argo-cd/v3",
        package: "github.com/argoproj/argo-cd/v3/cmd",
        replacement: (
            "./gitops-engine",
            "github.com/argoproj/argo-cd/gitops-engine v0.0.0-20260827090335-e258ee23c3e5",
        ),
        files: &["manifests/crds", "manifests/base/config", "hack/git-verify-wrapper.sh"],
    },
};

/// All of them.
const PROGRAMS: &[Program] = &[EXTERNAL_DNS, ETCD, KUBE_APISERVER, HELM, ARGO_CD];

/// On PATH; the second is how a Debian machine gets it.
const ON_PATH: &[(&str, &str)] = &[
    ("kubectl", "apt-get install kubernetes-client"),
    ("aws", "pip install awscli"),
    ("dig", "apt-get install dnsutils"),
    ("curl", "apt-get install curl"),
    ("jq", "apt-get install jq"),
    ("bash", "apt-get install bash"),
    ("redis-server", "apt-get install redis-server"),
    ("sshd", "apt-get install openssh-server"),
    ("ssh-keygen", "apt-get install openssh-client"),
    ("nginx", "apt-get install nginx-light"),
    ("fcgiwrap", "apt-get install fcgiwrap"),
    ("docker-registry", "apt-get install docker-registry"),
    ("htpasswd", "apt-get install apache2-utils"),
    ("openssl", "apt-get install openssl"),
    ("python3", "apt-get install python3"),
    ("moto_server", "pip install 'moto[server]==5.2.1'"),
];

/// On PATH as well, for benches only.
pub(crate) const FOR_BENCHES: &[(&str, &str)] = &[("time", "apt-get install time")];

impl Program {
    /// Its path, whether it is there or not.
    pub(crate) fn path(&self) -> anyhow::Result<PathBuf> {
        Ok(self.path_in(&cache()?))
    }

    /// Where Go keeps a module of the program's version; fetches it when it is not there.
    pub(crate) fn module(&self, module: &str) -> anyhow::Result<PathBuf> {
        build::download(&std::env::temp_dir(), module, self.version)
    }

    /// A file or directory of its module that is kept beside it.
    pub(crate) fn file(&self, path: &str) -> anyhow::Result<PathBuf> {
        let program = self.path()?;
        Ok(program.parent().context("a program has a directory")?.join(path))
    }

    fn path_in(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{}-{}", self.name, self.version)).join(self.name)
    }
}

/// Where programs are kept that are built from modules: outside the checkout, by name and version.
fn cache() -> anyhow::Result<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(dir) = variable("CROSSFADE_TOOLS") {
        return Ok(dir);
    }
    let cache = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    Ok(cache.context("neither CROSSFADE_TOOLS nor HOME is set")?.join("crossfade/tools"))
}

/// Builds what is missing of `names` (all when there are none) and says what only the user can install; true when nothing
/// is missing afterwards.
pub(crate) fn run(dir: Option<PathBuf>, names: &[String]) -> anyhow::Result<bool> {
    let known = || ON_PATH.iter().map(|(name, _)| *name).chain(PROGRAMS.iter().map(|program| program.name));
    if let Some(unknown) = names.iter().find(|name| known().all(|known| known != name.as_str())) {
        bail!("`{unknown}` is none of {}", known().collect::<Vec<_>>().join(", "));
    }
    let is_wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let mut complete = true;
    for (program, hint) in ON_PATH.iter().filter(|(program, _)| is_wanted(program)) {
        if let Some(path) = find(program) {
            say(&format!("{program:<14} {}", path.display()));
        } else {
            complete = false;
            say(&format!("{program:<14} missing: {hint}"));
        }
    }
    let dir = dir.map_or_else(cache, |dir| Ok(std::path::absolute(dir)?))?;
    for program in PROGRAMS.iter().filter(|program| is_wanted(program.name)) {
        let path = program.path_in(&dir);
        if !path.exists() {
            say(&format!("building {} {}, some minutes", program.name, program.version));
            build::build(program, &path)?;
        }
        say(&format!("{:<14} {}", program.name, path.display()));
    }
    Ok(complete)
}

/// Fails with the names of what is needed and not found: everything on PATH, and `programs`.
pub(crate) fn check_present(programs: &[Program]) -> anyhow::Result<()> {
    let mut missing = missing_of(ON_PATH);
    for program in programs {
        if !program.path()?.exists() {
            missing.push(format!("{0}: cargo xtask tools {0}", program.name));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    bail!("programs are missing:\n  {}", missing.join("\n  "));
}

/// Fails with the names of those that are not on PATH.
pub(crate) fn check_on_path(programs: &[(&str, &str)]) -> anyhow::Result<()> {
    let missing = missing_of(programs);
    if missing.is_empty() {
        return Ok(());
    }
    bail!("programs are missing:\n  {}", missing.join("\n  "));
}

fn missing_of(programs: &[(&str, &str)]) -> Vec<String> {
    let missing = programs.iter().filter(|(program, _)| find(program).is_none());
    missing.map(|(program, hint)| format!("{program}: {hint}")).collect()
}

/// Where a program is: on PATH, or where Debian keeps servers, which is not on everybody's.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let dirs = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    dirs.map(|dir| dir.join(program)).find(|path| path.is_file())
}
