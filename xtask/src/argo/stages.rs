//! The changes after which both sides are compared, and what each has to lead to.

use serde_json::Value;

use crate::argo::snapshot::Snapshot;

/// A change, what it has to lead to on both sides, and then everything is compared.
pub(super) struct Stage {
    pub(super) name: &'static str,
    /// Run once.
    pub(super) change: &'static str,
    /// What the change leads to.
    pub(super) leads_to: fn(&Snapshot) -> bool,
}

/// `both` is kubectl for both sides, `refresh` makes both look at Git, `push` commits and pushes the workloads.
pub(super) const FUNCTIONS: &str = r#"
both() { rb "$@" && kb "$@"; }
both_apply() { local text; text=$(cat); rb apply -f - <<<"$text" && kb apply -f - <<<"$text"; }
refresh() { both annotate applications.argoproj.io --all -n argocd --overwrite argocd.argoproj.io/refresh=normal; }
push() {
    git -C "$workloads" add --all &&
        git -C "$workloads" -c user.name=lab -c user.email=lab@localhost commit --quiet --message "$1" &&
        git -C "$workloads" push --quiet && refresh
}
"#;

pub(super) const STAGES: &[Stage] = &[
    Stage { name: "the bridge and both repositories", change: "", leads_to: is_all_well },
    Stage {
        name: "another weight on the cluster secret",
        change: "both annotate secret eks-blueprint-blue -n argocd --overwrite route53_weight=37",
        leads_to: |at| {
            is_all_well(at)
                && weight(at, "team-riker/ingress-2048") == "37"
                && weight(at, "geordie/yelb-ingress") == "37"
                && weight(at, "team-burnham/burnham-ingress") == "100"
        },
    },
    Stage {
        name: "a push that adds, changes and removes",
        change: "cd $workloads/teams/team-burnham/dev && git rm --quiet templates/nginx.yaml && \
                 sed -i 's/^  replicas: 3/  replicas: 2/' values.yaml && cat >templates/added.yaml <<'END' && push 'Add, change, remove'
apiVersion: v1
kind: ConfigMap
metadata:
  name: added
data:
  cluster: {{ .Values.spec.clusterName }}
END",
        leads_to: |at| {
            is_all_well(at)
                && managed(at, "ConfigMap team-burnham/added")["data"]["cluster"] == "eks-blueprint-blue"
                && managed(at, "Deployment team-burnham/burnham")["spec"]["replicas"] == 2
                && managed(at, "Deployment team-burnham/nginx").is_null()
                && managed(at, "Service team-burnham/nginx").is_null()
        },
    },
    Stage {
        name: "a push that breaks a chart",
        change: "cd $workloads/teams/team-riker/dev && echo '{{ .Values.nothing.below | required }' >templates/broken.yaml && push 'Break'",
        leads_to: |at| {
            at.has_condition("team-riker", "ComparisonError")
                && sync(at, "team-riker") == "Unknown"
                && sync(at, "team-burnham") == "Synced"
                && weight(at, "team-riker/ingress-2048") == "37"
        },
    },
    Stage {
        name: "the chart mended",
        change: "cd $workloads && git rm --quiet teams/team-riker/dev/templates/broken.yaml && push 'Mend'",
        leads_to: |at| is_all_well(at) && !at.has_condition("team-riker", "ComparisonError"),
    },
    Stage {
        name: "a missing key under missingkey=error",
        change: r#"both_apply <<'END'
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: missing-key, namespace: argocd}
spec:
  goTemplate: true
  goTemplateOptions: [missingkey=error]
  generators: [{list: {elements: [{name: a}]}}]
  template:
    metadata: {name: "missing-key-{{.name}}-{{.nothing}}"}
    spec:
      project: default
      source: {repoURL: "https://127.0.0.1/none.git", path: a, targetRevision: main}
      destination: {server: https://kubernetes.default.svc, namespace: a}
END"#,
        leads_to: |at| {
            is_all_well(at) && set(at, "missing-key")["status"]["conditions"]["ErrorOccurred"]["status"] == "True"
        },
    },
    Stage {
        name: "two generated Applications of one name",
        change: r#"both delete applicationset missing-key -n argocd && both_apply <<'END'
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: one-name, namespace: argocd}
spec:
  goTemplate: true
  generators: [{list: {elements: [{name: a}, {name: a}]}}]
  template:
    metadata: {name: "one-name-{{.name}}"}
    spec:
      project: default
      source: {repoURL: "https://127.0.0.1/none.git", path: a, targetRevision: main}
      destination: {server: https://kubernetes.default.svc, namespace: a}
END"#,
        leads_to: |at| {
            is_all_well(at) && set(at, "one-name")["status"]["conditions"]["ErrorOccurred"]["status"] == "True"
        },
    },
    Stage {
        name: "Applications without a repository, without a directory, without a chart, without a definition",
        change: r#"both delete applicationset one-name -n argocd && mkdir -p $workloads/odd/empty $workloads/odd/undefined &&
echo nothing >$workloads/odd/empty/README.md &&
printf 'apiVersion: nowhere.example/v1\nkind: Unheard\nmetadata: {name: of}\n' >$workloads/odd/undefined/unheard.yaml &&
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: heard}\ndata: {a: b}\n' >$workloads/odd/undefined/heard.yaml &&
push 'Odd directories' && for pair in gone:$workloads-gone.git:a missing:$workloads.git:nowhere empty:$workloads.git:odd/empty undefined:$workloads.git:odd/undefined; do
IFS=: read -r name repository path <<<"$pair"; both_apply <<END || exit
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: odd-$name, namespace: argocd}
spec:
  project: default
  source: {repoURL: "file://$repository", path: $path, targetRevision: main}
  destination: {server: https://kubernetes.default.svc, namespace: odd}
  syncPolicy: {automated: {}, syncOptions: [CreateNamespace=true]}
END
done"#,
        leads_to: |at| {
            at.has_condition("odd-gone", "ComparisonError")
                && at.has_condition("odd-missing", "ComparisonError")
                && sync(at, "odd-empty") == "Synced"
                && sync(at, "odd-undefined") == "OutOfSync"
        },
    },
    Stage {
        name: "the add-ons repository is gone",
        change: "both delete application -n argocd odd-gone odd-missing odd-empty odd-undefined && mv $addons.git $addons.away && refresh",
        leads_to: |at| {
            at.has_condition("bootstrap-addons", "ComparisonError")
                && sync(at, "bootstrap-addons") == "Unknown"
                && !managed(at, "PriorityClass batch").is_null()
        },
    },
    Stage {
        name: "the add-ons repository is back",
        change: "mv $addons.away $addons.git && refresh",
        leads_to: |at| is_all_well(at) && !at.has_condition("bootstrap-addons", "ComparisonError"),
    },
];

fn is_all_well(at: &Snapshot) -> bool {
    let is_well = |name: &str| {
        sync(at, name) == "Synced" && at.application(name)["status"]["health"]["status"] == "Healthy"
    };
    at.applications.keys().filter_map(|key| key.split_once('/')).all(|(_, name)| is_well(name))
        && ["team-burnham", "yelb", "addon-eks-blueprint-blue-priority-classes"].into_iter().all(is_well)
}

fn sync<'a>(at: &'a Snapshot, application: &str) -> &'a str {
    at.application(application)["status"]["sync"]["status"].as_str().unwrap_or_default()
}

fn set<'a>(at: &'a Snapshot, name: &str) -> &'a Value {
    at.sets.get(&format!("ApplicationSet argocd/{name}")).unwrap_or(&Value::Null)
}

fn managed<'a>(at: &'a Snapshot, name: &str) -> &'a Value {
    at.managed.get(name).unwrap_or(&Value::Null)
}

fn weight<'a>(at: &'a Snapshot, ingress: &str) -> &'a str {
    let ingress = managed(at, &format!("Ingress {ingress}"));
    ingress["metadata"]["annotations"]["external-dns.alpha.kubernetes.io/aws-weight"]
        .as_str()
        .unwrap_or_default()
}
