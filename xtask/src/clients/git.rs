//! Private repositories and registries of charts, on servers that others wrote: the lab's agents read them with the secrets that
//! `crossfade bridge apply` and kubectl write, and a `git push` over the same transport moves the clusters.
//!
//! All the while somebody looks at the arguments and the environment of every process for the secrets.

mod hosts;

use std::path::Path;
use std::process::Stdio;

use anyhow::bail;

use crate::clients::Ends::{Well, WellInTheEnd};
use crate::clients::{Bench, Beside, Check, GITOPS, printed};
use crate::tools;
use hosts::Hosts;

/// Programs of this part alone.
pub(super) const PROGRAMS: &[tools::Program] = &[tools::HELM];

/// What scripts have besides the hosts.
const FUNCTIONS: &str = r#"
bridge() {
    local side=$1 url=$2 version
    shift 2
    version=$(kubectl --context "eks-blueprint-$side" get secret "eks-blueprint-$side" -n argocd -o jsonpath='{.metadata.labels.kubernetes_version}') &&
        $cf bridge apply --service "$side" --context "eks-blueprint-$side" --hosted-zone "${DOMAIN#*.}" --kubernetes-version "$version" \
            --workloads-url "$url/workloads.git" --addons-url "$url/addons.git" --addons-revision main --add-on priority_classes "$@"
}
known_hosts() { k create configmap argocd-ssh-known-hosts-cm -n argocd --from-literal=ssh_known_hosts="$1" --dry-run=client -o yaml | k apply -f - ; }
certificates() { kubectl --context "$1" create configmap argocd-tls-certs-cm -n argocd --from-file=127.0.0.1="$2" --dry-run=client -o yaml | kubectl --context "$1" apply -f - ; }
k() { kubectl --context eks-blueprint-blue "$@"; }
refresh() { kubectl --context "$1" annotate application "$2" -n argocd --overwrite "argocd.argoproj.io/refresh=${3:-normal}"; }
told() { kubectl --context "$1" get applicationsets,applications -n argocd -o json | jq -r '.items[].status.conditions[]? | select((.type | test("Error|Warning")) and .status != "False") | .message'; }
pushed() { [ "$(kubectl --context "$1" get configmap pushed -n team-burnham -o jsonpath='{.data.over}' --ignore-not-found)" = "$2" ]; }
map() { printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: pushed, namespace: team-burnham}\ndata: {over: %s}\n' "$1" >teams/team-burnham/dev/templates/pushed.yaml; git add --all; }
refresh_all() { local a; for a in $(kubectl --context "$1" get applications -n argocd -o name); do refresh "$1" "${a#*/}" >/dev/null; done; }
until_true() { local began=$(date +%s%3N) i; for i in $(seq 150); do "${@:2}" >/dev/null && echo "$1 after $(($(date +%s%3N) - began)) ms" && return; sleep 0.1; done; return 1; }
is_well() { [ -z "$(told "$1")" ] && state "$1" "$2" | grep "$3.*Synced"; }
state() { kubectl --context "$1" get application "$2" -n argocd -o jsonpath='{.spec.source.repoURL}{.spec.sources[*].repoURL} {.status.sync.status} {.status.sync.revision}{.status.sync.revisions} {.status.sourceType}'; }
count() { kubectl --context "$1" get ingress -A --no-headers | wc -l; }
as_git() { git -c user.name=Someone -c user.email=someone@example.org "$@"; }
"#;

/// Repositories for both transports, charts for both registries, and the words that are looked for.
const PREPARE: &str = r#"set -e
for name in workloads addons; do
    git clone -q --bare "$CROSSFADE_LAB_DIR/repositories/$name.git" "$H/git/$name.git"
    git -C "$H/git/$name.git" config http.receivepack true
