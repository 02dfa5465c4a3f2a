//! DNS over UDP and TCP on one port: packets in, packets out. It does not know what a packet means.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::dns::message::Carrier;

/// The largest UDP request that is read; larger ones are cut, and then refused as malformed.
const UDP_REQUEST_BYTES_MAX: usize = 4096;
/// TCP connections open at once on one server; further ones wait. Clients use TCP only after a truncated answer.
const TCP_CONNECTIONS_MAX: usize = 256;
/// UDP requests that a waiting responder works on at once; further ones wait in the socket.
const UDP_REQUESTS_MAX: usize = 1024;
/// How long an idle TCP connection stays open (RFC 7766, section 6.2.3, asks for a few seconds).
const TCP_IDLE: Duration = Duration::from_secs(10);
/// Attempts to find a port number that is free for both UDP and TCP.
const BIND_ATTEMPTS: usize = 32;

/// Pause after a socket reported an error, so that one which lasts (no file descriptor is free) costs no processor time.
const ERROR_PAUSE: Duration = Duration::from_millis(50);

/// Something that answers DNS packets.
pub(crate) trait Responder: Send + Sync + 'static {
    /// Whether an answer may have to wait for others, so that UDP requests must not wait for each other.
    const WAITS: bool;

    /// The packet to answer with; `None` for silence.
    fn respond(&self, packet: &[u8], carrier: Carrier) -> impl Future<Output = Option<Vec<u8>>> + Send;
}

/// Sockets bound to the same port number for both carriers.
#[derive(Debug)]
pub(crate) struct Sockets {
    pub(crate) address: SocketAddr,
    udp: UdpSocket,
    tcp: TcpListener,
}

impl Sockets {
    /// Binds UDP and TCP. With port 0, the system chooses a number that is free for both.
    pub(crate) async fn bind(listen: SocketAddr) -> io::Result<Self> {
        let mut attempt = 1;
        loop {
            let tcp = TcpListener::bind(listen).await?;
            let address = tcp.local_addr()?;
            match UdpSocket::bind(address).await {
                Ok(udp) => return Ok(Self { address, udp, tcp }),
                Err(_) if listen.port() == 0 && attempt < BIND_ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Answers until the future is dropped.
    pub(crate) async fn serve(self, responder: Arc<impl Responder>) {
        tokio::join!(serve_udp(self.udp, Arc::clone(&responder)), serve_tcp(self.tcp, responder));
    }
}

async fn serve_udp<R: Responder>(socket: UdpSocket, responder: Arc<R>) {
    let socket = Arc::new(socket);
    let mut requests = JoinSet::new();
    let mut buffer = vec![0; UDP_REQUEST_BYTES_MAX];
    loop {
        while requests.try_join_next().is_some() {}
        if requests.len() >= UDP_REQUESTS_MAX {
            requests.join_next().await;
        }
        let Ok((length, asker)) = socket.recv_from(&mut buffer).await else {
            tokio::time::sleep(ERROR_PAUSE).await;
            continue;
        };
        if R::WAITS {
            let (socket, responder) = (Arc::clone(&socket), Arc::clone(&responder));
            let packet = buffer[..length].to_vec();
            requests.spawn(async move {
                if let Some(reply) = responder.respond(&packet, Carrier::Udp).await {
                    let _ = socket.send_to(&reply, asker).await;
                }
            });
        } else if let Some(reply) = responder.respond(&buffer[..length], Carrier::Udp).await {
            let _ = socket.send_to(&reply, asker).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener, responder: Arc<impl Responder>) {
    let permits = Arc::new(Semaphore::new(TCP_CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ERROR_PAUSE).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        let responder = Arc::clone(&responder);
        connections.spawn(async move {
            let _permit = permit;
            let _ = serve_connection(stream, responder).await;
        });
    }
}

async fn serve_connection(mut stream: TcpStream, responder: Arc<impl Responder>) -> io::Result<()> {
    loop {
        let Ok(length) = tokio::time::timeout(TCP_IDLE, stream.read_u16()).await else {
            return Ok(());
        };
        let mut packet = vec![0; usize::from(length?)];
        match tokio::time::timeout(TCP_IDLE, stream.read_exact(&mut packet)).await {
            Ok(read) => read?,
            Err(_) => return Ok(()),
        };
        let Some(reply) = responder.respond(&packet, Carrier::Tcp).await else {
            return Ok(());
        };
        let Ok(length) = u16::try_from(reply.len()) else {
            return Ok(());
        };
        let mut framed = Vec::with_capacity(reply.len() + 2);
        framed.extend_from_slice(&length.to_be_bytes());
        framed.extend_from_slice(&reply);
        stream.write_all(&framed).await?;
    }
}
