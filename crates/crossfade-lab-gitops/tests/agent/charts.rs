//! Charts from registries: versions, credentials, dependencies, and registries that do not answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::lab::{Lab, mk_application};
use crate::web::{Page, Web, mk_archive, mk_chart};

fn mk_chart_application(name: &str, url: &str, chart: &str, revision: &str) -> Value {
    let mut application = mk_application(name, url, "", &json!({"prune": true, "selfHeal": true}));
    application["spec"]["source"] = json!({"repoURL": url, "chart": chart, "targetRevision": revision});
    application
}

fn mk_repository_secret(name: &str, fields: &[(&str, &str)]) -> Value {
    let data: serde_json::Map<String, Value> =
        fields.iter().map(|(key, value)| ((*key).to_owned(), STANDARD.encode(value).into())).collect();
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "argocd",
        "labels": {"argocd.argoproj.io/secret-type": "repository"}}, "data": data})
}

fn create(lab: &Lab, application: Value) {
    lab.create("argoproj.io", "applications", application);
}

fn refresh(lab: &Lab, name: &str, how: &str) {
    lab.patch("argoproj.io", "applications", name, |application| {
        application["metadata"]["annotations"]["argocd.argoproj.io/refresh"] = how.into();
    });
}

fn value_of(lab: &Lab, name: &str) -> Value {
    lab.get("", "configmaps", "demo", name).map(|map| map["data"]["value"].clone()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_is_its_highest_version_and_a_refresh_finds_a_later_one() {
    let lab = Lab::start().await;
    let web = Web::start().await;
    web.put_helm("demo", &["0.9.0", "1.0.0", "1.1.0", "2.0.0-rc.1"]);
    create(&lab, mk_chart_application("demo", &web.url(), "demo", "1.x"));
    let status = lab.until_synced("demo").await["status"].clone();
    assert_eq!(status["sync"]["revision"], "1.1.0");
    assert_eq!(status["sourceType"], "Helm");
    assert_eq!(status["history"][0]["revision"], "1.1.0");
    assert_eq!(value_of(&lab, "demo"), "1.1.0");
    web.put_helm("demo", &["1.1.0", "1.10.0"]);
    refresh(&lab, "demo", "normal");
    lab.until("the later version is there", || value_of(&lab, "demo") == "1.10.0").await;
    lab.until("it says so", || lab.application("demo").unwrap()["status"]["sync"]["revision"] == "1.10.0")
        .await;
    create(&lab, mk_chart_application("none", &web.url(), "demo", "^7"));
    let message = lab.until_condition("applications", "none", "ComparisonError").await;
    assert!(
        message.contains("invalid revision: version matching constraint not found in 2 tags"),
        "{message}"
    );
    create(&lab, mk_chart_application("absent", &web.url(), "demo", "1.5.0"));
    let message = lab.until_condition("applications", "absent", "ComparisonError").await;
    assert!(message.contains("chart \"demo\" version \"1.5.0\" not found in http://"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_goes_away_takes_nothing_with_it() {
    let lab = Lab::start().await;
    let mut web = Web::start().await;
    web.put_helm("demo", &["1.0.0"]);
    web.put("/archives/demo-1.0.0.tgz", Page::new(mk_chart("demo", "1.0.0", "")));
    create(&lab, mk_chart_application("exact", &web.url(), "demo", "1.0.0"));
    lab.until_synced("exact").await;
    let mut range = mk_chart_application("range", &web.url(), "demo", "1.x");
    range["spec"]["destination"]["namespace"] = "elsewhere".into();
    create(&lab, range);
    lab.until_synced("range").await;
    web.end().await;
    refresh(&lab, "range", "normal");
    let message = lab.until_condition("applications", "range", "ComparisonError").await;
    assert!(message.contains("error loading repo index: error making HTTP request: Get"), "{message}");
    // Looked at again, by no refresh, it is still so.
    let rules = json!([{"group": "", "kind": "ConfigMap", "jsonPointers": ["/x"]}]);
    lab.patch("argoproj.io", "applications", "range", |application| {
        application["spec"]["ignoreDifferences"] = rules.clone();
    });
    let status = || lab.application("range").unwrap()["status"].clone();
    lab.until("it was looked at", || status()["sync"]["comparedTo"]["ignoreDifferences"] == rules).await;
    assert_eq!(status()["sync"]["status"], "Unknown");
    assert!(lab.get("", "configmaps", "elsewhere", "demo").is_some());
    refresh(&lab, "exact", "normal");
    lab.until("the refresh is done", || {
        lab.application("exact").unwrap()["metadata"]["annotations"]["argocd.argoproj.io/refresh"].is_null()
    })
    .await;
    // Its version is known and its archive is here.
    lab.until_synced("exact").await;
    refresh(&lab, "exact", "hard");
    let message = lab.until_condition("applications", "exact", "ComparisonError").await;
    assert!(
        message.contains("is not a valid chart repository or cannot be reached: Get \"http://"),
        "{message}"
    );
    assert!(message.contains("connection refused"), "{message}");
    assert_eq!(value_of(&lab, "demo"), "1.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_registry_is_asked_once_for_all() {
    let lab = Lab::start().await;
    let repository = lab.repository("repo");
    repository.write("maps/a.yaml", &crate::lab::mk_config_map("a", "1"));
    repository.commit();
    // It takes every connection and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&count);
    let serving = tokio::spawn(async move {
        loop {
            let connection = silent.accept().await.unwrap();
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            drop(connection);
        }
    });
    for number in 0..20 {
        create(&lab, mk_chart_application(&format!("dead-{number}"), &url, "demo", "1.x"));
    }
    create(&lab, mk_application("good", &repository.url(), "maps", &json!({})));
    lab.until_synced("good").await;
    for number in 0..20 {
        let name = format!("dead-{number}");
        let message = lab.until_condition("applications", &name, "ComparisonError").await;
        assert!(message.contains("error loading repo index: error making HTTP request: Get"), "{message}");
    }
    let asked = count.load(std::sync::atomic::Ordering::Relaxed);
    assert!(asked <= 3, "{asked} connections for 20 Applications");
    create(&lab, mk_chart_application("late", &url, "demo", "1.x"));
    lab.until_condition("applications", "late", "ComparisonError").await;
    assert_eq!(count.load(std::sync::atomic::Ordering::Relaxed), asked, "it failed a moment ago");
    serving.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_go_to_their_origin_alone_and_work_at_once() {
    let lab = Lab::start().await;
    let (web, other) = (Web::start().await, Web::start().await);
    web.put_helm("demo", &["1.0.0", "1.1.0"]);
    let index = format!(
        "apiVersion: v1\nentries:\n  demo:\n  - {{name: demo, version: 1.0.0, urls: [moved.tgz]}}\n  - {{name: demo, version: 1.1.0, urls: [{}/far.tgz]}}\n",
        other.url()
    );
    web.put("/index.yaml", Page::new(index).for_user("me", "very private"));
    web.put(
        "/moved.tgz",
        Page::redirect(&format!("{}/near.tgz", other.url())).for_user("me", "very private"),
    );
    other.put("/near.tgz", Page::new(mk_chart("demo", "1.0.0", "")));
    other.put("/far.tgz", Page::new(mk_chart("demo", "1.1.0", "")));
    create(&lab, mk_chart_application("demo", &web.url(), "demo", "1.0.0"));
    let message = lab.until_condition("applications", "demo", "ComparisonError").await;
    assert!(message.contains("401"), "{message}");
    let url = web.url();
    let secret = |password: &str| {
        mk_repository_secret(
            "charts",
            &[("type", "helm"), ("url", &url), ("username", "me"), ("password", password)],
        )
    };
    lab.create("", "secrets", secret("wrong"));
    lab.until("the wrong password was tried", || {
        web.asked().iter().any(|asked| asked.authorization.as_deref() == Some(&basic("me:wrong")))
    })
    .await;
    assert!(value_of(&lab, "demo").is_null());
    lab.patch("", "secrets", "charts", |object| object["data"] = secret("very private")["data"].clone());
    lab.until_synced("demo").await;
    lab.patch("argoproj.io", "applications", "demo", |application| {
        application["spec"]["source"]["targetRevision"] = "1.1.0".into();
    });
    lab.until("the far archive is there", || value_of(&lab, "demo") == "1.1.0").await;
    let elsewhere = other.asked();
    assert_eq!(
        elsewhere.iter().map(|asked| asked.path.as_str()).collect::<Vec<_>>(),
        ["/near.tgz", "/far.tgz"]
    );
    assert!(elsewhere.iter().all(|asked| asked.authorization.is_none()), "{elsewhere:?}");
    let shown = lab.application("demo").unwrap().to_string();
    assert!(!shown.contains("very private") && !shown.contains(&STANDARD.encode("very private")));
}

fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oci_registry_gives_a_token_and_blobs_that_are_what_they_say() {
    let lab = Lab::start().await;
    let web = Web::start().await;
    let archive = mk_chart("demo", "1.1.0+build.1", "");
    let digest = |bytes: &[u8]| {
        Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |digits, byte| format!("{digits}{byte:02x}"))
    };
    let challenge =
        format!("Bearer realm=\"{}/token\",service=\"reg\",scope=\"repository:team/demo:pull\"", web.url());
    let manifest = |digest: &str| {
        let layer = json!({"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "digest": digest, "size": archive.len()});
        Page::new(json!({"schemaVersion": 2, "layers": [layer]}).to_string())
            .wanting("Bearer t0ken", &challenge)
    };
    web.put("/token", Page::new(json!({"token": "t0ken"}).to_string()));
    let tags = json!({"name": "team/demo", "tags": ["1.0.0", "1.1.0_build.1", "latest"]}).to_string();
    web.put("/v2/team/demo/tags/list", Page::new(tags).wanting("Bearer t0ken", &challenge));
    web.put("/v2/team/demo/manifests/1.1.0_build.1", manifest(&digest(&archive)));
    let blob = |digest: &str| format!("/v2/team/demo/blobs/{digest}");
    web.put(&blob(&digest(&archive)), Page::new(archive.clone()).wanting("Bearer t0ken", &challenge));
    let another = digest(b"another");
    web.put("/v2/team/demo/manifests/1.0.0", manifest(&another));
    web.put(&blob(&another), Page::new(archive.clone()).wanting("Bearer t0ken", &challenge));
    let url = format!("{}/team", web.address);
    let fields = [("type", "helm"), ("url", &url), ("enableOCI", "true"), ("insecureOCIForceHttp", "true")];
    lab.create("", "secrets", mk_repository_secret("oci", &fields));
    create(&lab, mk_chart_application("demo", &url, "demo", ">=1.1.0-0"));
    let status = lab.until_synced("demo").await["status"].clone();
    assert_eq!(status["sync"]["revision"], "1.1.0+build.1");
    create(&lab, mk_chart_application("forged", &url, "demo", "1.0.0"));
    let message = lab.until_condition("applications", "forged", "ComparisonError").await;
    assert!(message.contains(&format!("and not {another}")), "{message}");
    let tokens =
        web.asked().iter().filter(|asked| asked.path.starts_with("/token?service=reg&scope=")).count();
    assert_eq!(tokens, 1, "a token is used again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_stands_for_registries_and_values_come_from_another_source() {
    let lab = Lab::start_with(vec![
        ("https://charts.example.org/stable", "charts"),
        ("public.ecr.example.org/team", "charts"),
    ])
    .await;
    let dir = lab.dir.path().join("charts");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("demo-1.2.0.tgz"), mk_chart("demo", "1.2.0", "")).unwrap();
    std::fs::write(dir.join("other-1.0.0.tgz"), mk_chart("other", "1.0.0", "")).unwrap();
    let repository = lab.repository("repo");
    repository.write("values/demo.yaml", "given: from Git\n");
    let commit = repository.commit();
    let mut application = mk_chart_application("demo", "https://charts.example.org/stable/", "demo", "~1");
    let spec = application["spec"].as_object_mut().unwrap();
    let mut source = spec.remove("source").unwrap();
    source["helm"] = json!({"valueFiles": ["$values/values/demo.yaml"]});
    let values = json!({"repoURL": repository.url(), "targetRevision": "main", "ref": "values"});
    spec.insert("sources".to_owned(), json!([values, source]));
    create(&lab, application);
    let status = lab.until_synced("demo").await["status"].clone();
    assert_eq!(status["sync"]["revisions"], json!([commit, "1.2.0"]));
    assert_eq!(status["sourceTypes"], json!(["", "Helm"]));
    assert_eq!(lab.get("", "configmaps", "demo", "demo").unwrap()["data"]["given"], "from Git");
    create(&lab, mk_chart_application("oci", "public.ecr.example.org/team", "other", "1.0.0"));
    lab.until_synced("oci").await;
    create(&lab, mk_chart_application("none", "https://charts.example.org/stable", "nope", "1.0.0"));
    let message = lab.until_condition("applications", "none", "ComparisonError").await;
    assert!(message.contains("chart \"nope\" version \"1.0.0\" not found"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dependencies_that_are_not_vendored_are_fetched() {
    let lab = Lab::start().await;
    let web = Web::start().await;
    web.put_helm("library", &["1.0.0", "1.1.0"]);
    let repository = lab.repository("repo");
    let chart = |lock: &str, path: &str| {
        repository.write(
            &format!("{path}/Chart.yaml"),
            &format!(
                "apiVersion: v2\nname: {path}\nversion: 1.0.0\ndependencies:\n- {{name: library, version: 1.x, repository: {:?}}}\n- {{name: beside, version: 1.0.0, repository: \"file://../beside\"}}\n",
                web.url()
            ),
        );
        if !lock.is_empty() {
            let text = format!(
                "dependencies:\n- {{name: library, version: {lock}, repository: {:?}}}\n- {{name: beside, version: 1.0.0, repository: \"file://../beside\"}}\n",
                web.url()
            );
            repository.write(&format!("{path}/Chart.lock"), &text);
        }
    };
    repository.write("beside/Chart.yaml", "apiVersion: v2\nname: beside\nversion: 1.0.0\n");
    repository.write("beside/templates/b.yaml", &crate::lab::mk_config_map("beside", "1"));
    chart("", "open");
    repository.commit();
    create(&lab, mk_application("open", &repository.url(), "open", &json!({"prune": true})));
    lab.until_synced("open").await;
    assert_eq!((value_of(&lab, "library"), value_of(&lab, "beside")), (json!("1.1.0"), json!("1")));
    chart("1.0.0", "open");
    repository.commit();
    lab.until("the lock decides", || value_of(&lab, "library") == "1.0.0").await;
    chart("2.0.0", "stale");
    repository.commit();
    create(&lab, mk_application("stale", &repository.url(), "stale", &json!({})));
    lab.until("it says that the lock is stale", || {
        let application = lab.application("stale").unwrap().to_string();
        application.contains("the lock file (Chart.lock) is out of sync")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_leads_out_of_its_directory_is_refused() {
    let lab = Lab::start().await;
    let web = Web::start().await;
    web.put_helm("demo", &["1.0.0"]);
    let files =
        [("demo/Chart.yaml", "apiVersion: v2\nname: demo\nversion: 1.0.0\n"), ("demo/../../x", "out")];
    web.put("/archives/demo-1.0.0.tgz", Page::new(mk_archive(&files)));
    create(&lab, mk_chart_application("demo", &web.url(), "demo", "1.0.0"));
    let message = lab.until_condition("applications", "demo", "ComparisonError").await;
    assert!(message.contains("chart illegally references parent directory"), "{message}");
}
