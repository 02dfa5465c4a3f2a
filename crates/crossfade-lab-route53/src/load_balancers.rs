//! The DNS names of load balancers, as the names under `<region>.elb.amazonaws.com` are on AWS: what they resolve to now,
//! and whether they have a healthy target. It knows nothing of what a load balancer does with a connection.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, PoisonError, RwLock};

use crate::name::DnsName;

/// What a load balancer's DNS name resolves to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancerDns {
    /// Its addresses; each answer lists all of them.
    pub addresses: Vec<Ipv4Addr>,
    /// The TTL of answers, also of alias answers (60 on AWS).
    pub ttl_seconds: u32,
    /// Whether alias records with `EvaluateTargetHealth` see it as healthy.
    pub healthy: bool,
}

/// A handle on the load balancer names of one [`Route53`](crate::Route53). Changes are seen by the next query.
#[derive(Clone, Debug, Default)]
pub struct LoadBalancerNames {
    entries: Arc<RwLock<HashMap<DnsName, Arc<LoadBalancerDns>>>>,
}

impl LoadBalancerNames {
    /// Adds a name or replaces what it resolves to. A name that is no DNS name is ignored, with a log line.
    pub fn set(&self, dns_name: &str, entry: LoadBalancerDns) {
        match DnsName::parse(dns_name) {
            Ok(name) => {
                self.entries.write().unwrap_or_else(PoisonError::into_inner).insert(name, Arc::new(entry));
            }
            Err(error) => tracing::warn!(dns_name, %error, "load balancer name ignored"),
        }
    }

    /// Removes a name; it no longer resolves, and aliases to it count as unhealthy.
    pub fn remove(&self, dns_name: &str) {
        if let Ok(name) = DnsName::parse(dns_name) {
            self.entries.write().unwrap_or_else(PoisonError::into_inner).remove(name.wire());
        }
    }

    /// What the name in lower-case wire form resolves to. AWS serves each name also with `dualstack.` in front.
    pub(crate) fn get(&self, wire: &[u8]) -> Option<Arc<LoadBalancerDns>> {
        const DUALSTACK: &[u8] = b"\x09dualstack";
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(wire).or_else(|| entries.get(wire.strip_prefix(DUALSTACK)?)).cloned()
    }
}
