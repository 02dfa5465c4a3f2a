//! What Applications and their objects ask for beside being applied: options, hooks, rules, marks, versions.

use serde_json::{Value, json};

use crate::lab::{Lab, mk_application, mk_config_map};

fn value_of(lab: &Lab, name: &str) -> Option<String> {
    let map = lab.get("", "configmaps", "demo", name)?;
    Some(map["data"]["value"].as_str()?.to_owned())
}

fn state(lab: &Lab, name: &str) -> Value {
    lab.application(name).map(|one| one["status"]["operationState"].clone()).unwrap_or_default()
}

fn result(lab: &Lab, name: &str, object: &str) -> Value {
    let state = state(lab, name);
    let results = state["syncResult"]["resources"].as_array().cloned().unwrap_or_default();
    results.into_iter().find(|one| one["name"] == object).unwrap_or_default()
}

/// A ConfigMap with an annotation.
fn mk_noted(name: &str, value: &str, annotation: &str) -> String {
    mk_config_map(name, value)
        .replace("metadata:\n", &format!("metadata:\n  annotations: {{{annotation}}}\n"))
}

fn mk_once(name: &str, repository: &str) -> Value {
    let mut application = mk_application(name, repository, name, &json!({"prune": true}));
    application["spec"]["syncPolicy"]["retry"] = json!({"limit": 0});
    application
}

const REFUSED: &str =
    "apiVersion: v1\nkind: Service\nmetadata: {name: refused}\nspec: {ports: [{port: 100000}]}\n";
const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
    metadata: {name: things.example.org}\nspec:\n  group: example.org\n  scope: Namespaced\n  \
    names: {kind: Thing, plural: things, singular: thing, listKind: ThingList}\n  versions:\n  - name: v1\n    \
    served: true\n    storage: true\n    \
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}\n";

