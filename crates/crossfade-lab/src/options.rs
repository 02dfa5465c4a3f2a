//! What a lab is started with, and where it is found afterwards.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::LabError;
use crate::home;

/// The file whose presence says that a lab is ready.
pub const DESCRIPTION_FILE: &str = "lab.json";

/// What a lab is started with.
#[derive(Clone, Debug)]
pub struct LabOptions {
    /// The lab's directory; made when it is not there.
    pub dir: PathBuf,
    /// First label of the domain, as the pattern's `environment_name`: `eks-blueprint`.
    pub environment_name: String,
    /// The parent zone, which exists from the start: `eks.example.org`.
    pub hosted_zone_name: String,
    /// AWS region, part of load balancer names: `eu-west-1`.
    pub region: String,
    /// Twelve digits: `111122223333`.
    pub account_id: String,
    /// Seconds that answers with load balancer addresses may be kept: 60 as on AWS, less to rehearse quickly.
    pub alias_ttl_seconds: u32,
    /// Every draw of the lab comes from it (keys and tokens do not).
    pub seed: u64,
    /// The clusters, each with an API of its own.
    pub clusters: Vec<LabCluster>,
}

impl LabOptions {
    /// The applications' domain, `<environment_name>.<hosted_zone_name>`.
    pub fn domain(&self) -> String {
        format!("{}.{}", self.environment_name, self.hosted_zone_name)
    }
}

/// One cluster of a lab.
#[derive(Clone, Debug)]
pub struct LabCluster {
    /// The cluster's name and its context: `eks-blueprint-blue`.
    pub name: String,
    /// `1.33`; what `/version` says.
    pub kubernetes_version: String,
}

/// Where the parts of a running lab are found. It is written to `lab.json`, readable by the owner alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LabAddresses {
    /// The process that runs the lab.
    pub process_id: u32,
    /// The lab's directory.
    pub dir: PathBuf,
    /// A kubeconfig with one context per cluster and one `<cluster>-viewer` each that may only read.
    pub kubeconfig: PathBuf,
    /// The lab's certificate authority, PEM.
    pub ca: PathBuf,
    /// A directory with a `.curlrc` for `CURL_HOME`.
    pub curl_home: PathBuf,
    /// The one AWS endpoint: `http://127.0.0.1:PORT`.
    pub aws_endpoint: String,
    /// The four name servers of every zone.
    pub name_servers: Vec<SocketAddr>,
    /// A caching resolver.
    pub resolver: SocketAddr,
    /// The HTTP proxy through which load balancers are reached.
    pub proxy: SocketAddr,
    /// The control port.
    pub control: SocketAddr,
    /// Bearer token of the control port.
    pub control_token: String,
    /// AWS region.
    pub region: String,
    /// AWS account.
    pub account_id: String,
    /// The parent zone.
    pub hosted_zone_name: String,
    /// The applications' domain.
    pub domain: String,
    /// The clusters' APIs.
    pub clusters: Vec<ClusterAddress>,
}

/// Where one cluster's API is found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClusterAddress {
    /// The cluster's name and its context.
    pub name: String,
    /// `https://127.0.0.1:PORT`.
    pub server: String,
}

impl LabAddresses {
    /// Reads `lab.json` in `dir`. [`LabError::File`] with `NotFound` means that no lab is ready there.
    pub fn read(dir: &Path) -> Result<LabAddresses, LabError> {
        let path = dir.join(DESCRIPTION_FILE);
        let text = std::fs::read(&path).map_err(|source| LabError::File {
            action: "read",
            path: path.clone(),
            source,
        })?;
        serde_json::from_slice(&text).map_err(|source| LabError::Description { path, source })
    }

    /// Writes `lab.json` in the lab's directory, whole or not at all.
    pub(crate) fn write(&self) -> Result<(), LabError> {
        let path = self.dir.join(DESCRIPTION_FILE);
        let text = serde_json::to_vec_pretty(self)
            .map_err(|source| LabError::Description { path: path.clone(), source })?;
        home::write_private(&path, &text)
    }
}
