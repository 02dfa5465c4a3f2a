//! The program that the lab's pods run: it shows which cluster serves a request, and logs each one.
//!
//! Modelled on the pattern's `eks-example-go`: the page is titled "Hello EKS Blueprint" and has six paragraphs with
//! label and value, so that `grep CLUSTER_NAME | awk -F "<span>|</span>" '{print $4}'` prints the cluster. It keeps no
//! state and opens no connection of its own. `crossfade sample-app` serves it on any address.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::fault::{Fault, FaultSwitch};
use crate::stop::Stop;

/// How long requests in flight may take after the end was asked for, as in `eks-example-go`.
const GRACE: Duration = Duration::from_secs(90);
/// The longest that `?sleep=` can hold an answer: a rehearsal needs slow answers, not leaked ones.
const SLEEP_MAX: Duration = Duration::from_mins(1);
/// How long an idle connection stays open: longer than load balancers keep theirs (60 s), so that none of them sends into
/// a connection that is just being closed.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// What load balancers' health checks call themselves.
const HEALTH_CHECKER: &str = "ELB-HealthChecker/";

/// What one instance says of itself.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Shown as CLUSTER_NAME.
    pub cluster_name: String,
    /// Shown as the server's name; a pod's host name.
    pub pod_name: String,
    /// `Some(image)`: the image is not one that the lab can run, and every answer says so (501).
    pub not_run_here: Option<String>,
    /// Set from outside while the program runs.
    pub fault: FaultSwitch,
}

/// Serves until `shutdown` is done, then lets requests in flight finish for at most 90 s. Each request is logged.
pub async fn serve(
    listener: TcpListener,
    settings: Settings,
    log: impl Fn(String) + Send + Sync + 'static,
    shutdown: impl Future<Output = ()> + Send,
) -> std::io::Result<()> {
    let app = Arc::new(SampleApp { settings, log: Box::new(log) });
    let graceful = Stop::new();
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let (stream, peer) = tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                // The peer hung up before we took its connection, or files ran out for a moment.
                Err(error) => {
                    tracing::debug!(%error, "sample app: accept failed");
                    tokio::task::yield_now().await;
                    continue;
                }
            },
        };
        let app = Arc::clone(&app);
        let graceful = graceful.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let app = Arc::clone(&app);
                async move { Ok::<_, Infallible>(app.answer(request, peer).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            let mut connection = std::pin::pin!(connection);
            tokio::select! {
                _ = connection.as_mut() => return,
                () = graceful.wait() => connection.as_mut().graceful_shutdown(),
            }
            let _ = connection.await;
        });
    }
    drop(listener);
    graceful.give();
    let _ = tokio::time::timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
    Ok(())
}

struct SampleApp {
    settings: Settings,
    log: Box<dyn Fn(String) + Send + Sync>,
}

impl SampleApp {
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Full<Bytes>> {
        let now = jiff::Zoned::now();
        let path = request.uri().path();
        let cluster = &self.settings.cluster_name;
        (self.log)(format!("{} {{url: {path} }}, cluster: {cluster} }}", now.strftime("%Y/%m/%d %H:%M:%S")));
        if let Some(image) = &self.settings.not_run_here {
            let text = format!("The lab does not run image {image}; this pod is only a name.\n");
            return plain(StatusCode::NOT_IMPLEMENTED, text);
        }
        let checked = request
            .headers()
            .get(USER_AGENT)
            .is_some_and(|agent| agent.as_bytes().starts_with(HEALTH_CHECKER.as_bytes()));
        if self.settings.fault.fails(path) && !checked {
            let text = format!("500 Internal Server Error: this pod of {cluster} fails on purpose\n");
            return plain(StatusCode::INTERNAL_SERVER_ERROR, text);
        }
        if let Some(sleep) = request.uri().query().and_then(requested_sleep) {
            tokio::time::sleep(sleep.min(SLEEP_MAX)).await;
        }
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let page = page(&[
            ("Server address", &peer.to_string()),
            ("Server name", &self.settings.pod_name),
            ("Date", &now.strftime("%Y.%m.%d %H:%M:%S").to_string()),
            ("URI", &request.uri().to_string()),
            ("HOST", host),
            ("CLUSTER_NAME", cluster),
        ]);
        let mut response = Response::new(Full::new(Bytes::from(page)));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        response
    }
}

