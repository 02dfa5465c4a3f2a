#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use serde_json::json;

const DOMAIN: &str = "eks-blueprint.eks.example.org";

/// The pattern's own Ingress.
fn mk_burnham() -> Value {
    json!({
        "metadata": {
            "name": "burnham-ingress", "namespace": "team-burnham",
            "annotations": {
                "alb.ingress.kubernetes.io/scheme": "internet-facing",
                "alb.ingress.kubernetes.io/target-type": "ip",
                "alb.ingress.kubernetes.io/group.name": "burnham",
                "alb.ingress.kubernetes.io/listen-ports": "[{\"HTTP\": 80},{\"HTTPS\": 443}]",
                "alb.ingress.kubernetes.io/ssl-redirect": "443",
                "alb.ingress.kubernetes.io/backend-protocol": "HTTP",
            },
        },
        "spec": { "ingressClassName": "alb", "rules": [{
            "host": format!("burnham.{DOMAIN}"),
            "http": { "paths": [{
                "path": "/", "pathType": "Prefix",
                "backend": { "service": { "name": "burnham", "port": { "number": 80 } } },
            }] },
        }] },
    })
}

fn mk_service(_: &str, name: &str) -> Option<Value> {
    (name == "burnham")
        .then(|| json!({ "spec": { "type": "ClusterIP", "ports": [{ "name": "http", "port": 80 }] } }))
}

fn build_one(ingress: &Value) -> Result<Model, String> {
    build(&[ingress], DOMAIN, &mk_service)
}

fn with_annotation(suffix: &str, value: &str) -> Value {
    let mut ingress = mk_burnham();
    ingress["metadata"]["annotations"][format!("{PREFIX}{suffix}")] = Value::from(value);
    ingress
}

#[test]
fn the_patterns_ingress_gets_a_redirect_and_an_https_listener() {
    let model = build_one(&mk_burnham()).unwrap();
    assert_eq!(model.scheme, Scheme::InternetFacing);
    assert_eq!(model.listeners[&80].default, ActionModel::RedirectToHttps { port: 443 });
    assert!(model.listeners[&80].rules.is_empty());
    let https = &model.listeners[&443];
    assert_eq!(https.default, ActionModel::Fixed { status: 404, body: "" });
    assert_eq!(https.rules[0].hosts, [format!("burnham.{DOMAIN}")]);
    assert_eq!(https.rules[0].paths, ["/*"]);
    assert!(matches!(&https.rules[0].action, ActionModel::Forward(group) if group.health_path == "/"));
    assert_eq!(group_of(&mk_burnham()), GroupId::Explicit("burnham".to_owned()));
}

#[test]
fn errors_are_the_controllers() {
    let key = "ingress: team-burnham/burnham-ingress: ";
    let error = build_one(&with_annotation("listen-ports", "[{\"HTTP\": 80")).unwrap_err();
    let expected = format!("{key}failed to parse listen-ports configuration: `[{{\"HTTP\": 80`: ");
    assert!(error.starts_with(&expected), "{error}");
    for (suffix, value, expected) in [
        ("listen-ports", "[]", format!("{key}empty listen-ports configuration: `[]`")),
        ("listen-ports", "[{\"HTTPS\": 0}]", format!("{key}listen port must be within [1, 65535]: 0")),
        (
            "listen-ports",
            "[{\"TCP\": 80}]",
            format!("{key}listen protocol must be within [HTTP, HTTPS]: TCP"),
        ),
        ("ssl-redirect", "8443", "listener does not exist for SSLRedirect port: 8443".to_owned()),
        ("ssl-redirect", "80", "listener protocol non-SSL for SSLRedirect port: 80".to_owned()),
        ("scheme", "public", "unknown scheme: public".to_owned()),
        ("target-type", "pod", format!("{key}unknown targetType: pod")),
    ] {
        assert_eq!(build_one(&with_annotation(suffix, value)).unwrap_err(), expected);
    }
}

#[test]
fn hosts_need_a_certificate_and_a_wildcard_covers_one_label() {
    let mut ingress = mk_burnham();
    ingress["spec"]["rules"][0]["host"] = json!(format!("a.b.{DOMAIN}"));
    let error = build_one(&ingress).unwrap_err();
    assert!(error.ends_with(&format!("no certificate found for host: a.b.{DOMAIN}")), "{error}");
    ingress["spec"]["rules"][0]["host"] = json!(DOMAIN);
    assert!(build_one(&ingress).is_ok());
    ingress["spec"]["rules"][0]["host"] = json!(format!("x{DOMAIN}"));
    assert!(build_one(&ingress).is_err());
}

#[test]
fn a_missing_service_is_tolerated_and_a_missing_port_is_not() {
    let mut ingress = mk_burnham();
    let backend = "/spec/rules/0/http/paths/0/backend/service";
    ingress.pointer_mut(backend).unwrap()["name"] = json!("gone");
    let model = build_one(&ingress).unwrap();
    let expected = ActionModel::Fixed { status: 503, body: "Backend service does not exist" };
    assert_eq!(model.listeners[&443].rules[0].action, expected);

    let mut ingress = mk_burnham();
    ingress.pointer_mut(backend).unwrap()["port"] = json!({ "number": 81 });
    let error = build_one(&ingress).unwrap_err();
    assert!(error.ends_with("unable to find port 81 on service team-burnham/burnham"), "{error}");
}

#[test]
fn instance_targets_need_a_node_port() {
    let error = build_one(&with_annotation("target-type", "instance")).unwrap_err();
    assert!(error.contains("your service must be of type 'NodePort'"), "{error}");
}

#[test]
fn paths_are_tried_from_exact_to_long_to_short() {
    let mut ingress = mk_burnham();
    let path = |path: &str, path_type: &str| {
        json!({ "path": path, "pathType": path_type,
                "backend": { "service": { "name": "burnham", "port": { "name": "http" } } } })
    };
    ingress["spec"]["rules"][0]["http"]["paths"] =
        json!([path("/", "Prefix"), path("/long/er", "Prefix"), path("/x", "Exact"), path("/*", "")]);
    let model = build_one(&ingress).unwrap();
    let paths: Vec<&[String]> =
        model.listeners[&443].rules.iter().map(|rule| rule.paths.as_slice()).collect();
    let expected: [&[String]; 4] = [
        &["/x".to_owned()],
        &["/long/er".to_owned(), "/long/er/*".to_owned()],
        &["/*".to_owned()],
        &["/*".to_owned()],
    ];
    assert_eq!(paths, expected);
}

#[test]
fn ingresses_of_a_group_share_listeners_but_not_protocols() {
    let mut other = with_annotation("listen-ports", "[{\"HTTP\": 443}]");
    other["metadata"]["name"] = json!("other");
    let burnham = mk_burnham();
    let error = build(&[&burnham, &other], DOMAIN, &mk_service).unwrap_err();
    assert!(error.contains("conflicting protocol"), "{error}");

    let mut other = mk_burnham();
    other["spec"]["rules"][0]["host"] = json!(format!("other.{DOMAIN}"));
    let model = build(&[&burnham, &other], DOMAIN, &mk_service).unwrap();
    assert_eq!(model.listeners[&443].rules.len(), 2);
}
