//! The pattern's bridge: annotations of the cluster Secret, ApplicationSets, Applications, charts, objects.

use std::time::Duration;

use serde_json::{Value, json};

use crate::lab::{Lab, Repository, mk_cluster_secret, mk_config_map};

const NOT_IN_CLUSTER: &str = "akuity.io/argo-cd-cluster-name";

fn selector() -> Value {
    json!({"matchExpressions": [{"key": NOT_IN_CLUSTER, "operator": "NotIn", "values": ["in-cluster"]}]})
}

/// As the pattern's `bootstrap/addons.yaml`.
fn mk_bootstrap_addons() -> Value {
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet",
    "metadata": {"name": "bootstrap-addons", "namespace": "argocd"},
    "spec": {
        "syncPolicy": {"preserveResourcesOnDeletion": true},
        "generators": [{"clusters": {"selector": selector()}}],
        "template": {
            "metadata": {"name": "bootstrap-addons"},
            "spec": {
                "project": "default",
                "source": {
                    "repoURL": "{{metadata.annotations.addons_repo_url}}",
                    "path": "{{metadata.annotations.addons_repo_path}}",
                    "targetRevision": "{{metadata.annotations.addons_repo_revision}}",
                    "directory": {"recurse": true, "exclude": "exclude/*"},
                },
                "destination": {"name": "{{name}}", "namespace": "argocd"},
                "syncPolicy": {"automated": {}},
            },
        },
    }})
}

/// As the pattern's `bootstrap/workloads.yaml`, with the values that the test reads.
fn mk_bootstrap_workloads() -> Value {
    let values = "clusterName: {{ .metadata.annotations.cluster_name }}\n\
        labels:\n  env: {{ .metadata.annotations.env }}\n\
        repoUrl: {{ .metadata.annotations.gitops_workloads_url }}\n\
        spec:\n  source:\n    repoURL: {{ .metadata.annotations.gitops_workloads_url }}\n    \
        targetRevision: {{ .metadata.annotations.gitops_workloads_revision }}\n  \
        ingress:\n    route53_weight: {{ default \"0\" .metadata.annotations.route53_weight }}\n    \
        host: {{ .metadata.annotations.eks_cluster_domain }}\n";
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet",
    "metadata": {"name": "bootstrap-workloads", "namespace": "argocd"},
    "spec": {
        "goTemplate": true,
        "syncPolicy": {"preserveResourcesOnDeletion": true},
        "generators": [{"matrix": {"generators": [
            {"clusters": {"selector": selector()}},
            {"git": {
                "repoURL": "{{ .metadata.annotations.gitops_workloads_url }}",
                "revision": "{{ .metadata.annotations.gitops_workloads_revision }}",
                "directories": [{"path": "{{ .metadata.annotations.gitops_workloads_path }}/*"}],
            }},
        ]}}],
        "template": {
            "metadata": {"name": "bootstrap-workloads-{{ .name }}"},
            "spec": {
                "project": "default",
                "sources": [{
                    "repoURL": "{{ .metadata.annotations.gitops_workloads_url }}",
                    "targetRevision": "{{ .metadata.annotations.gitops_workloads_revision }}",
                    "ref": "values",
                    "path": "{{ .metadata.annotations.gitops_workloads_path }}",
                    "helm": {
                        "releaseName": "bootstrap-workloads-{{ .name }}",
                        "ignoreMissingValueFiles": true,
                        "values": values,
                    },
                }],
                "destination": {"name": "{{ .name }}"},
                "syncPolicy": {"automated": {}, "syncOptions": ["CreateNamespace=true", "ServerSideApply=true"]},
            },
        },
    }})
}

fn write_workloads(repository: &Repository) {
    repository.write("envs/dev/Chart.yaml", "apiVersion: v2\nname: teams\nversion: 1.0.0\n");
    repository.write("envs/dev/values.yaml", "labels:\n  env: dev\nspec:\n  ingress: {}\n");
    repository.write(
        "envs/dev/templates/burnham.yaml",
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: team-burnham\n  namespace: argocd\n  \
         finalizers: [resources-finalizer.argocd.argoproj.io]\nspec:\n  project: default\n  destination:\n    \
         server: https://kubernetes.default.svc\n    namespace: demo\n  source:\n    \
         repoURL: {{ .Values.spec.source.repoURL }}\n    targetRevision: {{ .Values.spec.source.targetRevision }}\n    \
         path: teams/burnham\n    helm:\n      values: |-\n{{ toYaml .Values | indent 8 }}\n  syncPolicy:\n    \
         automated:\n      prune: true\n    syncOptions: [CreateNamespace=true]\n",
    );
    repository.write("teams/burnham/Chart.yaml", "apiVersion: v2\nname: burnham\nversion: 1.0.0\n");
    repository.write(
        "teams/burnham/templates/service.yaml",
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: burnham\nspec:\t\n  ports:\n  - port: 80\n    \
         targetPort: 80\n    protocol: TCP\n  selector: {app: burnham}\n",
    );
    repository.write(
        "teams/burnham/templates/ingress.yaml",
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: burnham-ingress\n  annotations:\n    \
         external-dns.alpha.kubernetes.io/set-identifier: {{ .Values.clusterName }}\n    \
         external-dns.alpha.kubernetes.io/aws-weight: '{{ .Values.spec.ingress.route53_weight }}'\nspec:\n  \
         ingressClassName: alb\n  rules:\n  - host: burnham.{{ .Values.spec.ingress.host }}\n    http:\n      \
         paths:\n      - path: /\n        pathType: Prefix\n        backend:\n          service:\n            \
         name: burnham\n            port: {number: 80}\n",
    );
}

