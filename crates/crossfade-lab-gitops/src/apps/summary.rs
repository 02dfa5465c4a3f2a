//! `status.summary`: what an Application runs and where it can be visited.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::state::Comparison;
use crate::names::{GROUP, IGNORE_DEFAULT_LINKS, LINK_PREFIX};
use crate::object::{annotation, entries, group, kind, list, text};

/// Of what is declared and what is there.
pub(super) fn of(application: &Value, comparison: &Comparison) -> Value {
    let mut images = BTreeSet::new();
    let mut urls: BTreeSet<String> = links(application).map(str::to_owned).collect();
    for live in comparison.items.iter().filter_map(|item| item.live.as_deref()) {
        images.extend(images_of(live));
        urls.extend(links(live).filter(|link| is_safe(link)).map(str::to_owned));
        if kind(live) == "Ingress" && ["networking.k8s.io", "extensions"].contains(&group(live)) {
            add_ingress(live, &mut urls);
        }
    }
    let mut summary = json!({});
    if !images.is_empty() {
        summary["images"] = json!(images);
    }
    if !urls.is_empty() {
        summary["externalURLs"] = json!(urls);
    }
    let has_child =
        comparison.items.iter().any(|item| item.key.group == GROUP && item.key.kind == "Application");
    if has_child || comparison.has_generated {
        summary["isAppOfApps"] = true.into();
    }
    summary
}

/// Images of an object's pods, also of those containers that only prepare.
fn images_of(object: &Value) -> Vec<String> {
    let spec = &object["spec"];
    let pods = [spec, &spec["template"]["spec"], &spec["jobTemplate"]["spec"]["template"]["spec"]];
    let containers =
        pods.into_iter().flat_map(|pod| ["initContainers", "containers"].map(|field| list(&pod[field])));
    containers.flatten().filter_map(|container| container["image"].as_str()).map(str::to_owned).collect()
}

fn links(object: &Value) -> impl Iterator<Item = &str> {
    let annotations = entries(&object["metadata"]["annotations"]);
    annotations.filter(|(key, _)| key.starts_with(LINK_PREFIX)).map(|(_, value)| text(value))
}

/// A link is a URL, or a title and a URL; one that runs a script is none.
fn is_safe(link: &str) -> bool {
    let url = link.split_once('|').map_or(link, |(_, url)| url).trim().to_lowercase();
    !["javascript:", "data:", "vbscript:"].iter().any(|scheme| url.starts_with(scheme))
}

/// Every path of every host; a rule without a host is its load balancer's.
fn add_ingress(ingress: &Value, urls: &mut BTreeSet<String>) {
    if annotation(ingress, IGNORE_DEFAULT_LINKS).is_some_and(|text| ["true", "1", "t"].contains(&text)) {
        return;
    }
    let addresses = list(&ingress["status"]["loadBalancer"]["ingress"]).iter();
    let address = addresses
        .map(|one| one["hostname"].as_str().or(one["ip"].as_str()).unwrap_or_default())
        .find(|one| !one.is_empty());
    let tls = list(&ingress["spec"]["tls"]);
    for rule in list(&ingress["spec"]["rules"]) {
        let host = Some(text(&rule["host"])).filter(|host| !host.is_empty()).or(address);
        let Some(host) = host else { continue };
        let is_of_host = |tls: &Value| {
            tls["secretName"].is_string() || list(&tls["hosts"]).iter().any(|one| text(one) == host)
        };
        let scheme = if tls.iter().any(is_of_host) { "https" } else { "http" };
        for path in list(&rule["http"]["paths"]) {
            let path = text(&path["path"]);
            urls.insert(format!("{scheme}://{host}{}", path.strip_suffix('*').unwrap_or(path)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::ignore::Ignored;
    use super::super::state::Item;
    use super::*;
    use crate::object::Key;

    #[test]
    fn an_ingress_says_where_it_can_be_visited() {
        let ingress = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "i", "namespace": "n", "annotations": {
                "link.argocd.argoproj.io/a": "title|https://a.example.org", "link.argocd.argoproj.io/b": "javascript:x"}},
            "spec": {"tls": [{"hosts": ["s.example.org"]}], "rules": [
                {"host": "s.example.org", "http": {"paths": [{"path": "/app/*"}]}},
                {"host": "p.example.org", "http": {"paths": [{"path": "/"}, {}]}},
                {"http": {"paths": [{"path": "/x"}]}}]},
            "status": {"loadBalancer": {"ingress": [{"hostname": "lb.example.org"}]}}});
        let of = |object: &Value| {
            let item = Item {
                key: Key::of(object),
                version: "v1".to_owned(),
                target: None,
                live: Some(Arc::new(object.clone())),
                is_synced: true,
                counts: true,
                is_hook: false,
                ignored: Ignored::default(),
            };
            of(&json!({}), &Comparison { items: vec![item], ..Comparison::default() })
        };
        let expected = json!({"externalURLs": ["http://lb.example.org/x", "http://p.example.org", "http://p.example.org/",
            "https://s.example.org/app/", "title|https://a.example.org"]});
        assert_eq!(of(&ingress), expected);
        let mut quiet = ingress;
        quiet["metadata"]["annotations"] = json!({"argocd.argoproj.io/ignore-default-links": "true"});
        assert_eq!(of(&quiet), json!({}));
        let child = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "c", "namespace": "argocd"}});
        assert_eq!(of(&child), json!({"isAppOfApps": true}));
    }
}
