//! The workloads and add-ons repositories, inside the program so that it needs no checkout. They are written in `examples/`.

/// A path in its repository and what is there.
pub type File = (&'static str, &'static str);

macro_rules! files {
    ($repository:literal: $($path:literal),* $(,)?) => {
        &[$((
            $path,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/", $repository, "/", $path)),
        )),*]
    };
}

/// Charts of the teams and the chart that makes their Applications.
pub const WORKLOADS: &[File] = files![
    "workloads":
    "envs/dev/Chart.yaml",
    "envs/dev/templates/applications.yaml",
    "envs/dev/values.yaml",
    "multi-repo/argo-app-of-apps/dev/Chart.yaml",
    "multi-repo/argo-app-of-apps/dev/templates/applications.yaml",
    "multi-repo/argo-app-of-apps/dev/templates/projects.yaml",
    "multi-repo/argo-app-of-apps/dev/values.yaml",
    "multi-repo/ecsdemo-crystal/Chart.yaml",
    "multi-repo/ecsdemo-crystal/templates/deployment.yaml",
    "multi-repo/ecsdemo-crystal/templates/service.yaml",
    "multi-repo/ecsdemo-crystal/values.yaml",
    "multi-repo/ecsdemo-frontend/Chart.yaml",
    "multi-repo/ecsdemo-frontend/templates/_ingress.tpl",
    "multi-repo/ecsdemo-frontend/templates/deployment.yaml",
    "multi-repo/ecsdemo-frontend/templates/ingress.yaml",
    "multi-repo/ecsdemo-frontend/templates/service.yaml",
    "multi-repo/ecsdemo-frontend/values.yaml",
    "multi-repo/ecsdemo-nodejs/Chart.yaml",
    "multi-repo/ecsdemo-nodejs/templates/deployment.yaml",
    "multi-repo/ecsdemo-nodejs/templates/service.yaml",
    "multi-repo/ecsdemo-nodejs/values.yaml",
    "teams/team-burnham/dev/Chart.yaml",
    "teams/team-burnham/dev/templates/_ingress.tpl",
    "teams/team-burnham/dev/templates/deployment.yaml",
    "teams/team-burnham/dev/templates/ingress.yaml",
    "teams/team-burnham/dev/templates/nginx.yaml",
    "teams/team-burnham/dev/templates/service.yaml",
    "teams/team-burnham/dev/values.yaml",
    "teams/team-carmen/dev/Chart.yaml",
    "teams/team-carmen/dev/templates/deployment.yaml",
    "teams/team-carmen/dev/templates/namespace.yaml",
    "teams/team-carmen/dev/templates/service.yaml",
    "teams/team-carmen/dev/values.yaml",
    "teams/team-geordie/dev/.helmignore",
    "teams/team-geordie/dev/Chart.yaml",
    "teams/team-geordie/dev/ho11y/Chart.yaml",
    "teams/team-geordie/dev/ho11y/templates/_ingress.tpl",
    "teams/team-geordie/dev/ho11y/templates/downstreams.yaml",
    "teams/team-geordie/dev/ho11y/templates/frontend.yaml",
    "teams/team-geordie/dev/ho11y/templates/ingress.yaml",
    "teams/team-geordie/dev/ho11y/values.yaml",
    "teams/team-geordie/dev/templates/applications.yaml",
    "teams/team-geordie/dev/values.yaml",
    "teams/team-geordie/dev/yelb/Chart.yaml",
    "teams/team-geordie/dev/yelb/templates/_ingress.tpl",
    "teams/team-geordie/dev/yelb/templates/ingress.yaml",
    "teams/team-geordie/dev/yelb/templates/parts.yaml",
    "teams/team-geordie/dev/yelb/values.yaml",
    "teams/team-platform/dev/Chart.yaml",
    "teams/team-platform/dev/templates/nodes.yaml",
    "teams/team-platform/dev/templates/storage.yaml",
    "teams/team-platform/dev/values.yaml",
    "teams/team-riker/dev/Chart.yaml",
    "teams/team-riker/dev/templates/2048.yaml",
    "teams/team-riker/dev/templates/_ingress.tpl",
    "teams/team-riker/dev/templates/guestbook-ui.yaml",
    "teams/team-riker/dev/values.yaml",
];

