//! From the Ingresses of one group to the load balancer that they ask for, or to the controller's words about what is
//! wrong with them.
//!
//! The rules and the error texts are those of aws-load-balancer-controller v2.6 `pkg/ingress/model_build_*.go`. The model
//! is pure: Services are looked up through a function, and no address or pod is known here.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::balancer::Protocol;
use crate::cluster::object::{name, namespace};
use crate::names::{GroupId, Scheme};

/// Prefix of the annotations that the controller reads on Ingresses and Services.
const PREFIX: &str = "alb.ingress.kubernetes.io/";

/// What a group asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Model {
    pub(crate) scheme: Scheme,
    /// By port.
    pub(crate) listeners: BTreeMap<u16, ListenerModel>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ListenerModel {
    pub(crate) protocol: Protocol,
    pub(crate) rules: Vec<RuleModel>,
    pub(crate) default: ActionModel,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RuleModel {
    pub(crate) hosts: Vec<String>,
    pub(crate) paths: Vec<String>,
    pub(crate) action: ActionModel,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ActionModel {
    Forward(TargetGroupModel),
    RedirectToHttps { port: u16 },
    Fixed { status: u16, body: &'static str },
}

/// The port of a Service whose pods get the requests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TargetGroupModel {
    pub(crate) namespace: String,
    pub(crate) service: String,
    /// The Service's port as the Ingress names it.
    pub(crate) port: String,
    pub(crate) health_path: String,
}

/// The group an Ingress belongs to.
pub(crate) fn group_of(ingress: &Value) -> GroupId {
    match annotation(ingress, "group.name").filter(|group| !group.is_empty()) {
        Some(group) => GroupId::Explicit(group.to_owned()),
        None => {
            GroupId::Implicit { namespace: namespace(ingress).to_owned(), name: name(ingress).to_owned() }
        }
    }
}

/// Where an Ingress stands in its group; equal places are ordered by namespace and name.
pub(crate) fn order_of(ingress: &Value) -> i64 {
    annotation(ingress, "group.order").and_then(|order| order.parse().ok()).unwrap_or(0)
}

/// Builds the model of a group. `domain` and its subdomains of one label have a certificate.
pub(crate) fn build(
    members: &[&Value],
    domain: &str,
    service: &dyn Fn(&str, &str) -> Option<Value>,
) -> Result<Model, String> {
    let mut ports: BTreeMap<u16, (Protocol, String, Vec<&Value>)> = BTreeMap::new();
    let mut ssl_redirect: Option<u16> = None;
    for ingress in members {
        let key = format!("{}/{}", namespace(ingress), name(ingress));
        let listen = listen_ports(ingress).map_err(|error| format!("ingress: {key}: {error}"))?;
        if listen.values().any(|&protocol| protocol == Protocol::Https) {
            certificate(ingress, domain).map_err(|error| format!("ingress: {key}: {error}"))?;
        }
        for (port, protocol) in listen {
            let (known, provider, users) =
                ports.entry(port).or_insert_with(|| (protocol, key.clone(), Vec::new()));
            if *known != protocol {
                return Err(format!(
                    "failed to merge listPort config for port: {port}: conflicting protocol, {provider}: {} | \
                     {key}: {}",
                    protocol_name(*known),
                    protocol_name(protocol)
                ));
            }
            users.push(ingress);
        }
        if let Some(text) = annotation(ingress, "ssl-redirect") {
            let port = text.parse().map_err(|_| {
                format!("failed to parse int64 annotation, alb.ingress.kubernetes.io/ssl-redirect: {text}")
            })?;
            if ssl_redirect.is_some_and(|known| known != port) {
                return Err(format!(
                    "conflicting sslRedirect port: [{} {port}]",
                    ssl_redirect.unwrap_or_default()
                ));
            }
            ssl_redirect = Some(port);
        }
    }
    if let Some(port) = ssl_redirect {
        match ports.get(&port) {
            None => return Err(format!("listener does not exist for SSLRedirect port: {port}")),
            Some((Protocol::Https, ..)) => {}
            Some(_) => return Err(format!("listener protocol non-SSL for SSLRedirect port: {port}")),
        }
    }
    let scheme = scheme_of(members)?;
    let mut listeners = BTreeMap::new();
    for (port, (protocol, _, users)) in ports {
        listeners.insert(port, listener(protocol, ssl_redirect, &users, service)?);
    }
    Ok(Model { scheme, listeners })
}

fn listener(
    protocol: Protocol,
    ssl_redirect: Option<u16>,
    ingresses: &[&Value],
    service: &dyn Fn(&str, &str) -> Option<Value>,
) -> Result<ListenerModel, String> {
    if let (Protocol::Http, Some(port)) = (protocol, ssl_redirect) {
        let default = ActionModel::RedirectToHttps { port };
        return Ok(ListenerModel { protocol, rules: Vec::new(), default });
    }
    let with_default: Vec<&&Value> =
        ingresses.iter().filter(|ingress| ingress["spec"]["defaultBackend"].is_object()).collect();
    let default = match with_default.as_slice() {
        [] => ActionModel::Fixed { status: 404, body: "" },
        [ingress] => backend_action(ingress, &ingress["spec"]["defaultBackend"], service)?,
        several => {
            let keys: Vec<String> =
                several.iter().map(|ingress| format!("{}/{}", namespace(ingress), name(ingress))).collect();
            return Err(format!("multiple ingress defined default backend: [{}]", keys.join(" ")));
        }
    };
    let mut rules = Vec::new();
    for ingress in ingresses {
        let wrap = |error: String| format!("ingress: {}/{}: {error}", namespace(ingress), name(ingress));
        for rule in ingress["spec"]["rules"].as_array().into_iter().flatten() {
            for path in sorted_paths(rule) {
                let action = backend_action(ingress, &path["backend"], service).map_err(wrap)?;
                let hosts = rule["host"].as_str().filter(|host| !host.is_empty()).map(str::to_owned);
                rules.push(RuleModel {
                    hosts: hosts.into_iter().collect(),
                    paths: path_patterns(path).map_err(wrap)?,
                    action,
                });
            }
        }
    }
    Ok(ListenerModel { protocol, rules, default })
}

/// Exact paths first, then prefixes from the longest, then the others in their order.
fn sorted_paths(rule: &Value) -> Vec<&Value> {
    let mut paths: Vec<&Value> = rule["http"]["paths"].as_array().into_iter().flatten().collect();
    paths.sort_by_key(|path| match path["pathType"].as_str() {
        Some("Exact") => (0, 0),
        Some("Prefix") => (1, usize::MAX - path["path"].as_str().unwrap_or_default().len()),
        _ => (2, 0),
    });
    paths
}

fn path_patterns(path: &Value) -> Result<Vec<String>, String> {
    let text = path["path"].as_str().unwrap_or_default();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let wild = text.contains(['*', '?']);
    match path["pathType"].as_str() {
        Some("Exact") if wild => Err(format!("exact path shouldn't contain wildcards: {text}")),
        Some("Prefix") if text == "/" => Ok(vec!["/*".to_owned()]),
        Some("Prefix") if wild => Err(format!("prefix path shouldn't contain wildcards: {text}")),
        Some("Prefix") => {
            let stem = text.strip_suffix('/').unwrap_or(text);
            Ok(vec![stem.to_owned(), format!("{stem}/*")])
        }
        _ => Ok(vec![text.to_owned()]),
    }
}

fn backend_action(
    ingress: &Value,
    backend: &Value,
    service: &dyn Fn(&str, &str) -> Option<Value>,
) -> Result<ActionModel, String> {
    let Some(service_name) = backend["service"]["name"].as_str() else {
        return Err("missing required \"service\" field".to_owned());
    };
    let port = &backend["service"]["port"];
    if port["name"] == "use-annotation" {
        return annotated_action(ingress, service_name);
    }
    let Some(found) = service(namespace(ingress), service_name) else {
        // The controller tolerates this by default, and has the load balancer say so.
        return Ok(ActionModel::Fixed { status: 503, body: "Backend service does not exist" });
    };
    let port = port["name"]
        .as_str()
        .map(str::to_owned)
        .or_else(|| port["number"].as_u64().map(|number| number.to_string()))
        .unwrap_or_default();
    if service_port(&found, &port).is_none() {
        return Err(format!("unable to find port {port} on service {}/{service_name}", namespace(ingress)));
    }
    let of_either = |suffix| annotation(ingress, suffix).or_else(|| annotation(&found, suffix));
    match of_either("target-type").unwrap_or("instance") {
        "ip" => {}
        "instance" => {
            if !matches!(found["spec"]["type"].as_str(), Some("NodePort" | "LoadBalancer")) {
                return Err(
                    "TargetGroup port is empty. When using Instance targets, your service must be of type \
                            'NodePort' or 'LoadBalancer'"
                        .to_owned(),
                );
            }
        }
        other => return Err(format!("unknown targetType: {other}")),
    }
    match of_either("backend-protocol").unwrap_or("HTTP") {
        "HTTP" => {}
        "HTTPS" => return Err("the lab's pods do not speak HTTPS; backend-protocol must be HTTP".to_owned()),
        other => return Err(format!("backend protocol must be within [HTTP, HTTPS]: {other}")),
    }
    Ok(ActionModel::Forward(TargetGroupModel {
        namespace: namespace(ingress).to_owned(),
        service: service_name.to_owned(),
        port,
        health_path: of_either("healthcheck-path").unwrap_or("/").to_owned(),
    }))
}

/// `actions.NAME` with the port name `use-annotation`: only the redirect to HTTPS that old charts used.
fn annotated_action(ingress: &Value, action_name: &str) -> Result<ActionModel, String> {
    let Some(text) = annotation(ingress, &format!("actions.{action_name}")) else {
        return Ok(ActionModel::Fixed { status: 503, body: "Backend action does not exist" });
    };
    let action: Value = serde_json::from_str(text).map_err(|error| {
        format!("failed to parse json annotation, {PREFIX}actions.{action_name}: {text}: {error}")
    })?;
    let redirect = ["redirectConfig", "RedirectConfig"].iter().find_map(|key| action.get(*key));
    let port = redirect.and_then(|redirect| {
        let port = redirect.get("port").or_else(|| redirect.get("Port"))?;
        port.as_str()?.parse().ok()
    });
    match port {
        Some(port) => Ok(ActionModel::RedirectToHttps { port }),
        None => Err(format!("the lab supports redirects to HTTPS only in {PREFIX}actions.{action_name}")),
    }
}

/// The entry of a Service's ports with that number or name.
pub(crate) fn service_port<'a>(service: &'a Value, port: &str) -> Option<&'a Value> {
    service["spec"]["ports"].as_array()?.iter().find(|entry| {
        entry["name"] == port || entry["port"].as_u64().is_some_and(|number| number.to_string() == port)
    })
}