#[tokio::test(flavor = "multi_thread")]
async fn what_the_look_before_finds_keeps_everything_back() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("once/a.yaml", &mk_config_map("a", "1"));
    repository.write("once/b.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: prefix-}\n");
    repository.commit();
    lab.create("argoproj.io", "applications", mk_once("once", &repository.url()));
    lab.until("it has failed", || state(&lab, "once")["phase"] == "Failed").await;
    assert_eq!(state(&lab, "once")["message"], "one or more objects failed to apply (dry run)");
    assert_eq!(result(&lab, "once", "")["message"], "from prefix-: cannot use generate name with apply");
    assert_eq!(value_of(&lab, "a"), None);
    // The namespace comes before.
    assert!(lab.get("", "namespaces", "", "demo").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_is_said_to_come_later_keeps_nothing_back() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("once/a.yaml", &mk_config_map("a", "1"));
    repository.write(
        "once/b.yaml",
        "apiVersion: example.org/v1\nkind: Thing\nmetadata:\n  name: one\n  \
         annotations: {argocd.argoproj.io/sync-options: SkipDryRunOnMissingResource=true}\n",
    );
    repository.write("all/definition.yaml", DEFINITION);
    repository.write("all/object.yaml", "apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: two}\n");
    repository.commit();
    lab.create("argoproj.io", "applications", mk_once("once", &repository.url()));
    lab.until("it has failed", || state(&lab, "once")["phase"] == "Failed").await;
    assert_eq!(value_of(&lab, "a").as_deref(), Some("1"));
    let message = result(&lab, "once", "one")["message"].clone();
    assert!(message.as_str().unwrap().contains("no matches for kind \"Thing\""), "{message}");
    // One whose definition is beside it needs no such word, and the definition is nobody's to prune.
    lab.create("argoproj.io", "applications", mk_once("all", &repository.url()));
    lab.until_synced("all").await;
    assert!(lab.get("example.org", "things", "demo", "two").is_some());
    let definition =
        lab.get("apiextensions.k8s.io", "customresourcedefinitions", "", "things.example.org").unwrap();
    assert_eq!(definition["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wave_that_fails_is_the_last_and_its_hook_is_told() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("once/1.yaml", &mk_config_map("beside", "1"));
    repository.write("once/2.yaml", REFUSED);
    repository.write("once/3.yaml", &mk_noted("later", "1", "argocd.argoproj.io/sync-wave: \"1\""));
    repository.write("once/4.yaml", &mk_noted("told", "1", "argocd.argoproj.io/hook: SyncFail"));
    repository.write("once/5.yaml", &mk_noted("after", "1", "argocd.argoproj.io/hook: PostSync"));
    repository.commit();
    lab.create("argoproj.io", "applications", mk_once("once", &repository.url()));
    lab.until("it has failed", || state(&lab, "once")["phase"] == "Failed").await;
    assert_eq!(value_of(&lab, "beside").as_deref(), Some("1"));
    assert_eq!(value_of(&lab, "told").as_deref(), Some("1"));
    assert_eq!((value_of(&lab, "later"), value_of(&lab, "after")), (None, None));
    assert_eq!(result(&lab, "once", "told")["hookPhase"], "Succeeded");
    assert_eq!(lab.get("", "configmaps", "demo", "told").unwrap()["metadata"]["finalizers"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_runs_is_held_and_goes_when_the_operation_is_ended() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    let hook = "apiVersion: v1\nkind: Service\nmetadata:\n  name: waiting\n  \
        annotations: {argocd.argoproj.io/hook: PreSync}\nspec: {type: LoadBalancer, ports: [{port: 80}]}\n";
    repository.write("once/1.yaml", hook);
    repository.write("once/2.yaml", &mk_config_map("a", "1"));
    repository.commit();
    lab.create("argoproj.io", "applications", mk_once("once", &repository.url()));
    let waiting = || state(&lab, "once")["message"] == "waiting for completion of hook /Service/waiting";
    lab.until("the hook is waited for", waiting).await;
    let hook = || lab.get("", "services", "demo", "waiting");
    assert_eq!(
        hook().unwrap()["metadata"]["finalizers"],
        json!(["argocd.argoproj.io/hook-finalizer"]),
        "{hook:#?}",
        hook = hook()
    );
    assert!(lab.application("once").unwrap()["operation"].is_object());
    lab.patch("argoproj.io", "applications", "once", |application| {
        application["status"]["operationState"]["phase"] = "Terminating".into();
    });
    lab.until("it has ended", || state(&lab, "once")["message"] == "Operation terminated").await;
    lab.until("the hook is gone", || hook().is_none()).await;
    assert_eq!(value_of(&lab, "a"), None);
    assert_eq!(lab.application("once").unwrap()["operation"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_replaced_kept_and_pruned_as_they_say() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    let option = |name: &str, value: &str, option: &str| {
        mk_noted(name, value, &format!("argocd.argoproj.io/sync-options: {option}"))
    };
    repository.write("once/1.yaml", &option("replaced", "1", "Replace=true"));
    repository.write("once/2.yaml", &option("kept", "1", "Prune=false"));
    repository.write("once/3.yaml", &mk_config_map("removed", "1"));
    repository.commit();
    lab.create("argoproj.io", "applications", mk_once("once", &repository.url()));
    lab.until_synced("once").await;
    lab.patch("", "configmaps", "replaced", |map| map["data"]["foreign"] = "goes".into());
    repository.write("once/1.yaml", &option("replaced", "2", "Replace=true"));
    repository.remove("once/2.yaml");
    repository.remove("once/3.yaml");
    repository.commit();
    lab.until("it is replaced", || value_of(&lab, "replaced").as_deref() == Some("2")).await;
    lab.until("it is pruned", || value_of(&lab, "removed").is_none()).await;
    let replaced = lab.get("", "configmaps", "demo", "replaced").unwrap();
    assert_eq!(replaced["data"], json!({"value": "2"}));
    lab.until("it says so", || result(&lab, "once", "kept")["message"] == "ignored (no prune)").await;
    assert_eq!(result(&lab, "once", "replaced")["message"], "configmap/replaced replaced");
    assert_eq!(value_of(&lab, "kept").as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_expression_names_or_a_manager_wrote_is_left_alone() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("once/1.yaml", &mk_config_map("expression", "1"));
    repository.write("once/2.yaml", &mk_config_map("plain", "1"));
    repository.commit();
    let mut application = mk_once("once", &repository.url());
    application["spec"]["syncPolicy"]["automated"]["selfHeal"] = true.into();
    application["spec"]["ignoreDifferences"] =
        json!([{"kind": "ConfigMap", "name": "expression", "jqPathExpressions": [".data.value"]}]);
    lab.create("argoproj.io", "applications", application);
    lab.until_synced("once").await;
    for name in ["expression", "plain"] {
        lab.patch("", "configmaps", name, |map| map["data"]["value"] = "theirs".into());
    }
    lab.until("the plain one is healed", || value_of(&lab, "plain").as_deref() == Some("1")).await;
    assert_eq!(value_of(&lab, "expression").as_deref(), Some("theirs"));
    lab.patch("argoproj.io", "applications", "once", |application| {
        application["spec"]["ignoreDifferences"] = json!([{"kind": "*", "jqPathExpressions": [".a["]}]);
    });
    let message = lab.until_condition("applications", "once", "ComparisonError").await;
    assert!(message.contains("`.a[` is not a jq path expression"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_marked_as_the_settings_say() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("once/1.yaml", &mk_config_map("a", "1"));
    repository.write("once/2.yaml", &mk_config_map("b", "1"));
    repository.commit();
    let settings = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm", "namespace": "argocd"},
        "data": {"application.resourceTrackingMethod": "label", "application.instanceLabelKey": "example.org/application"}});
    lab.create("", "configmaps", settings);
    lab.create("argoproj.io", "applications", mk_once("once", &repository.url()));
    lab.until_synced("once").await;
    let metadata = || lab.get("", "configmaps", "demo", "a").unwrap()["metadata"].clone();
    assert_eq!(metadata()["labels"], json!({"example.org/application": "once"}));
    assert_eq!(metadata()["annotations"]["argocd.argoproj.io/tracking-id"], Value::Null);
    repository.remove("once/2.yaml");
    repository.commit();
    lab.until("what is labelled is pruned", || value_of(&lab, "b").is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_of_versions_is_the_highest_tag_in_it() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    for version in ["1.0.0", "1.2.0", "2.0.0"] {
        repository.write("once/1.yaml", &mk_config_map("a", version));
        repository.commit();
        repository.tag(version);
    }
    let mut application = mk_once("once", &repository.url());
    application["spec"]["source"]["targetRevision"] = "1.*".into();
    lab.create("argoproj.io", "applications", application);
    lab.until_synced("once").await;
    assert_eq!(value_of(&lab, "a").as_deref(), Some("1.2.0"));
    repository.write("once/1.yaml", &mk_config_map("a", "1.3.0"));
    repository.commit();
    repository.tag("1.3.0");
    lab.until("the next one is taken", || value_of(&lab, "a").as_deref() == Some("1.3.0")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_is_labelled_as_its_application_says() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("once/1.yaml", &mk_config_map("a", "1"));
    repository.commit();
    let foreign = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo", "labels": {"theirs": "x"}}});
    lab.create("", "namespaces", foreign);
    let mut application = mk_once("once", &repository.url());
    application["spec"]["syncPolicy"]["managedNamespaceMetadata"] = json!({"labels": {"team": "burnham"}});
    lab.create("argoproj.io", "applications", application);
    lab.until_synced("once").await;
    let labels = lab.get("", "namespaces", "", "demo").unwrap()["metadata"]["labels"].clone();
    assert_eq!((&labels["team"], &labels["theirs"]), (&json!("burnham"), &json!("x")));
    assert_eq!(result(&lab, "once", "demo")["message"], "namespace/demo serverside-applied");
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_of_value_files_are_merged_by_name() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("once/Chart.yaml", "apiVersion: v2\nname: once\nversion: 1.0.0\n");
    repository.write("once/templates/a.yaml", &mk_config_map("a", "{{ .Values.first }}{{ .Values.last }}"));
    repository.write("once/values/1.yaml", "first: \"1\"\nlast: \"1\"\n");
    repository.write("once/values/2.yaml", "last: \"2\"\n");
    repository.write("common.yaml", "last: \"3\"\n");
    repository.commit();
    let mut application = mk_once("once", &repository.url());
    application["spec"]["source"]["helm"] = json!({"valueFiles": ["values/1.yaml", "values/*.yaml"]});
    lab.create("argoproj.io", "applications", application);
    lab.until_synced("once").await;
    assert_eq!(value_of(&lab, "a").as_deref(), Some("12"));
    lab.patch("argoproj.io", "applications", "once", |application| {
        application["spec"]["source"]["helm"]["valueFiles"] = json!(["values/*.yaml", "/c*.yaml"]);
    });
    lab.until("the last one wins", || value_of(&lab, "a").as_deref() == Some("13")).await;
    lab.patch("argoproj.io", "applications", "once", |application| {
        application["spec"]["source"]["helm"]["valueFiles"] = json!(["nothing/*.yaml"]);
    });
    let message = lab.until_condition("applications", "once", "ComparisonError").await;
    assert!(message.contains("values file glob \"nothing/*.yaml\" matched no files"), "{message}");
}
