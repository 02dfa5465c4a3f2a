//! Generators and templates, as data.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::generate::Inputs;
use super::render::{Engine, Params};
use super::{applications, clusters, params};
use crate::git::{Fresh, Git, GitOptions};

fn mk_secret(name: &str, labels: &Value, annotations: &Value) -> Arc<Value> {
    let server = STANDARD.encode("https://kubernetes.default.svc");
    Arc::new(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": name, "namespace": "argocd", "labels": labels, "annotations": annotations},
        "data": {"name": STANDARD.encode(name), "server": server},
    }))
}

fn mk_set(is_go: bool, options: &[&str]) -> Value {
    json!({"metadata": {"name": "set", "namespace": "argocd"},
        "spec": {"goTemplate": is_go, "goTemplateOptions": options}})
}

fn mk_git() -> Git {
    let cache_dir = std::env::temp_dir().join(format!("crossfade-gitops-unit-{}", std::process::id()));
    Git::start(GitOptions { cache_dir, repositories: Vec::new() }).unwrap()
}

async fn generated(set: &Value, generator: Value, secrets: Vec<Arc<Value>>) -> Result<Vec<Params>, String> {
    let git = mk_git();
    let inputs = Inputs { engine: Engine::of(set)?, secrets, git: &git, fresh: Fresh::No };
    let made = inputs.transform(&generator, &Value::Null, None, 0).await?;
    Ok(made.into_iter().flat_map(|one| one.params).collect())
}

#[test]
fn plain_templates_keep_what_they_do_not_know() {
    let engine = Engine::of(&mk_set(false, &[])).unwrap();
    let known = Params::from_iter([("a.b".to_owned(), json!("x"))]);
    for (template, expected) in [
        ("{{a.b}}-{{ a.b }}", Ok("x-x".to_owned())),
        ("{{nope}} {{ }}", Ok("{{nope}} {{ }}".to_owned())),
        ("plain", Ok("plain".to_owned())),
    ] {
        assert_eq!(engine.render(template, &known), expected, "{template}");
    }
    assert!(engine.render("{{a.b", &known).is_err());
}

#[test]
fn a_missing_key_is_an_error_where_the_option_says_so() {
    let known = Params::from_iter([("a".to_owned(), json!({"b": "x"}))]);
    let lax = Engine::of(&mk_set(true, &[])).unwrap();
    assert_eq!(lax.render("{{ .a.b }}-{{ default \"0\" .c }}", &known), Ok("x-0".to_owned()));
    let strict = Engine::of(&mk_set(true, &["missingkey=error"])).unwrap();
    let error = strict.render("{{ .c }}", &known).unwrap_err();
    assert!(error.starts_with("failed to execute go template {{ .c }}: "), "{error}");
    assert!(error.contains("map has no entry for key \"c\""), "{error}");
    assert!(Engine::of(&mk_set(true, &["missingkey=maybe"])).is_err());
}

#[test]
fn keys_are_templates_too() {
    let engine = Engine::of(&mk_set(true, &[])).unwrap();
    let known = Params::from_iter([("k".to_owned(), json!("key"))]);
    let rendered = engine.render_all(&json!({"{{ .k }}": [1, "{{ .k }}", true]}), &known);
    assert_eq!(rendered, Ok(json!({"key": [1, "key", true]})));
}

#[test]
fn names_are_made_fit() {
    for (name, fit) in [("eks_blueprint.Blue", "eks-blueprint.blue"), ("--a/b--", "a-b"), ("a", "a")] {
        assert_eq!(params::sanitized_name(name), fit);
    }
}

#[test]
fn own_state_of_a_secret_is_no_parameter() {
    let annotations = json!({"route53_weight": "100", "argocd.argoproj.io/refresh": "x"});
    let secret = mk_secret("blue", &json!({"environment": "dev"}), &annotations);
    let engine = Engine::of(&mk_set(true, &[])).unwrap();
    let made = clusters::generate(
        &json!({"values": {"w": "{{ .metadata.annotations.route53_weight }}"}}),
        &[secret],
        &engine,
    );
    let expected = json!({
        "name": "blue", "nameNormalized": "blue", "server": "https://kubernetes.default.svc", "project": "",
        "metadata": {"annotations": {"route53_weight": "100"}, "labels": {"environment": "dev"}},
        "values": {"w": "100"},
    });
    assert_eq!(made.map(|mut all| all.remove(0)), Ok(expected.as_object().unwrap().clone()));
}

#[test]
fn the_cluster_itself_is_there_without_a_selector_and_without_a_secret_for_it() {
    let engine = Engine::of(&mk_set(false, &[])).unwrap();
    let names = |generator: Value, secrets: &[Arc<Value>]| -> Vec<String> {
        let made = clusters::generate(&generator, secrets, &engine).unwrap();
        made.iter().map(|params| params["name"].as_str().unwrap().to_owned()).collect()
    };
    let secret = mk_secret("blue", &json!({"a": "b"}), &json!({}));
    let not_in = json!({"selector": {"matchExpressions": [
        {"key": "akuity.io/argo-cd-cluster-name", "operator": "NotIn", "values": ["in-cluster"]}]}});
    assert_eq!(names(json!({}), &[]), ["in-cluster"]);
    assert_eq!(names(json!({}), &[Arc::clone(&secret)]), ["blue"]);
    assert_eq!(names(not_in.clone(), &[]), Vec::<String>::new());
    assert_eq!(names(not_in, &[secret]), ["blue"]);
}

