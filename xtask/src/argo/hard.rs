//! Applications whose sources, objects or projects are at the edge of what Argo CD takes: links, names that are replaced,
//! documents that are no objects, hosts that are out of reach, fields that nobody knows, projects that permit little.
//!
//! Each has a directory of its own in the workloads, and a namespace of its name.

use serde_json::Value;

use crate::argo::snapshot::Snapshot;
use crate::argo::stages::Stage;

/// `hard NAME PATH [SOURCE] [OPTION] [PROJECT]` makes an Application of `hard/PATH`; `part PATH` takes a file from stdin.
pub(super) const FUNCTIONS: &str = r#"
part() { mkdir -p "$(dirname "$workloads/hard/$1")" && cat >"$workloads/hard/$1"; }
chart() { printf 'apiVersion: v2\nname: hard\nversion: 1.0.0\n' | part "$1/Chart.yaml"; }
place='{server: https://kubernetes.default.svc, namespace: hard-'
hard() {
    both_apply <<END
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: hard-$1, namespace: argocd}
spec:
  project: ${5:-default}
  source: {repoURL: "file://$workloads.git", path: hard/$2, targetRevision: main${3:+, $3}}
  destination: {server: https://kubernetes.default.svc, namespace: hard-$1}
  syncPolicy: {automated: {prune: true}, syncOptions: [CreateNamespace=true${4:+, $4}], retry: {}}
END
}
"#;

pub(super) const STAGES: &[Stage] = &[
    Stage {
        name: "links, names that are replaced, documents that are no objects, sources that cannot be had",
        change: r#"map plain | part plain/map.yaml && printf 'a: linked\n' | part of-links.yaml &&
map chart "" '{{ .Values.a }}' | part templates/chart.yaml && chart links && mkdir -p "$workloads/hard/links/charts" &&
ln -s ../of-links.yaml "$workloads/hard/links/values.yaml" && ln -s ../templates "$workloads/hard/links/templates" &&
ln -s plain "$workloads/hard/directory" && ln -s links "$workloads/hard/chart" && mkdir "$workloads/hard/only" &&
ln -s ../plain/map.yaml "$workloads/hard/only/map.yaml" && ln -s ../nowhere.yaml "$workloads/hard/only/nowhere.yaml" && ln -s ../plain "$workloads/hard/only/plain.yaml" &&
chart names && map names "" '{{ .Values.a }} {{ .Values.b }} {{ .Values.c }}' | part names/templates/map.yaml && printf 'a: file\n' | part names/of-hard-names.yaml && printf text | part names/hard-names.txt &&
chart kindless && map kindless | part kindless/templates/map.yaml && printf 'apiVersion: v1\nmetadata: {name: "<kindless>"}\n' | part kindless/templates/other.yaml &&
map beside | part documents/map.yaml && printf 'apiVersion: v1\nmetadata: {name: "<kindless>"}\n' | part documents/unrelated.yaml &&
map first | part second/map.yaml && printf -- '---\napiVersion: v1\nmetadata: {name: second}\n' >>"$workloads/hard/second/map.yaml" &&
printf '{"name": "one"}' | part sets/one.json && printf '{"name": "deep"}' | part sets/deep/er.json && ln -s one.json "$workloads/hard/sets/two.json" && ln -s deep "$workloads/hard/sets/linked" &&
outward="$CROSSFADE_LAB_DIR/repositories/outward" && git init --quiet --initial-branch main "$outward" && mkdir "$outward/maps" && map out >"$outward/maps/map.yaml" && ln -s ../../outside "$outward/maps/b" && ln -s /etc/passwd "$outward/maps/a" &&
git -C "$outward" add --all && git -C "$outward" -c user.name=lab -c user.email=lab@localhost commit --quiet --message Out &&
push 'At the edge' &&
for name in links directory chart only plain documents second; do hard $name $name || exit; done &&
hard kindless kindless 'helm: {values: "a: 1"}' && hard nowhere nowhere && hard file plain/map.yaml && hard above ../.. &&
hard names names 'helm: {valueFiles: ["of-$ARGOCD_APP_NAMESPACE.yaml"], fileParameters: [{name: c, path: "${ARGOCD_APP_NAME}.txt"}], parameters: [{name: b, value: "$ARGOCD_APP_SOURCE_PATH, $$x$KUBE_VERSION$ARGOCD_APP_SOURCE_TARGET_REVISION-$ARGOCD_APP_PROJECT_NAME"}]}' &&
hard missing names 'helm: {kubeVersion: 1.33.0, valueFiles: [of-hard-names.yaml, nope.yaml], parameters: [{name: a, value: "x y,z"}, {name: b, value: "1", forceString: true}]}' &&
hard outside names 'helm: {valueFiles: [../../../nope.yaml]}' && hard glob names 'helm: {valueFiles: ["*.nope"]}' &&
both_apply <<END
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: hard-outward, namespace: argocd}
spec:
  project: default
  source: {repoURL: "file://$outward", path: maps, targetRevision: main}
  destination: ${place}outward}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: hard-branch, namespace: argocd}
