//! Applications that use what the pattern does not: waves, hooks, options, rules of what is ignored, ranges of versions; and
//! those that the API server refuses in part.
//!
//! Each has a directory of its own in the workloads, and a namespace of its name.

use serde_json::Value;

use crate::argo::snapshot::Snapshot;
use crate::argo::stages::Stage;

/// `odd NAME [PROJECT]` makes an Application of `odd/NAME` with the spec's other fields on stdin; `manifest NAME/FILE` takes one from
/// stdin; `map NAME [ANNOTATIONS] [VALUE]` prints a ConfigMap.
pub(super) const FUNCTIONS: &str = r#"
manifest() { mkdir -p "$(dirname "$workloads/odd/$1")" && cat >"$workloads/odd/$1"; }
map() { printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, annotations: {%s}}\ndata: {value: "%s"}\n' "$1" "${2:-}" "${3:-1}"; }
odd() {
    local more; more=$(cat); both_apply <<END
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: odd-$1, namespace: argocd, finalizers: [resources-finalizer.argocd.argoproj.io]}
spec:
  project: ${2:-default}
  source: {repoURL: "file://$workloads.git", path: odd/$1, targetRevision: main}
  destination: {server: https://kubernetes.default.svc, namespace: odd-$1}
$more
END
}
automated="  syncPolicy: {automated: {prune: true}, syncOptions: [CreateNamespace=true], retry: {}}"
wave='argocd.argoproj.io/sync-wave'
hook='argocd.argoproj.io/hook'
option='argocd.argoproj.io/sync-options'
"#;

pub(super) const STAGES: &[Stage] = &[
    Stage {
        name: "waves, hooks, definitions, roles, options and ranges of versions",
        change: r#"map first "$wave: '-1'" | manifest waves/1.yaml && map second | manifest waves/2.yaml && map third "$wave: '1'" | manifest waves/3.yaml &&
map before "$hook: PreSync" | manifest hooks/1.yaml && map now | manifest hooks/2.yaml && map after "$hook: PostSync, $hook-delete-policy: HookSucceeded" | manifest hooks/3.yaml &&
map never "$hook: SyncFail" | manifest hooks/4.yaml &&
manifest defined/definition.yaml <<'END' && manifest defined/object.yaml <<'END' && manifest roles/all.yaml <<'END' && manifest secret/all.yaml <<'END' &&
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.defined.example}
spec:
  group: defined.example
  scope: Namespaced
  names: {kind: Thing, plural: things, singular: thing, listKind: ThingList}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
END
apiVersion: defined.example/v1
kind: Thing
metadata: {name: one}
spec: {a: 1}
END
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: reader, namespace: odd-roles}]
END
apiVersion: v1
kind: Secret
metadata: {name: texts}
stringData: {user: admin}
---
apiVersion: v1
kind: Secret
metadata: {name: bytes, annotations: {argocd.argoproj.io/sync-options: ServerSideApply=true}}
data: {user: YWRtaW4=}
END
map replaced "$option: Replace=true" | manifest options/1.yaml && map kept "$option: 'Prune=false'" | manifest options/2.yaml &&
map last "$option: PruneLast=true" | manifest options/3.yaml && map server "$option: ServerSideApply=true" | manifest options/4.yaml && map plain | manifest options/5.yaml &&
map pointer | manifest ignoring/1.yaml && map expression | manifest ignoring/2.yaml && map manager | manifest ignoring/3.yaml && map nothing | manifest ignoring/4.yaml &&
printf 'apiVersion: v2\nname: values\nversion: 1.0.0\n' | manifest values/Chart.yaml && map values "" '{{ .Values.a }}{{ .Values.b }}' | manifest values/templates/map.yaml &&
printf 'a: 1\nb: 1\n' | manifest values/values/1.yaml && printf 'b: 2\n' | manifest values/values/2.yaml && map version "" 1.0.0 | manifest versions/1.yaml && push 'Version 1.0.0' && git -C "$workloads" tag 1.0.0 &&
map version "" 1.2.0 | manifest versions/1.yaml && push 'Version 1.2.0' && git -C "$workloads" tag v1.2.0 &&
map version "" 2.0.0 | manifest versions/1.yaml && push 'Version 2.0.0' && git -C "$workloads" tag 2.0.0 && git -C "$workloads" push --quiet --tags &&
for name in waves hooks defined roles secret options; do odd $name <<<"$automated" || exit; done &&
odd ignoring <<'END' && both_apply <<END
  syncPolicy: {automated: {}, syncOptions: [CreateNamespace=true, RespectIgnoreDifferences=true], retry: {}}
  ignoreDifferences:
  - {kind: ConfigMap, name: pointer, jsonPointers: [/data/value]}
  - {kind: ConfigMap, name: expression, jqPathExpressions: ['.data | to_entries[] | select(.key == "value") | .value', '.data.value']}
  - {kind: ConfigMap, name: manager, managedFieldsManagers: [trusted]}
