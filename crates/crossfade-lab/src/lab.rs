//! A lab from start to end: everything of it lives in this process and goes with it.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use crossfade_lab_aws::{CloudWatch, SecretsManager};
use crossfade_lab_kube::{Access, User};
use crossfade_lab_route53::{Route53, Route53Options};
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http_body_util::Full;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::balancer::{Balancers, CLUSTERS_MAX};
use crate::certificates::{self, Authority};
use crate::cluster::{ClusterHandle, ClusterOptions, PodAddresses};
use crate::control::{self, Desk};
use crate::counts;
use crate::disturbance::Disturbances;
use crate::error::LabError;
use crate::exchange::exchange;
use crate::home::{self, Context};
use crate::ingress::Infrastructure;
use crate::options::{ClusterAddress, DESCRIPTION_FILE, LabAddresses, LabOptions};
use crate::proxy;
use crate::secrets;
use crate::stop::Stop;

/// When the name servers take a change up: moments that differ, as on AWS, but all within half a second.
const TAKE_UP: std::ops::RangeInclusive<Duration> = Duration::from_millis(50)..=Duration::from_millis(400);
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A running lab. Dropping it ends everything at once and removes `lab.json`.
pub struct Lab {
    addresses: LabAddresses,
    route53: Route53,
    end_requested: Stop,
    _clusters: Vec<ClusterHandle>,
    tasks: JoinSet<()>,
}

impl std::fmt::Debug for Lab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lab").field("dir", &self.addresses.dir).finish_non_exhaustive()
    }
}

impl Lab {
    /// Starts everything and writes the files of `options.dir`; `lab.json` is the last, and says that all is ready.
    pub async fn start(options: LabOptions) -> Result<Lab, LabError> {
        let began = Instant::now();
        check(&options)?;
        home::create_dir(&options.dir)?;
        let dir = options.dir.canonicalize().map_err(|source| LabError::File {
            action: "find",
            path: options.dir.clone(),
            source,
        })?;
        forget_description(&dir)?;
        let domain = options.domain();
        let authority = Authority::new(&domain)?;
        let route53 = start_route53(&options).await?;
        create_parent_zone(route53.api_address(), &options.hosted_zone_name).await?;
        let wildcard = format!("*.{domain}");
        let infrastructure = Arc::new(Infrastructure {
            balancers: Balancers::new(),
            names: route53.load_balancers(),
            region: options.region.clone(),
            tls: authority.server(&[&domain, &wildcard], &[b"http/1.1"])?,
            domain: domain.clone(),
            alias_ttl_seconds: options.alias_ttl_seconds,
            seed: options.seed,
        });
        let (clusters, contexts) = start_clusters(&options, &dir, &authority, &infrastructure).await?;

        let mut tasks = JoinSet::new();
        let (proxy_listener, proxy) = listen("the proxy").await?;
        let (control_listener, control) = listen("the control port").await?;
        let control_token = certificates::token()?;
        let end_requested = Stop::new();
        let desk = Arc::new(Desk {
            token: control_token.clone(),
            clusters: clusters.iter().map(|handle| Arc::clone(&handle.cluster)).collect(),
            infrastructure: Arc::clone(&infrastructure),
            route53: route53.clone(),
            disturbances: Disturbances::default(),
            end_requested: end_requested.clone(),
        });
        let cloud_watch = Arc::new(CloudWatch::new(&options.region));
        counts::serve(&cloud_watch, &route53.other_services());
        secrets::serve(SecretsManager::new(&options.account_id), &route53.other_services());
        tasks.spawn(counts::feed(cloud_watch, Arc::clone(&infrastructure)));
        let resolver = route53.resolver_address();
        tasks.spawn(proxy::serve(proxy_listener, infrastructure, resolver));
        tasks.spawn(control::serve(control_listener, desk));

        let addresses = LabAddresses {
            process_id: std::process::id(),
            kubeconfig: dir.join("kubeconfig"),
            ca: dir.join("ca.crt"),
            curl_home: dir.join("curl"),
            aws_endpoint: format!("http://{}", route53.api_address()),
            name_servers: route53.name_servers().to_vec(),
            resolver,
            proxy,
            control,
            control_token,
            region: options.region,
            account_id: options.account_id,
            hosted_zone_name: options.hosted_zone_name,
            domain,
            clusters: clusters
                .iter()
                .map(|handle| ClusterAddress {
                    name: handle.cluster.name.clone(),
                    server: format!("https://{}", handle.address),
                })
                .collect(),
            dir,
        };
        write_files(&addresses, &clusters, &contexts, &authority.pem())?;
        tracing::info!(
            dir = %addresses.dir.display(),
            milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "lab ready"
        );
        Ok(Lab { addresses, route53, end_requested, _clusters: clusters, tasks })
    }

    /// Where everything is found.
    pub fn addresses(&self) -> &LabAddresses {
        &self.addresses
    }

    /// The lab's Route 53, for faults that have no place on the control port.
    pub fn route53(&self) -> &Route53 {
        &self.route53
    }

    /// Waits until somebody asked for the end through the control port.
    pub async fn end_requested(&self) {
        self.end_requested.wait().await;
    }

    /// Ends the lab and waits until its ports are closed. Its directory stays, without `lab.json`.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // A directory that has gone already needs no care.
        let _ = forget_description(&self.addresses.dir);
        self.route53.stop();
    }
}