done
for version in 1.0.0 1.1.0 2.0.0; do
    mkdir -p "$H/demo/templates"
    printf 'apiVersion: v2\nname: demo\nversion: %s\n' $version >"$H/demo/Chart.yaml"
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {version: {{ .Chart.Version | quote }}}\n' >"$H/demo/templates/map.yaml"
    helm package -d "$H/charts" "$H/demo"
done
helm repo index "$H/charts"
helm registry login "${OCI%%/*}" --ca-file "$H/ca.pem" --username charts --password-stdin <"$H/registry-password"
for version in 1.0.0 1.1.0; do helm push "$H/charts/demo-$version.tgz" "oci://$OCI" --ca-file "$H/ca.pem"; done
{ cat "$H/password"; echo; sed -n 2p "$H/key"; } >"$H/words"
"#;

/// Looks at every process, again and again, until its input ends.
const LOOK: &str = r#"while read -r -t 0.05 _; [ $? -gt 128 ]; do
    cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n' | grep -aF -f "$1/words" >>"$1/found"
done"#;

/// Runs the part on a lab of its own.
pub(super) fn run(crossfade: &Path, scratch: &Path) -> anyhow::Result<Bench> {
    let mut hosts = Hosts::start(&scratch.join("hosts"))?;
    let mut bench = Bench::up(crossfade, &scratch.join("git-lab"), &[GITOPS])?;
    bench.begin_scripts_with(format!("{}{FUNCTIONS}", hosts.prelude()?));
    let output = bench.sh(PREPARE);
    if !output.status.success() {
        bail!("repositories and charts cannot be prepared: {}", printed(&output));
    }
    let mut look = std::process::Command::new("bash");
    look.args(["-c", LOOK, "look"]).arg(scratch.join("hosts")).stdin(Stdio::piped());
    let looking = Beside(look.spawn()?);
    bench.all(CONTROL);
    bench.all(SSH);
    bench.all(HTTPS);
    bench.all(CHARTS);
    hosts.end_registry();
    bench.all(WITHOUT_REGISTRY);
    drop(looking);
    bench.all(SECRETS);
    Ok(bench)
}

const CONTROL: &[Check] = &[Check {
    name: "whoever looks for the password finds it where it is an argument",
    ends: WellInTheEnd,
    words: &["found it"],
    script: "bash -c 'sleep 0.5; :' x \"$(cat \"$H/password\")\" & wait; grep -qFf \"$H/words\" \"$H/found\" && sleep 0.2 && : >\"$H/found\" && echo found it",
}];

