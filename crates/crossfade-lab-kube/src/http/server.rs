//! Listening, and the life of connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::Context;
use super::failing;
use crate::faults::Faults;
use crate::{ApiServerOptions, Store};

/// Connections at once. A client keeps one or two, so this is far above what a lab needs and bounds what a
/// runaway client can take.
const CONNECTIONS_MAX: usize = 1_000;

/// A client that has not finished its TLS handshake by then is not one.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Pause after an accept that failed for want of file descriptors; trying again at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A running server; dropping it closes its connections and ends its watches.
pub struct ApiServer {
    address: SocketAddr,
    store: Store,
    faults: Faults,
    accepting: JoinHandle<()>,
    namespaces: JoinHandle<()>,
}

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiServer").field("address", &self.address).finish_non_exhaustive()
    }
}

impl ApiServer {
    /// Listens and serves until the value is dropped. Fails only when the address cannot be bound.
    pub async fn start(options: ApiServerOptions) -> std::io::Result<ApiServer> {
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let store = Store::new(&options.cluster_name);
        let faults = Faults::new();
        let context = Arc::new(Context {
            store: store.clone(),
            kubernetes_version: options.kubernetes_version,
            users: options.users,
            pod_logs: options.pod_logs,
            started: jiff::Timestamp::now(),
            faults: faults.clone(),
        });
        let accepting = tokio::spawn(accept(listener, TlsAcceptor::from(options.tls), context));
        let namespaces = tokio::spawn(store.clone().run_namespace_controller());
        tracing::info!(cluster = options.cluster_name, %address, "Kubernetes API is ready");
        Ok(ApiServer { address, store, faults, accepting, namespaces })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The objects it serves.
    pub fn store(&self) -> Store {
        self.store.clone()
    }

    /// What can be made to go wrong with it.
    pub fn faults(&self) -> Faults {
        self.faults.clone()
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.store.stop();
        self.accepting.abort();
        self.namespaces.abort();
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, context: Arc<Context>) {
    // Aborting this task drops the set, which ends every connection.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
            continue;
        }
        match listener.accept().await {
            // Down: who connects loses the connection at once.
            Ok(_) if context.faults.is_down() => {}
            Ok((stream, _)) => {
                connections.spawn(serve(stream, acceptor.clone(), context.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, context: Arc<Context>) {
    // Small answers should not wait for more data to travel with.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was refused");
    }
    let stream = match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "TLS handshake failed");
            return;
        }
        Err(_) => return,
    };
    let faults = context.faults.clone();
    let service = service_fn(move |request| {
        let context = context.clone();
        async move { Ok::<_, std::convert::Infallible>(failing::answer(&context, request).await) }
    });
    let mut builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    builder.http2().timer(TokioTimer::new());
    tokio::select! {
        ended = builder.serve_connection(TokioIo::new(stream), service) => {
            if let Err(error) = ended {
                tracing::debug!(%error, "connection ended");
            }
        }
        () = faults.wait_until_down() => {}
    }
}
