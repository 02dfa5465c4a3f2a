//! The lab's side of the control port.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{
    DISTURBANCE, DisturbanceRequest, END, FAULT, FaultRequest, LOAD_BALANCERS, LabStatus, LoadBalancerStatus,
    STATUS, SwitchRequest,
};
use crate::cluster::Cluster;
use crate::disturbance::{Disturbances, Targets};
use crate::ingress::Infrastructure;
use crate::memory;
use crate::stop::Stop;

/// Requests are a few words.
const BODY_BYTES_MAX: usize = 64 << 10;
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// What the control port can reach.
pub(crate) struct Desk {
    pub(crate) token: String,
    pub(crate) clusters: Vec<Arc<Cluster>>,
    pub(crate) infrastructure: Arc<Infrastructure>,
    pub(crate) route53: crossfade_lab_route53::Route53,
    pub(crate) disturbances: Disturbances,
    pub(crate) end_requested: Stop,
}

/// Serves until dropped.
pub(crate) async fn serve(listener: TcpListener, desk: Arc<Desk>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let desk = Arc::clone(&desk);
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let desk = Arc::clone(&desk);
                async move { Ok::<_, Infallible>(desk.answer(request).await) }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

type Answer = Response<Full<Bytes>>;

impl Desk {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        if !self.is_allowed(&request) {
            return refusal(StatusCode::UNAUTHORIZED, "the token of lab.json is needed");
        }
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        match (method, path.as_str()) {
            (Method::GET, STATUS) => match serde_json::to_value(self.status()) {
                Ok(status) => answer(&status),
                Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
            },
            (Method::POST, LOAD_BALANCERS) => match read::<SwitchRequest>(request).await {
                Ok(wanted) => self.on_cluster(&wanted.cluster, |cluster| {
                    self.infrastructure.balancers.switch(cluster.index, wanted.on);
                    tracing::info!(cluster = %cluster.name, on = wanted.on, "load balancers switched");
                }),
                Err(refusal) => refusal,
            },
            (Method::POST, FAULT) => match read::<FaultRequest>(request).await {
                Ok(wanted) => self.on_cluster(&wanted.cluster, |cluster| {
                    cluster.inject(wanted.fault);
                    tracing::info!(cluster = %cluster.name, fault = ?wanted.fault, "fault set");
                }),
                Err(refusal) => refusal,
            },
            (Method::POST, DISTURBANCE) => match read::<DisturbanceRequest>(request).await {
                Ok(wanted) => self.disturb(&wanted),
                Err(refusal) => refusal,
            },
            (Method::POST, END) => {
                self.end_requested.give();
                answer(&json!({}))
            }
            (_, STATUS | LOAD_BALANCERS | FAULT | DISTURBANCE | END) => {
                refusal(StatusCode::METHOD_NOT_ALLOWED, "not with this method")
            }
            _ => refusal(StatusCode::NOT_FOUND, "the control port has no such path"),
        }
    }

    /// Compares all bytes whatever differs, so that the time tells nothing.
    fn is_allowed(&self, request: &Request<Incoming>) -> bool {
        let expected = format!("Bearer {}", self.token);
        let given = request.headers().get(AUTHORIZATION).map_or(&b""[..], HeaderValue::as_bytes);
        let differs = expected.bytes().zip(given).fold(0, |differs, (one, other)| differs | (one ^ other));
        given.len() == expected.len() && differs == 0
    }

    fn disturb(&self, wanted: &DisturbanceRequest) -> Answer {
        let cluster = wanted.what.cluster();
        let found = cluster.and_then(|name| self.clusters.iter().find(|known| known.name == name));
        if let Some(name) = cluster.filter(|_| found.is_none()) {
            return refusal(StatusCode::NOT_FOUND, &format!("the lab has no cluster {name}"));
        }
        let targets = Targets { cluster: found.map(|cluster| &**cluster), route53: &self.route53 };
        match self.disturbances.turn(wanted.turn, &wanted.what, &targets) {
            Ok(()) => {
                tracing::info!(turn = ?wanted.turn, what = ?wanted.what, "disturbance");
                answer(&json!({}))
            }
            Err(problem) => refusal(StatusCode::UNPROCESSABLE_ENTITY, &problem),
        }
    }

    fn on_cluster(&self, name: &str, action: impl FnOnce(&Cluster)) -> Answer {
        match self.clusters.iter().find(|cluster| cluster.name == name) {
            Some(cluster) => {
                action(cluster);
                answer(&json!({}))
            }
            None => refusal(StatusCode::NOT_FOUND, &format!("the lab has no cluster {name}")),
        }
    }

    fn status(&self) -> LabStatus {
        let counters = self.route53.counters();
        LabStatus {
            load_balancers: self.infrastructure.balancers.all().iter().map(|one| describe(one)).collect(),
            faults: self.clusters.iter().map(|cluster| (cluster.name.clone(), cluster.fault.get())).collect(),
            disturbances: self.disturbances.on(),
            resident_memory_bytes: memory::resident_bytes(),
            api_calls: counters.api_calls,
            refused_calls: counters.refused_calls,
            name_server_queries: counters.name_server_queries.to_vec(),
        }
    }
}

fn describe(balancer: &crate::balancer::Balancer) -> LoadBalancerStatus {
    let settings = balancer.settings();
    let first = settings.members.first().and_then(|member| member.split_once('/')).unwrap_or_default();
    LoadBalancerStatus {
        cluster: balancer.identity.cluster.clone(),
        namespace: first.0.to_owned(),
        ingress: first.1.to_owned(),
        members: settings.members.clone(),
        dns_name: balancer.identity.dns_name.clone(),
        addresses: balancer.addresses.to_vec(),
        on: balancer.is_on(),
        healthy: settings.healthy,
        requests: balancer.answers(),
    }
}

async fn read<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Answer> {
    let body = Limited::new(request.into_body(), BODY_BYTES_MAX)
        .collect()
        .await
        .map_err(|error| refusal(StatusCode::BAD_REQUEST, &error.to_string()))?;
    serde_json::from_slice(&body.to_bytes())
        .map_err(|error| refusal(StatusCode::BAD_REQUEST, &error.to_string()))
}

fn answer(value: &serde_json::Value) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(value.to_string())));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn refusal(status: StatusCode, text: &str) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(format!("{text}\n"))));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