const SSH: &[Check] = &[
    Check {
        name: "a host whose key is unknown is refused, and nothing is pruned",
        ends: WellInTheEnd,
        words: &["ssh: handshake failed: knownhosts: key is unknown", "the ingresses are there"],
        script: "known_hosts '' >/dev/null && [ -e \"$H/applied\" ] || bridge blue \"$SSH\" --git-ssh-key-file \"$H/key\" >/dev/null && touch \"$H/applied\"; \
                 told eks-blueprint-blue; [ \"$(count eks-blueprint-blue)\" -gt 3 ] && echo the ingresses are there",
    },
    Check {
        name: "a known host opens a private repository over ssh to the bridge's key",
        ends: WellInTheEnd,
        words: &["ssh://", "Synced"],
        script: "grep -q ssh-ed25519 <<<\"$(k get configmap argocd-ssh-known-hosts-cm -n argocd -o yaml)\" || known_hosts \"$HOST $(cut -d' ' -f1,2 \"$H/host.pub\")\" >/dev/null
is_well eks-blueprint-blue bootstrap-workloads-eks-blueprint-blue ssh",
    },
    Check {
        name: "a push over ssh and a refresh move the cluster",
        ends: Well,
        words: &["carried after"],
        script: "export GIT_SSH_COMMAND=\"ssh -F none -i '$H/key' -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null\"
git clone -q \"$SSH/workloads.git\" \"$H/over-ssh\" && cd \"$H/over-ssh\" && map ssh && as_git commit -qm 'over ssh' && git push -q &&
refresh_all eks-blueprint-blue && until_true carried pushed eks-blueprint-blue ssh",
    },
    Check {
        name: "a wrong key says so and prunes nothing",
        ends: WellInTheEnd,
        words: &["ssh: unable to authenticate, attempted methods [none publickey]", "the ingresses are there"],
        script: "bridge blue \"$SSH\" --git-ssh-key-file \"$H/wrong-key\" >/dev/null; for i in $(seq 20); do told eks-blueprint-blue | grep unable && break; sleep 0.2; done
[ \"$(count eks-blueprint-blue)\" -gt 3 ] && echo the ingresses are there",
    },
    Check {
        name: "the right key of Secrets Manager works at once",
        ends: Well,
        words: &["works after"],
        script: "aws secretsmanager create-secret --name github-blueprint-ssh-key --secret-string \"file://$H/key\" >/dev/null &&
bridge blue \"$SSH\" --git-ssh-key-secret github-blueprint-ssh-key >/dev/null && until_true works is_well eks-blueprint-blue bootstrap-addons ssh",
    },
];

const HTTPS: &[Check] = &[
    Check {
        name: "a certificate of an unknown authority is refused",
        ends: WellInTheEnd,
        words: &["x509: certificate signed by unknown authority", "the ingresses are there"],
        script: "[ -e \"$H/applied-green\" ] || bridge green \"$HTTPS\" --git-username git --git-password-file \"$H/wrong-password\" >/dev/null && touch \"$H/applied-green\"
told eks-blueprint-green; [ \"$(count eks-blueprint-green)\" -gt 3 ] && echo the ingresses are there",
    },
    Check {
        name: "a wrong password says so and prunes nothing",
        ends: WellInTheEnd,
        words: &["authentication required", "the ingresses are there"],
        script: "certificates eks-blueprint-green \"$H/ca.pem\" >/dev/null; for i in $(seq 20); do told eks-blueprint-green | grep 'authentication required' && break; sleep 0.2; done
[ \"$(count eks-blueprint-green)\" -gt 3 ] && echo the ingresses are there",
    },
    Check {
        name: "the right password opens a private repository over https at once",
        ends: Well,
        words: &["works after"],
        script: "bridge green \"$HTTPS\" --git-username git --git-password-file \"$H/password\" >/dev/null && until_true works is_well eks-blueprint-green bootstrap-workloads-eks-blueprint-green https",
    },
    Check {
        name: "a push over https and a refresh move the cluster",
        ends: Well,
        words: &["carried after"],
        script: "printf 'https://git:%s@%s\\n' \"$(cat \"$H/password\")\" \"$(cut -d/ -f3 <<<\"$HTTPS\")\" >\"$H/store\"; export GIT_SSL_CAINFO=\"$H/ca.pem\"
stored() { git -c credential.helper= -c credential.helper=\"store --file='$H/store'\" -c user.name=Someone -c user.email=someone@example.org \"$@\"; }
stored clone -q \"$HTTPS/workloads.git\" \"$H/over-https\" && cd \"$H/over-https\" && map https && stored commit -qm 'over https' && stored push -q &&
refresh_all eks-blueprint-green && until_true carried pushed eks-blueprint-green https",
    },
];

const CHARTS: &[Check] = &[
    Check {
        name: "a private Helm repository gives the highest version of a range",
        ends: WellInTheEnd,
        words: &["Synced 1.1.0 Helm", "version 1.1.0"],
        script: "certificates eks-blueprint-blue \"$H/ca.pem\" >/dev/null
k create secret generic helm-charts -n argocd --from-literal=type=helm --from-literal=url=\"$CHARTS\" --from-literal=username=git --from-file=password=\"$H/password\" --dry-run=client -o json |
  jq '.metadata.labels={\"argocd.argoproj.io/secret-type\": \"repository\"}' | k apply -f - >/dev/null
chart() { printf '{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":\"Application\",\"metadata\":{\"name\":\"%s\",\"namespace\":\"argocd\"},\"spec\":{\"project\":\"default\",\"source\":{\"repoURL\":\"%s\",\"chart\":\"demo\",\"targetRevision\":\"%s\"},\"destination\":{\"server\":\"https://kubernetes.default.svc\",\"namespace\":\"charts\"},\"syncPolicy\":{\"automated\":{\"prune\":true},\"syncOptions\":[\"CreateNamespace=true\"]}}}' \"$@\"; }
chart from-helm \"$CHARTS\" '1.x' | k apply -f - >/dev/null
state eks-blueprint-blue from-helm; echo; k get configmap from-helm -n charts -o jsonpath='version {.data.version}'",
    },
    Check {
        name: "a private OCI registry gives the highest version of a range",
        ends: WellInTheEnd,
        words: &["Synced 1.1.0 Helm", "version 1.1.0"],
        script: "k create secret generic oci-charts -n argocd --from-literal=type=helm --from-literal=enableOCI=true --from-literal=url=\"$OCI\" --from-literal=username=charts --from-file=password=\"$H/registry-password\" --dry-run=client -o json |
  jq '.metadata.labels={\"argocd.argoproj.io/secret-type\": \"repository\"}' | k apply -f - >/dev/null
k get application from-helm -n argocd -o json | jq --arg url \"$OCI\" '{apiVersion, kind, metadata: {name: \"from-oci\", namespace: \"argocd\"}, spec: (.spec | .source.repoURL=$url | .source.targetRevision=\"~1.1\")}' | k apply -f - >/dev/null
state eks-blueprint-blue from-oci; echo; k get configmap from-oci -n charts -o jsonpath='version {.data.version}'",
    },
    Check {
        name: "a version that is pushed later comes with a refresh",
        ends: WellInTheEnd,
        words: &["Synced 1.2.0 Helm"],
        script: "[ -e \"$H/charts/demo-1.2.0.tgz\" ] || { sed -i 's/^version:.*/version: 1.2.0/' \"$H/demo/Chart.yaml\" && helm package -d \"$H/charts\" \"$H/demo\" >/dev/null && helm repo index \"$H/charts\"; }
refresh eks-blueprint-blue from-helm >/dev/null; sleep 0.3; state eks-blueprint-blue from-helm",
    },
];

const WITHOUT_REGISTRY: &[Check] = &[
    Check {
        name: "a registry that is gone says so, prunes nothing and holds nobody up",
        ends: WellInTheEnd,
        words: &["unable to get tags", "connection refused", "version 1.1.0", "Synced 1.2.0 Helm"],
        script: "refresh eks-blueprint-blue from-oci >/dev/null; refresh eks-blueprint-blue from-helm >/dev/null; sleep 0.3
told eks-blueprint-blue; k get configmap from-oci -n charts -o jsonpath='version {.data.version} '; state eks-blueprint-blue from-helm",
    },
];

const SECRETS: &[Check] = &[
    Check {
        name: "no secret was in an argument or an environment",
        ends: Well,
        words: &["nowhere"],
        script: "if [ -s \"$H/found\" ]; then sort \"$H/found\" | uniq -c | cut -c1-300; exit 1; fi; echo nowhere",
    },
    Check {
        name: "no secret is in a log, a status or a file that stays",
        ends: Well,
        words: &["nowhere"],
        script: "for c in blue green; do kubectl --context eks-blueprint-$c get applications,applicationsets,events -A -o yaml >\"$H/objects-$c\"; done
! grep -rlaFf \"$H/words\" \"$CROSSFADE_LAB_DIR\" \"$H\"/objects-* \"$H/logs\" && [ -z \"$(ls -A \"$CROSSFADE_LAB_DIR/git/calls\")\" ] && echo nowhere",
    },
];