spec:
  project: default
  source: {repoURL: "file://$workloads.git", path: hard/plain, targetRevision: nope}
  destination: ${place}branch}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: hard-commit, namespace: argocd}
spec:
  project: default
  source: {repoURL: "file://$workloads.git", path: hard/plain, targetRevision: "0123456789012345678901234567890123456789"}
  destination: ${place}commit}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: hard-refused, namespace: argocd}
spec:
  project: default
  source: {repoURL: "https://127.0.0.1:1/team/x.git", path: maps, targetRevision: main}
  destination: ${place}refused}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: hard-unknown, namespace: argocd}
spec:
  project: default
  source: {repoURL: "https://nowhere.invalid/team/x.git", path: maps, targetRevision: main}
  destination: ${place}unknown}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: hard-two, namespace: argocd}
spec:
  project: default
  sources:
  - {repoURL: "file://$workloads.git", path: hard/plain, targetRevision: main}
  - {repoURL: "file://$workloads.git", path: hard/nowhere, targetRevision: main}
  destination: ${place}two}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: hard-reference, namespace: argocd}
spec:
  project: default
  sources:
  - {repoURL: "file://$workloads.git", path: hard/names, targetRevision: main, helm: {valueFiles: [\$other/hard/of-links.yaml, \$nobody/x.yaml]}}
  - {repoURL: "file://$workloads.git", ref: other, targetRevision: main}
  destination: ${place}reference}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: hard-linked, namespace: argocd}
spec:
  project: default
  sources:
  - {repoURL: "file://$workloads.git", path: hard/names, targetRevision: main, helm: {valueFiles: [\$other/hard/links/values.yaml, \$other/hard/chart/values.yaml], parameters: [{name: b, value: "1"}, {name: c, value: "2"}]}}
  - {repoURL: "file://$workloads.git", ref: other, targetRevision: main}
  destination: ${place}linked}
  syncPolicy: {automated: {}, syncOptions: [CreateNamespace=true]}