/// An ApplicationSet per add-on, their values, and the charts that are kept there.
pub const ADD_ONS: &[File] = files![
    "addons":
    "README.md",
    "argocd/bootstrap/control-plane/addons/aws/addons-aws-cloudwatch-metrics-appset.yaml",
    "argocd/bootstrap/control-plane/addons/aws/addons-aws-for-fluent-bit-appset.yaml",
    "argocd/bootstrap/control-plane/addons/aws/addons-aws-load-balancer-controller-appset.yaml",
    "argocd/bootstrap/control-plane/addons/aws/addons-karpenter-appset.yaml",
    "argocd/bootstrap/control-plane/addons/aws/addons-storage-classes-appset.yaml",
    "argocd/bootstrap/control-plane/addons/aws/repository-aws-public-ecr.yaml",
    "argocd/bootstrap/control-plane/addons/oss/addons-cert-manager-appset.yaml",
    "argocd/bootstrap/control-plane/addons/oss/addons-external-dns-appset.yaml",
    "argocd/bootstrap/control-plane/addons/oss/addons-external-dns-config-appset.yaml",
    "argocd/bootstrap/control-plane/addons/oss/addons-external-secrets-appset.yaml",
    "argocd/bootstrap/control-plane/addons/oss/addons-ingress-nginx-appset.yaml",
    "argocd/bootstrap/control-plane/addons/oss/addons-kyverno-appset.yaml",
    "argocd/bootstrap/control-plane/addons/oss/addons-metrics-server-appset.yaml",
    "argocd/bootstrap/control-plane/addons/oss/addons-priority-classes-appset.yaml",
    "argocd/charts/addons/external-dns-config/Chart.yaml",
    "argocd/charts/addons/external-dns-config/templates/config.yaml",
    "argocd/charts/addons/external-dns-config/values.yaml",
    "argocd/charts/addons/external-dns/values.yaml",
    "argocd/charts/addons/ingress-nginx/values.yaml",
    "argocd/charts/addons/kyverno/values.yaml",
    "argocd/charts/addons/priority-classes/Chart.yaml",
    "argocd/charts/addons/priority-classes/templates/classes.yaml",
    "argocd/charts/addons/priority-classes/values.yaml",
    "argocd/charts/addons/storage-classes/Chart.yaml",
    "argocd/charts/addons/storage-classes/templates/classes.yaml",
    "argocd/charts/addons/storage-classes/values.yaml",
    "argocd/clusters/eks-blueprint-green/addons/storage-classes/values.yaml",
    "argocd/environments/eks-blueprint/addons/priority-classes/values.yaml",
    "argocd/environments/prod/addons/ingress-nginx/values.yaml",
];

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use serde_json::Value;

    use super::*;

    fn examples() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
    }

    fn walk(dir: &Path, base: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, base, found);
            } else {
                found.insert(path.strip_prefix(base).unwrap().to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn every_file_of_the_examples_is_there() {
        for (base, parts, files) in
            [("workloads", &["envs", "teams", "multi-repo"][..], WORKLOADS), ("addons", &["."], ADD_ONS)]
        {
            let base = examples().join(base);
            let mut expected = BTreeSet::new();
            for part in parts {
                walk(&base.join(part).canonicalize().unwrap(), &base.canonicalize().unwrap(), &mut expected);
            }
            let embedded: BTreeSet<String> = files.iter().map(|(path, _)| (*path).to_owned()).collect();
            assert_eq!(embedded, expected);
        }
    }

    #[test]
    fn charts_share_one_ingress() {
        let copies: Vec<&File> =
            WORKLOADS.iter().filter(|(path, _)| path.ends_with("/_ingress.tpl")).collect();
        assert_eq!(copies.len(), 5);
        for (path, text) in &copies {
            assert_eq!(text, &copies[0].1, "{path} differs from {}", copies[0].0);
        }
    }

    #[test]
    fn values_and_application_sets_are_yaml() {
        let is_yaml = |path: &str| {
            Path::new(path).extension().is_some_and(|extension| extension == "yaml")
                && !path.contains("/templates/")
        };
        for (path, text) in WORKLOADS.iter().chain(ADD_ONS).filter(|(path, _)| is_yaml(path)) {
            let documents: Vec<Value> =
                serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{path}: {error}"));
            assert_eq!(documents.len(), 1, "{path}");
        }
    }

    #[test]
    fn every_add_on_of_the_pattern_has_an_application_set() {
        use crossfade_stack::bridge::{AddOn, EnabledAddOn};
        for add_on in AddOn::of_the_pattern() {
            let key = format!("key: {}\n", EnabledAddOn::plain(add_on).label());
            assert!(
                ADD_ONS.iter().any(|(path, text)| path.ends_with("-appset.yaml") && text.contains(&key)),
                "{key}"
            );
        }
    }
}
