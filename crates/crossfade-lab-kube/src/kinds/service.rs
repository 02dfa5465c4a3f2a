//! Services: cluster addresses and node ports.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::meta;

/// First node port, as `--service-node-port-range` has it by default (30000-32767).
const NODE_PORT_FIRST: u64 = 30_000;
/// Number of node ports.
const NODE_PORTS: u64 = 2_768;
/// Addresses of 10.96.0.0/16 that are handed out; the first ones are left to those who ask for them.
const ADDRESS_FIRST: u32 = 0x0a60_0010;
const ADDRESS_LAST: u32 = 0x0a60_fffe;

/// Gives a service the addresses and ports it lacks; what it has, or had before, it keeps.
pub(crate) fn allocate<'a>(
    service: &mut Value,
    old: Option<&Value>,
    others: impl Iterator<Item = &'a Value> + Clone,
) {
    let kind = service["spec"]["type"].as_str().unwrap_or("ClusterIP").to_owned();
    let spec = meta::child_mut(service, "spec");
    if kind == "ExternalName" {
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"] {
            spec.remove(field);
        }
        return;
    }
    let old_address = old.and_then(|old| old["spec"]["clusterIP"].as_str()).unwrap_or_default();
    let given = spec.get("clusterIP").and_then(Value::as_str).unwrap_or_default();
    let address = match (given, old_address) {
        ("", "") => free_address(others.clone()),
        ("", kept) => kept.to_owned(),
        (given, _) => given.to_owned(),
    };
    spec.insert("clusterIPs".into(), json!([address]));
    spec.insert("clusterIP".into(), address.into());
    spec.entry("ipFamilies").or_insert_with(|| json!(["IPv4"]));
    spec.entry("ipFamilyPolicy").or_insert_with(|| "SingleStack".into());
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer")
        && spec.get("allocateLoadBalancerNodePorts") != Some(&Value::Bool(false))
    {
        allocate_node_ports(service, old, others);
    }
}

fn allocate_node_ports<'a>(
    service: &mut Value,
    old: Option<&Value>,
    others: impl Iterator<Item = &'a Value>,
) {
    let ports_of =
        |service: &Value| -> Vec<Value> { service["spec"]["ports"].as_array().cloned().unwrap_or_default() };
    let old_ports = old.map(ports_of).unwrap_or_default();
    let mut taken: BTreeSet<u64> =
        others.flat_map(ports_of).filter_map(|port| port["nodePort"].as_u64()).collect();
    for port in meta::items_mut(service, "/spec/ports") {
        if port["nodePort"].as_u64().is_some_and(|number| number != 0) {
            continue;
        }
        let before =
            old_ports.iter().find(|old| old["port"] == port["port"] && old["protocol"] == port["protocol"]);
        let number = before.and_then(|old| old["nodePort"].as_u64()).or_else(|| {
            let start = fastrand::u64(..NODE_PORTS);
            (0..NODE_PORTS)
                .map(|step| NODE_PORT_FIRST + (start + step) % NODE_PORTS)
                .find(|number| !taken.contains(number))
        });
        if let Some(number) = number {
            taken.insert(number);
            port["nodePort"] = number.into();
        }
    }
}

fn free_address<'a>(others: impl Iterator<Item = &'a Value>) -> String {
    let taken: BTreeSet<&str> = others.filter_map(|service| service["spec"]["clusterIP"].as_str()).collect();
    let span = ADDRESS_LAST - ADDRESS_FIRST;
    let start = fastrand::u32(..span);
    (0..span)
        .map(|step| std::net::Ipv4Addr::from(ADDRESS_FIRST + (start + step) % span).to_string())
        .find(|address| !taken.contains(address.as_str()))
        .unwrap_or_else(|| "None".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_a_service_has() {
        let old = json!({"spec": {"clusterIP": "10.96.1.2", "type": "NodePort", "ports": [{"port": 80, "nodePort": 30001}]}});
        let mut new = json!({"spec": {"type": "NodePort", "ports": [{"port": 80}, {"port": 81}]}});
        allocate(&mut new, Some(&old), [&old].into_iter());
        assert_eq!(new["spec"]["clusterIP"], "10.96.1.2");
        assert_eq!(new["spec"]["ports"][0]["nodePort"], 30001);
        assert!(
            new["spec"]["ports"][1]["nodePort"]
                .as_u64()
                .is_some_and(|port| port >= NODE_PORT_FIRST && port != 30001)
        );
    }

    #[test]
    fn headless_services_stay_headless() {
        let mut service = json!({"spec": {"clusterIP": "None"}});
        allocate(&mut service, None, std::iter::empty());
        assert_eq!(service["spec"]["clusterIPs"], json!(["None"]));
    }
}
