//! Argo CD installed by the real helm, secrets from a Secrets Manager that others wrote, and the charts that are exported, all on
//! real API servers.
//!
//! Argo CD's own chart cannot be fetched everywhere, so a small one of its name stands in: it has Argo CD's own definitions, a
//! Secret as that one makes it, and shows the values that it got. It comes from a chart repository on loopback. Nothing of
//! Argo CD runs: what an installation leaves behind is what is looked at.

mod charts;
mod helm;
mod secrets;

use std::path::Path;
use std::process::Command;

use crate::argo::{Run, must};
use crate::clients::{Bench, Check};
use crate::real::process::Process;
use crate::real::servers::{Servers, free_ports};
use crate::{tools, workspace};

/// Runs all checks; what held and what did not.
pub(super) fn run(run: &Run<'_>) -> anyhow::Result<(usize, usize)> {
    let mut servers = Servers::start(&run.scratch.join("servers"), run.logs)?;
    let [repository, secrets_manager] = free_ports()?;
    let published = run.scratch.join("published");
    // Dropped before the servers.
    let mut bench = Bench::up(run.crossfade, &run.scratch.join("lab"), &["--without", "dns"])?;
    servers.wait_until_ready()?;
    bench.begin_scripts_with(prelude(&servers, run.scratch, repository, secrets_manager)?);
    must(&bench, PUBLISH)?;
    let mut command = Command::new("python3");
    command.args(["-m", "http.server", "--bind", "127.0.0.1", "--directory"]);
    command.arg(&published).arg(repository.to_string());
    let _repository = Process::start("chart-repository", &command, run.logs)?;
    let mut command = Command::new("moto_server");
    command.args(["-H", "127.0.0.1", "-p", &secrets_manager.to_string()]);
    let _secrets_manager = Process::start("moto", &command, run.logs)?;
    must(&bench, &format!("answers {repository} && answers {secrets_manager}"))?;
    let groups: [&[Check]; 4] = [helm::CHECKS, secrets::CHECKS, helm::AFTERWARDS, charts::CHECKS];
    for checks in groups {
        bench.all(checks);
    }
    Ok(bench.counts())
}

/// The chart in two versions around the pinned one, and in that one.
const PUBLISH: &str = r#"set -e
source=$scratch/chart
cp -r "$stand_in" $source && mkdir -p $source/definitions $scratch/published && cp "$definitions"/*-crd.yaml $source/definitions/
for version in $older $pinned 99.0.0; do
    helm package $source --version $version --app-version v3.0.$((n++)) --destination $scratch/published >/dev/null
done
helm repo index $scratch/published"#;

/// `rb` and `rg` are kubectl for the real blue and the real green; the others are explained where they are.
fn prelude(
    servers: &Servers,
    scratch: &Path,
    repository: u16,
    secrets_manager: u16,
) -> anyhow::Result<String> {
    let helm = tools::HELM.path()?;
    Ok(format!(
        r#"export KUBECONFIG={kubeconfig}:$KUBECONFIG KUBECACHEDIR={scratch}/kubectl-cache
export HELM_CACHE_HOME={scratch}/helm/cache HELM_CONFIG_HOME={scratch}/helm/config HELM_DATA_HOME={scratch}/helm/data
export PATH={helm}:$PATH
# One service of AWS elsewhere than the others.
export AWS_ENDPOINT_URL_SECRETS_MANAGER=http://127.0.0.1:{secrets_manager}
scratch={scratch}
stand_in={stand_in}
definitions={definitions}
repository=http://127.0.0.1:{repository}
zone="${{DOMAIN#*.}}"
rb() {{ kubectl --context real-blue "$@"; }}
rg() {{ kubectl --context real-green "$@"; }}
hb() {{ helm --kube-context real-blue --namespace argocd "$@"; }}
hg() {{ helm --kube-context real-green --namespace argocd "$@"; }}
pinned=$($cf bridge install --service blue --dry-run | grep -o -- '--version [^ ]*' | cut -d' ' -f2)
older=5.45.0
install() {{ local side=$1; shift; install_from "--chart $repository" $side "$@"; }}
install_from() {{ local from=$1 side=$2; shift 2; $cf bridge install --service $side --context real-$side $from "$@"; }}
bridge() {{ local side=$1; shift; $cf bridge apply --service $side --context real-$side --hosted-zone $zone "$@"; }}
# Something listens there within ten seconds.
answers() {{ for _ in $(seq 100); do curl --noproxy '*' -s -o /dev/null http://127.0.0.1:$1/ && return; sleep 0.1; done; return 1; }}
# A key of Argo CD's own secret.
own() {{ kubectl --context real-$1 get secret argocd-secret -n argocd -o jsonpath="{{.data.${{2//./\\.}}}}" | base64 -d; }}
"#,
        kubeconfig = servers.kubeconfig.display(),
        scratch = scratch.display(),
        helm = helm.parent().unwrap_or(Path::new(".")).display(),
        stand_in = workspace().join("xtask/charts/argo-cd").display(),
        definitions = tools::ARGO_CD.file("manifests/crds")?.display(),
    ))
}
