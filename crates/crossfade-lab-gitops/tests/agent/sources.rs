//! What sources are made of: links, names that are replaced, documents that are no objects.

use serde_json::json;

use crate::lab::{Lab, mk_application, mk_config_map};

fn value_of(lab: &Lab, name: &str) -> Option<String> {
    Some(lab.get("", "configmaps", "demo", name)?["data"]["value"].as_str()?.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn links_in_the_repository_are_followed_as_in_a_checked_out_one() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    let template =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: chart}\ndata: {value: \"{{ .Values.a }}\"}\n";
    repository.write("charts/good/values-x.yaml", "a: linked\n");
    repository.write("charts/x/Chart.yaml", "apiVersion: v2\nname: x\nversion: 1.0.0\n");
    repository.link("charts/x/values.yaml", "../good/values-x.yaml");
    repository.write("common/map.yaml", template);
    repository.link("charts/x/templates/common", "../../../common");
    repository.write("maps/a.yaml", &mk_config_map("a", "1"));
    repository.link("links/b.yaml", "../maps/a.yaml");
    repository.link("links/gone.yaml", "nowhere.yaml");
    repository.link("linked", "maps");
    repository.commit();
    for (name, path) in [("chart", "charts/x"), ("links", "links"), ("linked", "linked")] {
        let application = mk_application(name, &repository.url(), path, &json!({"prune": true}));
        lab.create("argoproj.io", "applications", application);
        let status = || lab.application(name).unwrap()["status"]["sync"]["status"].clone();
        lab.until(&format!("{name} is synced"), || status() == "Synced").await;
    }
    assert_eq!(value_of(&lab, "chart").as_deref(), Some("linked"));
    assert_eq!(value_of(&lab, "a").as_deref(), Some("1"));
    // Argo CD does not look into a directory of manifests that is itself a link.
    assert!(lab.application("linked").unwrap()["status"]["resources"].is_null());
    repository.link("out/passwd", "/etc/passwd");
    repository.commit();
    let message = lab.until_condition("applications", "links", "ComparisonError").await;
    assert!(message.ends_with("repository contains out-of-bounds symlinks. file: out/passwd"), "{message}");
    assert_eq!(value_of(&lab, "a").as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn values_and_their_files_know_their_application() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("chart/Chart.yaml", "apiVersion: v2\nname: x\nversion: 1.0.0\n");
    let data = "data: {value: \"{{ .Values.a }} {{ .Values.b }} {{ .Values.c }}\"}";
    repository.write(
        "chart/templates/map.yaml",
        &format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: map}}\n{data}\n"),
    );
    repository.write("chart/of-demo.yaml", "a: file\n");
    repository.write("chart/known.txt", "text");
    let commit = repository.commit();
    let mut application = mk_application("known", &repository.url(), "chart", &json!({}));
    application["spec"]["source"]["helm"] = json!({
        "valueFiles": ["of-$ARGOCD_APP_NAMESPACE.yaml"],
        "parameters": [{"name": "b", "value": "$ARGOCD_APP_REVISION_SHORT,$$x$KUBE_VERSION"}],
        "fileParameters": [{"name": "c", "path": "${ARGOCD_APP_NAME}.txt"}],
    });
    lab.create("argoproj.io", "applications", application);
    lab.until_synced("known").await;
    assert_eq!(value_of(&lab, "map"), Some(format!("file {},$x text", &commit[..7])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_with_a_document_that_is_no_object_is_not_followed() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("chart/Chart.yaml", "apiVersion: v2\nname: x\nversion: 1.0.0\n");
    repository.write("chart/templates/map.yaml", &mk_config_map("a", "1"));
    repository.write("chart/templates/other.yaml", "apiVersion: v1\nmetadata: {name: x}\n");
    repository.commit();
    lab.create("argoproj.io", "applications", mk_application("no", &repository.url(), "chart", &json!({})));
    let message = lab.until_condition("applications", "no", "ComparisonError").await;
    let missing = r#"Object 'Kind' is missing in '{"apiVersion":"v1","metadata":{"name":"x"}}'"#;
    assert!(
        message.ends_with(missing) && message.contains("desc = failed to unmarshal manifest: "),
        "{message}"
    );
    assert_eq!(lab.application("no").unwrap()["status"]["sync"]["status"], "Unknown");
    assert!(value_of(&lab, "a").is_none());
}