/// The cluster that a page of this program names, if it is one.
pub fn cluster_of_page(page: &str) -> Option<&str> {
    let (_, after) = page.split_once("<span>CLUSTER_NAME:</span>")?;
    let (_, value) = after.split_once("<span>")?;
    let (value, _) = value.split_once("</span>")?;
    Some(value)
}

fn page(facts: &[(&str, &str)]) -> String {
    let mut page = String::from(
        "<!DOCTYPE html>\n<html>\n<head>\n<title>Hello EKS Blueprint</title>\n</head>\n<body>\n\
         <h1>Hello EKS Blueprint</h1>\n<div class=\"info\">\n",
    );
    for (label, value) in facts {
        page.push_str("<p><span>");
        page.push_str(label);
        page.push_str(":</span> <span>");
        for character in value.chars() {
            match character {
                '&' => page.push_str("&amp;"),
                '<' => page.push_str("&lt;"),
                '>' => page.push_str("&gt;"),
                '"' => page.push_str("&quot;"),
                other => page.push(other),
            }
        }
        page.push_str("</span></p>\n");
    }
    page.push_str("</div>\n</body>\n</html>\n");
    page
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// `sleep=1.5s`, `sleep=300ms` or `sleep=2` (seconds), as far as Go's durations are needed.
fn requested_sleep(query: &str) -> Option<Duration> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("sleep="))?;
    let (number, unit_seconds) = match value.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (value.strip_suffix('s').unwrap_or(value), 1.0),
    };
    let seconds = number.parse::<f64>().ok()? * unit_seconds;
    Duration::try_from_secs_f64(seconds).ok()
}

impl FaultSwitch {
    fn fails(&self, path: &str) -> bool {
        self.get() == Fault::Http500 && !self.is_health_path(path)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_fourth_field_between_spans_is_the_cluster() {
        let page = page(&[("URI", "/?a=<b>"), ("CLUSTER_NAME", "eks-blueprint-blue")]);
        let line = page.lines().find(|line| line.contains("CLUSTER_NAME")).unwrap();
        // What `awk -F "<span>|</span>" '{print $4}'` sees.
        let fields: Vec<&str> = line.split("<span>").flat_map(|part| part.split("</span>")).collect();
        assert_eq!(fields[3], "eks-blueprint-blue");
        assert_eq!(cluster_of_page(&page), Some("eks-blueprint-blue"));
        assert!(page.contains("/?a=&lt;b&gt;"));
    }

    #[tokio::test]
    async fn requests_in_flight_are_answered_when_the_end_comes() {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (logged, mut log) = tokio::sync::mpsc::unbounded_channel();
        let stop = Stop::new();
        let ended = stop.clone();
        let settings = Settings { cluster_name: "blue".to_owned(), ..Settings::default() };
        let server = tokio::spawn(async move {
            serve(listener, settings, move |line| drop(logged.send(line)), ended.wait()).await
        });
        let request = Request::get("/slow?sleep=50ms").body(Full::new(Bytes::new())).unwrap();
        let answer = tokio::spawn(crate::exchange::exchange(address, request));
        let line = log.recv().await.unwrap();
        assert!(line.ends_with("{url: /slow }, cluster: blue }"), "{line}");
        stop.give();
        assert_eq!(answer.await.unwrap().unwrap().status(), StatusCode::OK);
        server.await.unwrap().unwrap();
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn an_image_that_is_not_run_says_so() {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let settings = Settings { not_run_here: Some("redis:4.0.2".to_owned()), ..Settings::default() };
        let server = tokio::spawn(serve(listener, settings, drop, std::future::pending()));
        let request = Request::get("/").body(Full::new(Bytes::new())).unwrap();
        let answer = crate::exchange::exchange(address, request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_IMPLEMENTED);
        assert!(String::from_utf8_lossy(answer.body()).contains("redis:4.0.2"));
        server.abort();
    }

    #[test]
    fn sleeps_are_read_as_go_writes_them() {
        assert_eq!(requested_sleep("a=1&sleep=300ms"), Some(Duration::from_millis(300)));
        assert_eq!(requested_sleep("sleep=1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(requested_sleep("sleep=2"), Some(Duration::from_secs(2)));
        assert_eq!(requested_sleep("sleep=-1s"), None);
        assert_eq!(requested_sleep("sleep=soon"), None);
    }
}
