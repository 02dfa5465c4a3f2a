//! The control port: what cannot be done through the interfaces of the real parts. Switching load balancers off, faults,
//! how the lab is, its end.
//!
//! HTTP with JSON on loopback; every request carries the token of `lab.json`.

mod server;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request};
use http_body_util::Full;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::disturbance::{Disturbance, Turn};
use crate::error::LabError;
use crate::exchange::exchange;
use crate::fault::Fault;
use crate::options::LabAddresses;

pub(crate) use server::{Desk, serve};

const PART: &str = "control port";
/// Paths of the control port.
const STATUS: &str = "/v1/status";
const LOAD_BALANCERS: &str = "/v1/load-balancers";
const FAULT: &str = "/v1/fault";
const DISTURBANCE: &str = "/v1/disturbance";
const END: &str = "/v1/end";

/// A client of a running lab's control port.
#[derive(Clone, Debug)]
pub struct Control {
    address: SocketAddr,
    token: String,
}

/// How a lab is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabStatus {
    /// By DNS name.
    pub load_balancers: Vec<LoadBalancerStatus>,
    /// Each cluster's fault.
    pub faults: BTreeMap<String, Fault>,
    /// What goes wrong with the APIs, Route 53 and the name servers.
    pub disturbances: Vec<Disturbance>,
    /// Bytes of the lab's process in RAM; 0 where the system does not tell.
    pub resident_memory_bytes: u64,
    /// Calls to the AWS endpoint by operation.
    pub api_calls: BTreeMap<String, u64>,
    /// Of those, the refused ones by error code.
    pub refused_calls: BTreeMap<String, u64>,
    /// Questions that each name server got.
    pub name_server_queries: Vec<u64>,
}

/// One load balancer of a lab.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerStatus {
    /// Whose it is.
    pub cluster: String,
    /// Namespace of its first Ingress (or Service).
    pub namespace: String,
    /// Name of its first Ingress (or Service).
    pub ingress: String,
    /// All that share it, as `namespace/name`.
    pub members: Vec<String>,
    /// Its name under `elb.amazonaws.com`.
    pub dns_name: String,
    /// Its two addresses.
    pub addresses: Vec<Ipv4Addr>,
    /// False while it is switched off.
    pub on: bool,
    /// Whether each of its target groups has a ready target.
    pub healthy: bool,
    /// Answers so far by class: `2xx`, `3xx`, `4xx`, `5xx`; `tcp` for connections of network load balancers.
    pub requests: BTreeMap<String, u64>,
}

impl LabStatus {
    /// Which cluster an address belongs to.
    pub fn clusters_by_address(&self) -> BTreeMap<Ipv4Addr, String> {
        self.load_balancers
            .iter()
            .flat_map(|balancer| {
                balancer.addresses.iter().map(|address| (*address, balancer.cluster.clone()))
            })
            .collect()
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct SwitchRequest {
    cluster: String,
    on: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct FaultRequest {
    cluster: String,
    fault: Fault,
}

#[derive(Debug, Serialize, Deserialize)]
struct DisturbanceRequest {
    turn: Turn,
    what: Disturbance,
}

impl Control {
    /// A client for the lab at `addresses`.
    pub fn new(addresses: &LabAddresses) -> Control {
        Control { address: addresses.control, token: addresses.control_token.clone() }
    }

    /// Switches all load balancers of a cluster off, as if deleted but for their DNS names, or on again.
    pub async fn set_load_balancers(&self, cluster: &str, on: bool) -> Result<(), LabError> {
        let request = SwitchRequest { cluster: cluster.to_owned(), on };
        self.send(LOAD_BALANCERS, &request).await
    }

    /// Makes `fault` true of a cluster; [`Fault::None`] ends it.
    pub async fn inject(&self, cluster: &str, fault: Fault) -> Result<(), LabError> {
        let request = FaultRequest { cluster: cluster.to_owned(), fault };
        self.send(FAULT, &request).await
    }

    /// Makes something go wrong until it is ended. One of the same kind in the same place takes the other's place.
    pub async fn begin(&self, what: Disturbance) -> Result<(), LabError> {
        self.send(DISTURBANCE, &DisturbanceRequest { turn: Turn::Begin, what }).await
    }

    /// Ends what [`begin`](Self::begin) began; its number does not matter, but that of a name server. What is not on stays
    /// off.
    pub async fn end(&self, what: Disturbance) -> Result<(), LabError> {
        self.send(DISTURBANCE, &DisturbanceRequest { turn: Turn::End, what }).await
    }

    /// How the lab is now.
    pub async fn status(&self) -> Result<LabStatus, LabError> {
        self.ask(Method::GET, STATUS, Bytes::new()).await
    }

    /// Asks the lab to end. Whoever runs it hears of it through [`Lab::end_requested`](crate::Lab::end_requested).
    pub async fn request_end(&self) -> Result<(), LabError> {
        self.ask::<serde_json::Value>(Method::POST, END, Bytes::new()).await.map(drop)
    }

    async fn send(&self, path: &str, request: &impl Serialize) -> Result<(), LabError> {
        let body = serde_json::to_vec(request).map_err(|error| self.unreachable(error.into()))?;
        self.ask::<serde_json::Value>(Method::POST, path, Bytes::from(body)).await.map(drop)
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, body: Bytes) -> Result<T, LabError> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.address.to_string())
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| self.unreachable(std::io::Error::other(error)))?;
        let response = exchange(self.address, request).await.map_err(|source| self.unreachable(source))?;
        if !response.status().is_success() {
            let text = String::from_utf8_lossy(response.body()).trim().to_owned();
            return Err(LabError::Refused { part: PART, status: response.status().as_u16(), text });
        }
        serde_json::from_slice(response.body()).map_err(|error| self.unreachable(error.into()))
    }

    fn unreachable(&self, source: std::io::Error) -> LabError {
        LabError::Unreachable { part: PART, address: self.address, source }
    }
}