---
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: hard-files, namespace: argocd}
spec:
  goTemplate: true
  generators: [{git: {repoURL: "file://$workloads.git", revision: main, files: [{path: hard/sets/*.json}]}}]
  template:
    metadata: {name: 'hard-set-{{ .name }}-{{ .path.filenameNormalized | replace "." "-" }}'}
    spec: {project: default, source: {repoURL: "file://$workloads.git", path: hard/plain, targetRevision: main}, destination: ${place}sets}}
---
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: hard-directories, namespace: argocd}
spec:
  goTemplate: true
  generators: [{git: {repoURL: "file://$workloads.git", revision: main, directories: [{path: hard/*}, {path: hard/sets/*}]}}]
  template:
    metadata: {name: 'hard-of-{{ .path.basenameNormalized }}'}
    spec: {project: default, source: {repoURL: "file://$workloads.git", path: hard/plain, targetRevision: main}, destination: ${place}sets}}
END"#,
        leads_to: |at| {
            is_synced(at, "links")
                && value(at, "hard-links/chart") == "linked"
                && value(at, "hard-only/plain") == "1"
                && value(at, "hard-linked/names").starts_with("linked ")
                && value(at, "hard-names/names") == "file hard/names, $xmain-default text"
                && [
                    "kindless",
                    "second",
                    "outward",
                    "nowhere",
                    "missing",
                    "branch",
                    "commit",
                    "refused",
                    "unknown",
                    "two",
                    "reference",
                ]
                .iter()
                .all(|name| at.has_condition(&format!("hard-{name}"), "ComparisonError"))
        },
    },
    Stage {
        name: "fields that nobody knows, what is too long, and objects without a place",
        change: r#"unknown=$(printf 'apiVersion: v1\nkind: Service\nmetadata: {name: unknown}\nspec: {nosuch: 1, ports: [{port: 80}]}\n') &&
for name in unknown-server unknown-client; do part $name/service.yaml <<<"$unknown" && map beside | part $name/map.yaml || exit; done &&
{ printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: long}\ndata: {value: "'; head -c 300000 /dev/zero | tr '\0' x; printf '"}\n'; } | part long/map.yaml && part long-server/map.yaml <"$workloads/hard/long/map.yaml" &&
map placed | part placeless/map.yaml && printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: hard-own}\n' | part placeless/namespace.yaml && printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: own, namespace: hard-own}\ndata: {value: "1"}\n' | part placeless/own.yaml &&
push 'Unknown, long and placeless' &&
hard unknown-server unknown-server "" ServerSideApply=true && hard unknown-client unknown-client && hard long long && hard long-server long-server "" ServerSideApply=true && both_apply <<END
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: hard-placeless, namespace: argocd}
spec:
  project: default
  source: {repoURL: "file://$workloads.git", path: hard/placeless, targetRevision: main}
  destination: {server: https://kubernetes.default.svc}
  syncPolicy: {automated: {}}
END"#,
        leads_to: |at| {
            is_synced(at, "long-server")
                && phase(at, "long") == "Failed"
                && !phase(at, "unknown-client").is_empty()
        },
    },
    Stage {
        name: "projects that permit little",
        change: r#"map permitted | part permitted/map.yaml && printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: refused}\n' | part permitted/secret.yaml &&
printf 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: hard-refused}\nrules: []\n' | part permitted/role.yaml &&
map elsewhere | part elsewhere/map.yaml && printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: away, namespace: default}\n' | part elsewhere/away.yaml &&
push 'Permitted' && both_apply <<END
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: little, namespace: argocd}
spec:
  sourceRepos: ["file://$workloads.git"]
  destinations: [{server: https://kubernetes.default.svc, namespace: "hard-*"}, {server: https://kubernetes.default.svc, namespace: "!hard-denied"}]
  clusterResourceWhitelist: [{group: "", kind: Namespace}]
  namespaceResourceBlacklist: [{group: "", kind: Secret}]
---
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: white, namespace: argocd}
spec:
  sourceRepos: ["*", "!file://$addons.git"]
  destinations: [{name: "*", namespace: "hard-*"}]
  namespaceResourceWhitelist: [{group: "", kind: "Config*"}]
  clusterResourceBlacklist: [{group: "*", kind: ClusterRole}]
END
for name in permitted elsewhere; do hard little-$name $name "" "" little || exit; done && hard white-permitted permitted "" "" white &&
hard denied plain "" "" little && both_apply <<END
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: hard-source, namespace: argocd}
spec:
  project: little
  source: {repoURL: "file://$addons.git", path: argocd, targetRevision: main}
  destination: {server: https://kubernetes.default.svc, namespace: default}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: hard-white-source, namespace: argocd}
spec:
  project: white
  source: {repoURL: "file://$addons.git", path: argocd, targetRevision: main}
  destination: {server: https://kubernetes.default.svc, namespace: hard-x}
END"#,
        leads_to: |at| {
            ["source", "white-source", "denied"]
                .iter()
                .all(|name| at.has_condition(&format!("hard-{name}"), "InvalidSpecError"))
                && !phase(at, "little-permitted").is_empty()
        },
    },
    Stage {
        name: "what was at the edge is taken away",
        // Nothing in the real cluster takes away what an ApplicationSet leaves.
        change: r"both delete applicationsets -n argocd hard-files hard-directories --wait=false &&
both delete application -n argocd --wait=false --ignore-not-found $(rb get applications -n argocd -o name | sed -n 's/.*\/\(hard-.*\)/\1/p') &&
both delete appproject -n argocd little white",
        leads_to: |at| !at.applications.keys().any(|name| name.contains("hard-")),
    },
];

fn is_synced(at: &Snapshot, name: &str) -> bool {
    at.application(&format!("hard-{name}"))["status"]["sync"]["status"] == "Synced"
}

fn phase<'a>(at: &'a Snapshot, name: &str) -> &'a str {
    at.application(&format!("hard-{name}"))["status"]["operationState"]["phase"].as_str().unwrap_or_default()
}

fn value<'a>(at: &'a Snapshot, map: &str) -> &'a str {
    let map = at.managed.get(&format!("ConfigMap {map}")).unwrap_or(&Value::Null);
    map["data"]["value"].as_str().unwrap_or_default()
}