#[tokio::test]
async fn a_matrix_multiplies_and_hands_on_parameters() {
    let generator = json!({"matrix": {"generators": [
        {"list": {"elements": [{"a": "1"}, {"a": "2"}]}},
        {"list": {"elements": [{"b": "x{{ .a }}"}, {"b": "y"}]}},
    ]}});
    let made = generated(&mk_set(true, &[]), generator, Vec::new()).await.unwrap();
    let shown: Vec<String> = made.iter().map(|one| format!("{}{}", one["a"], one["b"])).collect();
    assert_eq!(shown, [r#""1""x1""#, r#""1""y""#, r#""2""x2""#, r#""2""y""#]);
}

#[tokio::test]
async fn a_merge_overrides_by_key() {
    let generator = |keys: Value| {
        json!({"merge": {"mergeKeys": keys, "generators": [
            {"clusters": {"selector": {"matchLabels": {"env": "dev"}}, "values": {"version": "1"}}},
            {"list": {"elements": [{"name": "blue", "values": {"version": "2"}}, {"name": "other"}]}},
        ]}})
    };
    let secrets =
        || ["blue", "green"].map(|name| mk_secret(name, &json!({"env": "dev"}), &json!({}))).to_vec();
    let made = generated(&mk_set(false, &[]), generator(json!(["name"])), secrets()).await.unwrap();
    let versions: BTreeMap<&str, &str> = made
        .iter()
        .map(|one| (one["name"].as_str().unwrap(), one["values.version"].as_str().unwrap()))
        .collect();
    assert_eq!(versions, BTreeMap::from([("blue", "2"), ("green", "1")]));
    let doubled = generated(&mk_set(false, &[]), generator(json!(["server"])), secrets()).await.unwrap_err();
    assert!(
        doubled.contains("Duplicate key was {\"server\":\"https://kubernetes.default.svc\"}"),
        "{doubled}"
    );
}

#[tokio::test]
async fn selectors_behind_generators_look_at_flat_parameters() {
    let generator = json!({
        "list": {"elements": [{"a": {"b": "1"}}, {"a": {"b": "2"}}]},
        "selector": {"matchLabels": {"a.b": "2"}},
    });
    let made = generated(&mk_set(true, &[]), generator, Vec::new()).await.unwrap();
    assert_eq!(made.into_iter().map(Value::Object).collect::<Vec<_>>(), [json!({"a": {"b": "2"}})]);
}

#[tokio::test]
async fn what_the_agent_does_not_have_is_refused_by_name() {
    let made = generated(&mk_set(true, &[]), json!({"pullRequest": {}}), Vec::new()).await;
    assert_eq!(
        made,
        Err("the pullRequest generator is not one of those that the lab's agent has".to_owned())
    );
}

#[test]
fn finalizers_come_unless_resources_are_kept() {
    let template = json!({"metadata": {"name": "{{a}}"}, "spec": {"syncPolicy": {}, "source": {"helm": {}}}});
    let known = Params::from_iter([("a".to_owned(), json!("x"))]);
    let mut set = mk_set(false, &[]);
    let engine = Engine::of(&set).unwrap();
    let application = applications::rendered(&set, &engine, &template, &known).unwrap();
    assert_eq!(
        application["metadata"],
        json!({"name": "x", "namespace": "argocd",
        "finalizers": ["resources-finalizer.argocd.argoproj.io"]})
    );
    assert_eq!(application["spec"], json!({"project": "default", "source": {}}));
    set["spec"]["syncPolicy"] = json!({"preserveResourcesOnDeletion": true});
    let application = applications::rendered(&set, &engine, &template, &known).unwrap();
    assert_eq!(application["metadata"]["finalizers"], Value::Null);
}

#[test]
fn a_template_patch_is_laid_over() {
    let mut set = mk_set(true, &[]);
    set["spec"]["templatePatch"] = "spec:\n  source:\n    path: {{ .a }}\n    chart: null\n".into();
    let engine = Engine::of(&set).unwrap();
    let template =
        json!({"metadata": {"name": "n"}, "spec": {"project": "p", "source": {"path": "y", "chart": "c"}}});
    let known = Params::from_iter([("a".to_owned(), json!("x"))]);
    let application = applications::rendered(&set, &engine, &template, &known).unwrap();
    assert_eq!(application["spec"], json!({"project": "p", "source": {"path": "x"}}));
}

#[test]
fn an_update_keeps_what_others_own() {
    let set = json!({"metadata": {"name": "set", "namespace": "argocd", "uid": "u"},
        "spec": {"preservedFields": {"labels": ["mine"]},
            "ignoreApplicationDifferences": [{"jsonPointers": ["/spec/source/targetRevision"]}]}});
    let found = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "n", "namespace": "argocd", "labels": {"mine": "1", "old": "2"},
            "annotations": {"argocd.argoproj.io/refresh": "hard", "old": "x"}},
        "spec": {"source": {"targetRevision": "pinned", "path": "a"}}, "status": {"x": 1}, "operation": {}});
    let application = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "n", "namespace": "argocd"}, "spec": {"source": {"targetRevision": "main", "path": "b"}}});
    let whole = applications::laid_over(&set, &application, Some(&found));
    assert_eq!(whole["metadata"]["labels"], json!({"mine": "1"}));
    assert_eq!(whole["metadata"]["annotations"], json!({"argocd.argoproj.io/refresh": "hard"}));
    assert_eq!(whole["spec"], json!({"source": {"targetRevision": "pinned", "path": "b"}}));
    assert_eq!((&whole["status"], &whole["operation"]), (&json!({"x": 1}), &json!({})));
    let again = applications::laid_over(&set, &application, Some(&whole));
    assert_eq!(applications::difference(&whole, &again), None);
}
