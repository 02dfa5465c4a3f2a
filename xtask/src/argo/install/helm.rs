//! `crossfade bridge install` with the real helm: what it leaves in a cluster, and what it refuses to touch.

use crate::clients::Check;
use crate::clients::Ends::{Refused, Well};

/// In the real blue, before anything of Argo CD is there.
pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "without Argo CD, bridge apply names the command that brings it",
        ends: Refused,
        words: &["Argo CD is not there", "hint: crossfade bridge install --service blue --context real-blue"],
        script: "bridge blue",
    },
    Check {
        name: "a dry run prints command and values, and needs neither helm nor cluster",
        ends: Well,
        words: &[
            "/nowhere/helm upgrade --install argo-cd argo-cd --repo https://argoproj.github.io/argo-helm --version ",
            "--namespace argocd --kube-context eks-blueprint-green",
            "type: LoadBalancer",
            "timeout.reconciliation: 120s",
        ],
        script: "KUBECONFIG=/nowhere $cf bridge install --service green --dry-run --helm /nowhere/helm",
    },
    Check {
        name: "what a dry run prints is what a shell and helm take",
        ends: Well,
        words: &["service: NodePort", "timeout.reconciliation: 30s"],
        script: "install blue --dry-run --server-service node-port --reconciliation 30 |
  sed 's/ upgrade --install / template /; s/ --reset-values / /; s/ --wait --timeout [0-9]*s / /' | bash |
  grep -E '^  (service|timeout[.]reconciliation):'",
    },
    Check {
        name: "without helm there is a way out",
        ends: Refused,
        words: &["cannot run /nowhere/helm", "hint: install helm", "--dry-run"],
        script: "install blue --helm /nowhere/helm",
    },
    Check {
        name: "a chart that cannot be had, and a version that is not there",
        ends: Refused,
        words: &["helm show chart", "127.0.0.1:1", "10.99.99", "hint: --chart takes a repository"],
        script: "install_from '--chart http://127.0.0.1:1/' blue && exit; install blue --chart-version 10.99.99",
    },
    Check {
        name: "nothing of all that was written",
        ends: Refused,
        words: &["namespaces \"argocd\" not found"],
        script: "rb get namespace argocd",
    },
    Check {
        name: "Argo CD is installed",
        ends: Well,
        words: &["is installed in real-blue", "--server-service cluster-ip", "next: crossfade bridge apply --service blue"],
        script: "install blue",
    },
    Check {
        name: "helm has the release, of the pinned version though a newer one is published",
        ends: Well,
        words: &["argo-cd 1 deployed", "the pinned version"],
        script: "hb list --output json | jq -r '.[] | \"\\(.name) \\(.revision) \\(.status)\"'
[ \"$(hb list --output json | jq -r '.[].chart')\" = argo-cd-$pinned ] && echo the pinned version",
    },
    Check {
        name: "the values have arrived",
        ends: Well,
        words: &["120s LoadBalancer"],
        script: "echo $(rb get configmap argocd-cm -n argocd -o jsonpath='{.data.timeout\\.reconciliation}') \
                 $(rb get configmap given-values -n argocd -o jsonpath='{.data.service}')",
    },
    Check {
        name: "a second time the values are set again",
        ends: Well,
        words: &["(deployed); its values are set again", "revision 2"],
        script: "install blue && echo revision $(hb list --output json | jq -r '.[].revision')",
    },
    Check {
        name: "the user's values win, the last most",
        ends: Well,
        words: &["ExternalName 7s"],
        script: "echo 'server: {service: {type: NodePort}}' >$scratch/a.yaml; echo 'server: {service: {type: ExternalName}}' >$scratch/b,c.yaml
install blue --values $scratch/a.yaml --values $scratch/b,c.yaml --reconciliation 7 &&
echo $(rb get configmap given-values -n argocd -o jsonpath='{.data.service}') $(rb get configmap argocd-cm -n argocd -o jsonpath='{.data.timeout\\.reconciliation}')",
    },
    Check {
        name: "an admin password among the user's values is refused",
        ends: Refused,
        words: &["gives Helm the admin password", "--admin-password-secret"],
        script: "echo 'configs: {secret: {argocdServerAdminPassword: x}}' >$scratch/password.yaml && install blue --values $scratch/password.yaml",
    },
    Check {
        name: "an archive as well, but not as another version than it is",
        ends: Well,
        words: &["not 1.2.3", "its values are set again"],
        script: "archive=$scratch/published/argo-cd-$pinned.tgz; install_from \"--chart $archive\" blue --chart-version 1.2.3 && exit 1
install_from \"--chart $archive\" blue",
    },
    Check {
        name: "a newer chart takes the place of an older one when somebody says so",
        ends: Well,
        words: &["there is nobody to confirm the plan", "becomes argo-cd 99.0.0", "now argo-cd-99.0.0"],
        script: "install blue --chart-version 99.0.0 && exit 1
install blue --chart-version 99.0.0 --yes && echo now $(hb list --output json | jq -r '.[].chart')",
    },
    Check {
        name: "nothing goes back silently",
        ends: Well,
        words: &["is of argo-cd-99.0.0, newer than", "--allow-downgrade", "back"],
        script: "install blue --yes && exit 1
install blue --yes --allow-downgrade && [ \"$(hb list --output json | jq -r '.[].chart')\" = argo-cd-$pinned ] && echo back",
    },
    Check {
        name: "an upgrade that was cut off is refused, with the command that mends it",
        ends: Refused,
        words: &["release argo-cd is pending-upgrade", "when no other helm runs: helm rollback argo-cd "],
        script: "helm upgrade argo-cd argo-cd --kube-context real-blue --namespace argocd --repo $repository --version $pinned --set stuck=true >/dev/null 2>&1 & cut=$!
for _ in $(seq 100); do rb get job stuck -n argocd >/dev/null 2>&1 && break; sleep 0.1; done
kill -KILL $cut; wait $cut; rb delete job stuck -n argocd >/dev/null
install blue",
    },
    Check {
        name: "the command mends it",
        ends: Well,
        words: &["Rollback was a success", "its values are set again"],
        script: "eval \"$(install blue 2>&1 | sed -n 's/.*when no other helm runs: \\(.*\\) (`.*/\\1/p')\" && install blue",
    },
    Check {
        name: "a release under another name is named",
        ends: Refused,
        words: &["is there as release argo-cd", "pass --release argo-cd"],
        script: "install blue --release argocd",
    },
];

/// In the real green, which has an Argo CD of Terraform's and then one that nobody brought by Helm.
pub(super) const AFTERWARDS: &[Check] = &[
    Check {
        name: "the admin password that the pattern gave Helm survives upgrades that take it out, one that fails among them, and so does the rest",
        ends: Well,
        words: &["helm failed",
            "becomes argo-cd", "they are as they were",
            "(failed); its values are set again", "the same hash", "and helm has no hash", "bridge apply takes none away"],
        script: "hash=$(htpasswd -nbBC 10 '' pattern | tr -d ':\\n')
hg upgrade --install argo-cd argo-cd --repo $repository --version $older --create-namespace \
  --set-string \"configs.secret.argocdServerAdminPassword=$hash\" >/dev/null && before=$(own green admin.passwordMtime) &&
rg patch secret argocd-secret -n argocd --patch '{\"stringData\":{\"server.secretkey\":\"a key\"}}' --field-manager argocd-server >/dev/null && echo 'unready: true' >$scratch/unready.yaml &&
! install green --yes --values $scratch/unready.yaml --timeout 2s && install green --yes &&
[ \"$(own green admin.password) $(own green admin.passwordMtime)\" = \"$hash $before\" ] && echo the same hash
hg get values argo-cd -o json | grep -q '[$]2' || echo and helm has no hash
echo pattern >$scratch/pattern; bridge green --no-teams --admin-password-file $scratch/pattern && echo other >$scratch/pattern &&
bridge green --no-teams --admin-password-file $scratch/pattern && [ \"$(own green server.secretkey)\" = 'a key' ] && echo bridge apply takes none away",
    },
    Check {
        name: "a release of Terraform's is left alone until told otherwise",
        ends: Well,
        words: &["is Terraform's (field manager terraform-provider-helm_v2.13.0_x5)", "its values are set again"],
        script: "rg annotate secret sh.helm.release.v1.argo-cd.v3 -n argocd x=y --field-manager=terraform-provider-helm_v2.13.0_x5 >/dev/null
install green && exit 1; install green --i-will-edit-main-tf",
    },
    Check {
        name: "an Argo CD that Helm did not bring is left alone, and the bridge works with it",
        ends: Well,
        words: &["Helm did not bring it: the definition applicationsets.argoproj.io", "objects are applied to real-green"],
        script: "hg uninstall argo-cd --wait >/dev/null && rg apply --server-side -k $definitions >/dev/null
install green && exit 1; bridge green --no-teams",
    },
];