fn scheme_of(members: &[&Value]) -> Result<Scheme, String> {
    let mut found: Vec<(&str, Scheme)> = Vec::new();
    for ingress in members {
        let Some(text) = annotation(ingress, "scheme") else { continue };
        let scheme = match text {
            "internet-facing" => Scheme::InternetFacing,
            "internal" => Scheme::Internal,
            other => return Err(format!("unknown scheme: {other}")),
        };
        if !found.iter().any(|(_, known)| *known == scheme) {
            found.push((text, scheme));
        }
    }
    match found.as_slice() {
        [] => Ok(Scheme::Internal),
        [(_, scheme)] => Ok(*scheme),
        several => {
            let mut words: Vec<&str> = several.iter().map(|(text, _)| *text).collect();
            words.sort_unstable();
            Err(format!("conflicting scheme: map[{}:{{}} {}:{{}}]", words[0], words[1]))
        }
    }
}

fn listen_ports(ingress: &Value) -> Result<BTreeMap<u16, Protocol>, String> {
    let Some(text) = annotation(ingress, "listen-ports") else {
        return Ok(match annotation(ingress, "certificate-arn") {
            Some(_) => BTreeMap::from([(443, Protocol::Https)]),
            None => BTreeMap::from([(80, Protocol::Http)]),
        });
    };
    let entries: Vec<BTreeMap<String, i64>> = serde_json::from_str(text)
        .map_err(|error| format!("failed to parse listen-ports configuration: `{text}`: {error}"))?;
    if entries.is_empty() {
        return Err(format!("empty listen-ports configuration: `{text}`"));
    }
    let mut ports = BTreeMap::new();
    for (protocol, port) in entries.into_iter().flatten() {
        let number = match u16::try_from(port) {
            Ok(number) if number > 0 => number,
            _ => return Err(format!("listen port must be within [1, 65535]: {port}")),
        };
        let protocol = match protocol.as_str() {
            "HTTP" => Protocol::Http,
            "HTTPS" => Protocol::Https,
            other => return Err(format!("listen protocol must be within [HTTP, HTTPS]: {other}")),
        };
        ports.insert(number, protocol);
    }
    Ok(ports)
}

fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http => "HTTP",
        Protocol::Https => "HTTPS",
        Protocol::Tcp => "TCP",
    }
}

/// Certificate discovery by the hosts of rules and `spec.tls`.
fn certificate(ingress: &Value, domain: &str) -> Result<(), String> {
    let spec = &ingress["spec"];
    let rules = spec["rules"].as_array().into_iter().flatten().filter_map(|rule| rule["host"].as_str());
    let tls = spec["tls"].as_array().into_iter().flatten();
    let hosts: std::collections::BTreeSet<&str> = rules
        .chain(tls.flat_map(|tls| tls["hosts"].as_array().into_iter().flatten().filter_map(Value::as_str)))
        .filter(|host| !host.is_empty())
        .collect();
    if let Some(host) = hosts.iter().find(|host| !is_covered(host, domain)) {
        return Err(format!("no certificate found for host: {host}"));
    }
    if hosts.is_empty() {
        // What ELB says to an HTTPS listener without certificates.
        return Err("CertificateNotFound: A certificate must be specified for HTTPS listeners".to_owned());
    }
    Ok(())
}

/// True for `domain` and for names with exactly one label before it.
fn is_covered(host: &str, domain: &str) -> bool {
    host == domain
        || host
            .strip_suffix(domain)
            .and_then(|rest| rest.strip_suffix('.'))
            .is_some_and(|label| !label.is_empty() && !label.contains('.'))
}

fn annotation<'a>(object: &'a Value, suffix: &str) -> Option<&'a str> {
    object["metadata"]["annotations"].get(format!("{PREFIX}{suffix}"))?.as_str()
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
