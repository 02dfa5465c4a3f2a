//! The objects of the bridge, whole, and what holds for those of any cluster.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crossfade_core::Weight;
use crossfade_stack::bridge::cluster_secret;
use crossfade_stack::bridge::{
    AddOn, AddOnsSource, AdminPassword, BridgeInput, ClusterFacts, EnabledAddOn, ExternalDnsPolicy,
    GitCredential, IngressType, RepositoryCredential, Team, Weights, WorkloadsSource, derived_names,
};
use crossfade_stack::manifests;
use crossfade_stack::text::{AppName, Domain, KeyPart, LabelValue, ObjectName, PlainValue};
use proptest::prelude::*;
use serde_json::Value;

const HASH: &str = "$2a$10$abcdefghijklmnopqrstuv0123456789ABCDEFGHIJKLMNOPQRSTU";

fn plain(text: &str) -> PlainValue {
    PlainValue::parse(text).unwrap()
}

/// The pattern's blue cluster with every add-on and two applications of their own weight.
fn mk_blue() -> BridgeInput {
    let environment = ObjectName::parse("eks-blueprint").unwrap();
    let service_name = LabelValue::parse("blue").unwrap();
    let zone = Domain::parse("eks.example.org").unwrap();
    let (name, domain) = derived_names(&environment, &service_name, &zone).unwrap();
    let mut weights = Weights::all(Weight::new(100));
    weights.apps.insert(AppName::parse("burnham").unwrap(), Weight::ZERO);
    weights.apps.insert(AppName::parse("2048").unwrap(), Weight::new(10));
    let mut enabled: Vec<_> = AddOn::of_the_pattern().into_iter().map(EnabledAddOn::plain).collect();
    for add_on in &mut enabled {
        if let Some(identity) = add_on.add_on.identity().filter(|_| add_on.add_on != AddOn::CertManager) {
            add_on.iam_role_arn =
                Some(plain(&format!("arn:aws:iam::111122223333:role/{}-1", identity.prefix)));
        }
        if add_on.add_on == AddOn::Karpenter {
            let queue = KeyPart::parse("sqs_queue_name").unwrap();
            add_on.set_property(queue, plain("karpenter-eks-blueprint-blue")).unwrap();
        }
    }
    let credential = |name: &str, url: &str| RepositoryCredential {
        name: ObjectName::parse(name).unwrap(),
        url: plain(url),
        credential: GitCredential::Ssh { private_key: "the key\n".to_owned() },
    };
    BridgeInput {
        cluster: ClusterFacts {
            name,
            service_name,
            environment,
            kubernetes_version: LabelValue::parse("1.34").unwrap(),
            region: plain("eu-west-1"),
            account_id: plain("111122223333"),
            vpc_id: Some(plain("vpc-0123456789abcdef0")),
            endpoint: Some(plain("https://ABCDEF.gr7.eu-west-1.eks.amazonaws.com")),
            domain,
        },
        weights,
        workloads: WorkloadsSource {
            url: plain("git@github.com:example/workloads"),
            path: plain("envs/dev"),
            revision: plain("main"),
        },
        add_ons: AddOnsSource {
            url: plain("git@github.com:example/add-ons"),
            base_path: plain("argocd/"),
            path: plain("argocd/bootstrap/control-plane/addons"),
            revision: plain("HEAD"),
        },
        enabled,
        disabled: Vec::new(),
        more_annotations: BTreeMap::new(),
        ingress_type: IngressType::Alb,
        external_dns_policy: ExternalDnsPolicy::Sync,
        git_key_secret_name: Some(plain("github-blueprint-ssh-key")),
        credentials: vec![
            credential("git-addons", "git@github.com:example/add-ons"),
            credential("git-workloads", "git@github.com:example/workloads"),
        ],
        admin_password: Some(AdminPassword::parse(HASH, "2026-01-02T03:04:05Z").unwrap()),
        teams: Team::of_the_pattern().unwrap(),
        more_application_sets: Vec::new(),
    }
}

#[test]
fn every_object_in_order() {
    let identity = |object: &Value| {
        let part = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let meta = &object["metadata"];
        format!("{} {}/{}", part(&object["kind"]), part(&meta["namespace"]), part(&meta["name"]))
    };
    let identities: Vec<String> = manifests(&mk_blue()).iter().map(identity).collect();
    insta::assert_snapshot!(identities.join("\n"));
}