fn check(options: &LabOptions) -> Result<(), LabError> {
    if options.clusters.is_empty() {
        return Err(LabError::Option("a lab needs at least one cluster".to_owned()));
    }
    if options.clusters.len() > CLUSTERS_MAX as usize {
        return Err(LabError::Option(format!("a lab has {CLUSTERS_MAX} clusters at most")));
    }
    let names: BTreeSet<&str> = options.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    if names.len() != options.clusters.len() {
        return Err(LabError::Option("each cluster of a lab needs a name of its own".to_owned()));
    }
    Ok(())
}

fn forget_description(dir: &std::path::Path) -> Result<(), LabError> {
    let path = dir.join(DESCRIPTION_FILE);
    match std::fs::remove_file(&path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(LabError::File { action: "remove", path, source })
        }
        _ => Ok(()),
    }
}

async fn start_route53(options: &LabOptions) -> Result<Route53, LabError> {
    Route53::start(Route53Options {
        account_id: options.account_id.clone(),
        region: options.region.clone(),
        seed: options.seed,
        api_listen: LOOPBACK,
        name_server_listen: [LOOPBACK; 4],
        resolver_listen: LOOPBACK,
        take_up: TAKE_UP,
        resolver_ttl_seconds_min: 0,
    })
    .await
    .map_err(|source| LabError::Listen { what: "Route 53".to_owned(), source })
}

/// The parent zone is made as anyone would make it: through the API.
async fn create_parent_zone(api: SocketAddr, zone: &str) -> Result<(), LabError> {
    const PART: &str = "AWS endpoint";
    if zone.is_empty() || zone.contains(|c: char| !(c.is_ascii_alphanumeric() || "-._".contains(c))) {
        return Err(LabError::Option(format!("`{zone}` is no name for a hosted zone")));
    }
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\
         <Name>{zone}</Name><CallerReference>crossfade-lab</CallerReference></CreateHostedZoneRequest>"
    );
    let request = Request::post("/2013-04-01/hostedzone")
        .header(HOST, api.to_string())
        .header(CONTENT_TYPE, "text/xml")
        .header(
            AUTHORIZATION,
            "AWS4-HMAC-SHA256 Credential=lab/20260101/us-east-1/route53/aws4_request, SignedHeaders=host, \
             Signature=0",
        )
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| LabError::Option(error.to_string()))?;
    let response = exchange(api, request).await.map_err(|source| LabError::Unreachable {
        part: PART,
        address: api,
        source,
    })?;
    if response.status().is_success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(response.body()).into_owned();
    Err(LabError::Refused { part: PART, status: response.status().as_u16(), text })
}

async fn start_clusters(
    options: &LabOptions,
    dir: &std::path::Path,
    authority: &Authority,
    infrastructure: &Arc<Infrastructure>,
) -> Result<(Vec<ClusterHandle>, Vec<Context>), LabError> {
    let tls = authority.server(&["127.0.0.1", "localhost"], &[b"h2", b"http/1.1"])?;
    let pod_addresses = Arc::new(PodAddresses::default());
    let mut clusters = Vec::new();
    let (mut admins, mut viewers) = (Vec::new(), Vec::new());
    for (index, cluster) in options.clusters.iter().enumerate() {
        let (admin, viewer) = (certificates::token()?, certificates::token()?);
        let viewer_name = format!("{}-viewer", cluster.name);
        let mk_user = |token: &str, name: &str, groups: &[&str], access| User {
            token: token.to_owned(),
            name: name.to_owned(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            access,
        };
        let users = vec![
            mk_user(&admin, "admin", &["system:masters", "system:authenticated"], Access::Admin),
            mk_user(&viewer, "viewer", &["system:authenticated"], Access::ReadOnly),
        ];
        let handle = ClusterHandle::start(ClusterOptions {
            name: cluster.name.clone(),
            index,
            kubernetes_version: cluster.kubernetes_version.clone(),
            dir: dir.to_path_buf(),
            tls: Arc::clone(&tls),
            users,
            seed: options.seed,
            infrastructure: Arc::clone(infrastructure),
            pod_addresses: Arc::clone(&pod_addresses),
        })
        .await?;
        clusters.push(handle);
        admins.push(Context { name: cluster.name.clone(), cluster: cluster.name.clone(), token: admin });
        viewers.push(Context { name: viewer_name, cluster: cluster.name.clone(), token: viewer });
    }
    admins.append(&mut viewers);
    Ok((clusters, admins))
}

async fn listen(what: &str) -> Result<(TcpListener, SocketAddr), LabError> {
    let failed = |source| LabError::Listen { what: what.to_owned(), source };
    let listener = TcpListener::bind(LOOPBACK).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

fn write_files(
    addresses: &LabAddresses,
    clusters: &[ClusterHandle],
    contexts: &[Context],
    ca_pem: &str,
) -> Result<(), LabError> {
    let servers: Vec<(String, SocketAddr)> =
        clusters.iter().map(|handle| (handle.cluster.name.clone(), handle.address)).collect();
    home::write_private(&addresses.kubeconfig, home::kubeconfig(&servers, contexts, ca_pem).as_bytes())?;
    home::write_private(&addresses.ca, ca_pem.as_bytes())?;
    home::create_dir(&addresses.curl_home)?;
    let curlrc = home::curlrc(addresses.proxy, &addresses.ca);
    home::write_private(&addresses.curl_home.join(".curlrc"), curlrc.as_bytes())?;
    addresses.write()
}