fn weight(lab: &Lab) -> Option<String> {
    let ingress = lab.get("networking.k8s.io", "ingresses", "demo", "burnham-ingress")?;
    let annotations = &ingress["metadata"]["annotations"];
    Some(annotations["external-dns.alpha.kubernetes.io/aws-weight"].as_str()?.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weight_goes_from_the_secret_to_the_ingress() {
    let url = "git@github.com:aws-samples/eks-blueprints-workloads";
    let lab =
        Lab::start_with(vec![("https://github.com/aws-samples/eks-blueprints-workloads.git", "workloads")])
            .await;
    let workloads = lab.repository("workloads");
    write_workloads(&workloads);
    let commit = workloads.commit();
    let addons = lab.repository("addons");
    addons.write("control-plane/oss/demo.yaml", &mk_config_map("addon", "1"));
    addons.write("control-plane/exclude/not.yaml", "not: a manifest\n");
    addons.commit();
    lab.create("", "secrets", mk_cluster_secret(&json!({
        "cluster_name": "eks-blueprint-blue", "env": "blue", "route53_weight": "100",
        "eks_cluster_domain": "eks-blueprint.eks.example.org",
        "gitops_workloads_url": url, "gitops_workloads_path": "envs/dev", "gitops_workloads_revision": "main",
        "addons_repo_url": addons.url(), "addons_repo_path": "control-plane", "addons_repo_revision": "HEAD",
    })));
    lab.create("argoproj.io", "applicationsets", mk_bootstrap_addons());
    lab.create("argoproj.io", "applicationsets", mk_bootstrap_workloads());

    lab.until_synced("bootstrap-addons").await;
    assert!(lab.get("", "configmaps", "argocd", "addon").is_some());
    lab.until("the Ingress has its weight", || weight(&lab).as_deref() == Some("100")).await;
    // No controller runs here that would give the Ingress an address: it stays in progress.
    let team = || lab.application("team-burnham").unwrap();
    lab.until("the team is synced", || team()["status"]["sync"]["status"] == "Synced").await;
    let status = team()["status"].clone();
    assert_eq!(status["health"]["status"], "Progressing");
    assert_eq!(status["sync"]["revision"], json!(commit));
    assert_eq!(status["sourceType"], "Helm");
    assert_eq!(status["operationState"]["message"], "successfully synced (all tasks run)");
    assert_eq!(status["history"][0]["revision"], json!(commit));
    let results = status["operationState"]["syncResult"]["resources"].as_array().unwrap();
    let shown: Vec<&str> = results.iter().map(|one| one["message"].as_str().unwrap()).collect();
    assert_eq!(
        shown,
        [
            "namespace/demo created",
            "service/burnham created",
            "ingress.networking.k8s.io/burnham-ingress created"
        ]
    );
    let parent = lab.application("bootstrap-workloads-eks-blueprint-blue").unwrap();
    assert_eq!(parent["status"]["sync"]["revisions"], json!([commit]));
    assert_eq!(parent["status"]["sourceTypes"], json!(["Helm"]));
    assert_eq!(parent["metadata"]["finalizers"], Value::Null);
    assert_eq!(parent["metadata"]["ownerReferences"][0]["kind"], "ApplicationSet");

    for new in ["60", "0", "35"] {
        lab.patch("", "secrets", "eks-blueprint-blue", |secret| {
            secret["metadata"]["annotations"]["route53_weight"] = new.into();
        });
        let took = lab.until("the new weight is there", || weight(&lab).as_deref() == Some(new)).await;
        eprintln!("weight {new} in {took:?}");
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
    let set = lab.get("argoproj.io", "applicationsets", "argocd", "bootstrap-workloads").unwrap();
    let conditions = set["status"]["conditions"].as_array().unwrap();
    let shown: Vec<(&str, &str)> = conditions
        .iter()
        .map(|one| (one["type"].as_str().unwrap(), one["status"].as_str().unwrap()))
        .collect();
    assert_eq!(
        shown,
        [("ErrorOccurred", "False"), ("ParametersGenerated", "True"), ("ResourcesUpToDate", "True")]
    );
    assert_eq!(set["status"]["resources"][0]["name"], "bootstrap-workloads-eks-blueprint-blue");
}