fn snapshot_of(chosen: impl Fn(&Value) -> bool) -> String {
    let objects = manifests(&mk_blue());
    let texts =
        objects.iter().filter(|object| chosen(object)).map(|o| serde_json::to_string_pretty(o).unwrap());
    texts.collect::<Vec<_>>().join("\n---\n")
}

#[test]
fn cluster_secret_and_application_sets() {
    insta::assert_snapshot!(snapshot_of(|object| {
        object["kind"] == "ApplicationSet" || object["metadata"]["name"] == "eks-blueprint-blue"
    }));
}

#[test]
fn one_team_of_each_kind() {
    insta::assert_snapshot!(snapshot_of(|object| {
        ["platform", "burnham"].iter().any(|team| object["metadata"]["annotations"]["team"] == *team)
    }));
}

#[test]
fn cluster_secret_has_every_key_of_the_pattern() {
    // PATTERN 3.2, without `argocd_password` and without what newer modules add.
    let expected = "addons_repo_basepath addons_repo_path addons_repo_revision addons_repo_url \
        argocd_route53_weight aws_account_id aws_cloudwatch_metrics_iam_role_arn aws_cloudwatch_metrics_namespace \
        aws_cloudwatch_metrics_service_account aws_cluster_name aws_for_fluentbit_iam_role_arn \
        aws_for_fluentbit_namespace aws_for_fluentbit_service_account \
        aws_load_balancer_controller_iam_role_arn aws_load_balancer_controller_namespace \
        aws_load_balancer_controller_service_account aws_region aws_secret_manager_git_private_ssh_key_name \
        aws_vpc_id cert_manager_namespace cert_manager_service_account cluster_endpoint cluster_name \
        ecsfrontend_route53_weight eks_cluster_domain env environment external_dns_iam_role_arn \
        external_dns_namespace external_dns_policy external_dns_service_account external_secrets_iam_role_arn \
        external_secrets_namespace external_secrets_service_account gitops_workloads_path \
        gitops_workloads_revision gitops_workloads_url ingress_type karpenter_iam_role_arn karpenter_namespace \
        karpenter_service_account karpenter_sqs_queue_name route53_weight";
    let mut input = mk_blue();
    input.weights = Weights::all(Weight::new(100));
    let annotations = cluster_secret::annotations(&input);
    let keys: Vec<&str> = annotations.keys().map(String::as_str).collect();
    assert_eq!(keys, expected.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn blue_and_green_differ_in_name_version_and_weights_only() {
    let blue = mk_blue();
    let mut green = mk_blue();
    green.cluster.name = ObjectName::parse("eks-blueprint-green").unwrap();
    green.cluster.service_name = LabelValue::parse("green").unwrap();
    green.cluster.kubernetes_version = LabelValue::parse("1.35").unwrap();
    green.weights = Weights { shared: Weight::ZERO, apps: blue.weights.apps.clone() };
    let (old, new) = (cluster_secret::annotations(&blue), cluster_secret::annotations(&green));
    let changed: BTreeSet<&str> = old
        .iter()
        .filter(|(key, value)| new.get(*key) != Some(*value))
        .map(|(key, _)| key.as_str())
        .collect();
    assert_eq!(changed, BTreeSet::from(["aws_cluster_name", "cluster_name", "env", "route53_weight"]));
    let differing: Vec<Value> = manifests(&blue)
        .into_iter()
        .zip(manifests(&green))
        .filter(|(old, new)| old != new)
        .map(|(old, _)| old["metadata"]["name"].clone())
        .collect();
    assert_eq!(differing, ["eks-blueprint-blue"]);
}

/// A key is a name of at most 63 characters, after a DNS name and a slash if there is one (Kubernetes, "Labels and
/// Selectors"). Written here again, apart from the code under test.
fn is_metadata_key(key: &str) -> bool {
    let (prefix, name) = key.rsplit_once('/').unwrap_or(("a", key));
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !prefix.is_empty()
        && prefix.split('.').all(|part| !part.is_empty() && !part.starts_with('-'))
        && (1..=63).contains(&name.len())
        && name.chars().all(is_inner)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric())
}

fn strings(object: &Value, part: &str) -> BTreeMap<String, String> {
    let entries = object["metadata"][part].as_object().into_iter().flatten();
    entries.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect()
}

proptest! {
    #[test]
    fn any_cluster_has_valid_metadata_and_no_secret_in_it(
        environment in "[a-z][a-z0-9-]{0,30}[a-z0-9]",
        service in "[a-z][a-z0-9]{0,20}",
        apps in proptest::collection::btree_map("[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?", any::<u8>(), 0..6),
        properties in proptest::collection::btree_map("[a-z]([a-z0-9_]{0,30}[a-z0-9])?", "[!-~]{1,40}", 0..4),
        own in proptest::option::of("[a-z]([a-z0-9_]{0,38}[a-z0-9])?"),
    ) {
        let mut input = mk_blue();
        input.cluster.environment = ObjectName::parse(&environment).unwrap();
        input.cluster.service_name = LabelValue::parse(&service).unwrap();
        let zone = Domain::parse("example.org").unwrap();
        let derived = derived_names(&input.cluster.environment, &input.cluster.service_name, &zone).unwrap();
        (input.cluster.name, input.cluster.domain) = derived;
        for (app, weight) in &apps {
            input.weights.apps.insert(AppName::parse(app).unwrap(), Weight::new(*weight));
        }
        if let Some(name) = &own {
            let name_length = name.len();
            let mut add_on = EnabledAddOn::plain(AddOn::of_label(KeyPart::parse(name).unwrap()));
            for (key, value) in &properties {
                if let Ok(value) = PlainValue::parse(value) {
                    let fits = name_length + 1 + key.len() <= 63;
                    let is_set = add_on.set_property(KeyPart::parse(key).unwrap(), value);
                    prop_assert_eq!(is_set.is_ok(), fits, "{}", key);
                }
            }
            input.enabled.push(add_on);
        }

        let objects = manifests(&input);
        let mut namespaces = BTreeSet::from(["argocd".to_owned()]);
        let mut identities = BTreeSet::new();
        for object in &objects {
            let (kind, meta) = (object["kind"].as_str().unwrap(), &object["metadata"]);
            let name = meta["name"].as_str().unwrap();
            if kind == "Namespace" {
                namespaces.insert(name.to_owned());
            }
            if let Some(namespace) = meta["namespace"].as_str() {
                prop_assert!(namespaces.contains(namespace), "{kind} {name} comes before its namespace");
            }
            prop_assert!(identities.insert(format!("{kind}/{}/{name}", meta["namespace"])), "{kind} {name} twice");
            for (key, value) in strings(object, "labels") {
                prop_assert!(is_metadata_key(&key), "label {key}");
                prop_assert!(LabelValue::parse(&value).is_ok(), "label {key}: {value}");
            }
            for (key, value) in strings(object, "annotations") {
                prop_assert!(is_metadata_key(&key), "annotation {key}");
                prop_assert!(!value.contains("$2a$") && !value.contains("the key"), "annotation {key}");
            }
        }

        let annotations = cluster_secret::annotations(&input);
        prop_assert_eq!(annotations["cluster_name"].as_str(), input.cluster.name.as_str());
        for (app, weight) in &apps {
            prop_assert_eq!(&annotations[&format!("{app}_route53_weight")], &weight.to_string());
        }
    }
}

#[test]
fn credentials_are_what_argo_cd_reads() {
    let objects = manifests(&mk_blue());
    let secret = |name: &str| objects.iter().find(|object| object["metadata"]["name"] == name).unwrap();
    let read = |secret: &Value, key: &str| {
        String::from_utf8(STANDARD.decode(secret["data"][key].as_str().unwrap()).unwrap()).unwrap()
    };
    let addons = secret("git-addons");
    assert_eq!(addons["metadata"]["labels"]["argocd.argoproj.io/secret-type"], "repo-creds");
    assert_eq!(read(addons, "sshPrivateKey"), "the key\n");
    assert_eq!(read(addons, "url"), "git@github.com:example/add-ons");
    assert_eq!(read(secret("argocd-secret"), "admin.password"), HASH);
    assert_eq!(read(secret("eks-blueprint-blue"), "config"), "{\"tlsClientConfig\":{\"insecure\":false}}");

    let basic = RepositoryCredential {
        name: ObjectName::parse("git-workloads").unwrap(),
        url: plain("https://git.example.org/team"),
        credential: GitCredential::Basic { username: "reader".to_owned(), password: "token".to_owned() },
    };
    let basic = basic.secret();
    assert_eq!((read(&basic, "username"), read(&basic, "password")), ("reader".into(), "token".into()));
    assert!(basic["data"].get("sshPrivateKey").is_none());
}