END
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: odd-versions, namespace: argocd}
spec:
  project: default
  source: {repoURL: "file://$workloads.git", path: odd/versions, targetRevision: "1.*"}
  destination: {server: https://kubernetes.default.svc, namespace: odd-versions}
$automated
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: odd-values, namespace: argocd}
spec:
  project: default
  source: {repoURL: "file://$workloads.git", path: odd/values, targetRevision: main, helm: {valueFiles: ["values/*.yaml"]}}
  destination: {server: https://kubernetes.default.svc, namespace: odd-values}
$automated
END
# Nobody tells Argo CD that a definition is established: it has to look again.
for try in {1..60}; do rb get crd things.defined.example -o yaml 2>/dev/null | grep -q 'type: Established' && break; sleep 0.5; done && refresh"#,
        leads_to: |at| {
            are_done(
                at,
                &[
                    "waves", "hooks", "defined", "roles", "secret", "options", "ignoring", "versions",
                    "values",
                ],
            ) && value(at, "odd-versions/version") == "1.2.0"
                && value(at, "odd-values/values") == "12"
                && !at.managed.contains_key("ConfigMap odd-hooks/never")
                && !at.managed.contains_key("ConfigMap odd-hooks/after")
        },
    },
    Stage {
        name: "what others write, what is removed, what is replaced, what runs again",
        change: r#"both annotate configmap plain -n odd-options --overwrite by=hand &&
for name in pointer expression manager; do both patch configmap $name -n odd-ignoring --field-manager trusted --type merge -p '{"data":{"value":"theirs"}}' || exit; done &&
map replaced "$option: Replace=true" 2 | manifest options/1.yaml && git -C "$workloads" rm --quiet odd/options/{2,3,5}.yaml odd/waves/3.yaml &&
for name in pointer expression manager nothing; do map $name "more: a" | manifest ignoring/$name.yaml || exit; done && git -C "$workloads" rm --quiet odd/ignoring/{1,2,3,4}.yaml &&
map now "" 2 | manifest hooks/2.yaml && map before "$hook: PreSync" 2 | manifest hooks/1.yaml && push 'Change and remove'"#,
        leads_to: |at| {
            are_done(at, &["waves", "hooks", "ignoring"])
                && value(at, "odd-options/replaced") == "2"
                && value(at, "odd-options/kept") == "1"
                && !at.managed.contains_key("ConfigMap odd-options/last")
                && value(at, "odd-hooks/before") == "2"
                && value(at, "odd-ignoring/expression") == "theirs"
                && value(at, "odd-ignoring/manager") == "theirs"
                && at.managed["ConfigMap odd-ignoring/expression"]["metadata"]["annotations"]["more"] == "a"
        },
    },
    Stage {
        name: "what is refused before, while and after it is applied",
        change: r#"both delete application -n argocd odd-waves odd-hooks odd-roles odd-secret odd-options odd-ignoring odd-versions --wait=false &&
refused=$(printf 'apiVersion: v1\nkind: Service\nmetadata: {name: refused}\nspec: {ports: [{port: 100000}]}\n') &&
for name in refused wave failing; do map beside | manifest $name/1.yaml && manifest $name/2.yaml <<<"$refused" || exit; done &&
map later "$wave: '1'" | manifest wave/3.yaml && map told "$hook: SyncFail" | manifest failing/3.yaml &&
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: prefix-}\n' | manifest unnamed/1.yaml && map beside | manifest unnamed/2.yaml &&
printf 'apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: old}\n' | manifest older/1.yaml &&
printf 'apiVersion: apps/v1\nkind: Unheard\nmetadata: {name: of}\n' | manifest older/2.yaml && map beside | manifest older/3.yaml &&
printf 'apiVersion: later.example/v1\nkind: Later\nmetadata: {name: on, annotations: {%s}}\n' "$option: SkipDryRunOnMissingResource=true" | manifest skipped/1.yaml && map beside | manifest skipped/2.yaml &&
map one | manifest nowhere/1.yaml && push 'Refused' &&
for name in refused wave failing unnamed older skipped; do odd $name <<<"$automated" || exit; done && odd nowhere nobody <<<"$automated""#,
        leads_to: |at| {
            let has_failed = |name: &&str| phase(at, name) == "Failed";
            ["refused", "wave", "failing", "unnamed", "older", "skipped"].iter().all(has_failed)
                && at.has_condition("odd-nowhere", "InvalidSpecError")
                && value(at, "odd-refused/beside") == "1"
                && value(at, "odd-failing/told") == "1"
                && !at.managed.contains_key("ConfigMap odd-wave/later")
                && !at.managed.contains_key("ConfigMap odd-unnamed/beside")
        },
    },
    Stage {
        name: "everything taken away",
        // Namespaces do not go from the real cluster, which has no controller for them.
        change: r#"both annotate namespace geolocationapi "$option=Delete=false" && both patch application odd-nowhere -n argocd --type merge -p '{"metadata":{"finalizers":null}}' &&
both delete applicationsets --all -n argocd --wait=false && both delete applications --all -n argocd --wait=false && both_apply <<'END'
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm, namespace: argocd, labels: {app.kubernetes.io/name: argocd-cm, app.kubernetes.io/part-of: argocd}}
data: {application.resourceTrackingMethod: annotation+label, application.instanceLabelKey: odd.example/application}
END"#,
        leads_to: |at| {
            at.applications.is_empty() && !at.managed.keys().any(|name| name.starts_with("Deployment "))
        },
    },
    Stage {
        name: "objects marked by labels",
        change: r#"map labelled | manifest labels/1.yaml && push 'Labels' && odd labels <<<"$automated""#,
        leads_to: |at| {
            let labels = &at.managed.get("ConfigMap odd-labels/labelled").unwrap_or(&Value::Null)["metadata"]
                ["labels"];
            are_done(at, &["labels"]) && labels["odd.example/application"] == "odd-labels"
        },
    },
];

fn are_done(at: &Snapshot, names: &[&str]) -> bool {
    names.iter().all(|name| {
        let status = &at.application(&format!("odd-{name}"))["status"];
        phase(at, name) == "Succeeded"
            && status["sync"]["status"] == "Synced"
            && status["health"]["status"] == "Healthy"
    })
}

fn phase<'a>(at: &'a Snapshot, name: &str) -> &'a str {
    at.application(&format!("odd-{name}"))["status"]["operationState"]["phase"].as_str().unwrap_or_default()
}

fn value<'a>(at: &'a Snapshot, map: &str) -> &'a str {
    let map = at.managed.get(&format!("ConfigMap {map}")).unwrap_or(&Value::Null);
    map["data"]["value"].as_str().unwrap_or_default()
}
