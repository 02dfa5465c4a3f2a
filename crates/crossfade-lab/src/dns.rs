//! Questions to a name server or resolver of the lab, over UDP on loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use tokio::net::UdpSocket;

/// Loopback answers within a millisecond; a name server that is down does not answer at all.
const TIMEOUT: Duration = Duration::from_secs(1);
/// Without EDNS an answer over UDP has at most 512 bytes (RFC 1035 4.2.1); room for servers that send more.
const DATAGRAM_BYTES: usize = 4096;

/// The addresses of a name, and for how long they may be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Addresses {
    pub(crate) addresses: Vec<Ipv4Addr>,
    /// The smallest TTL of the answer's records, aliases included.
    pub(crate) ttl_seconds: u32,
}

/// Why there are no addresses.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DnsError {
    #[error("`{0}` is no host name")]
    Name(String),
    #[error("{server} did not answer in time")]
    Timeout { server: SocketAddr },
    #[error("cannot ask {server}: {source}")]
    Socket { server: SocketAddr, source: std::io::Error },
    #[error("{server} answered {code} for {name}")]
    Code { server: SocketAddr, name: String, code: ResponseCode },
    #[error("{server} gave no address for {name}")]
    Empty { server: SocketAddr, name: String },
    #[error("{server} sent no DNS answer")]
    Malformed { server: SocketAddr },
}

/// Asks `server` for the A records of `host`. `recursion` asks a resolver to do the work.
pub(crate) async fn addresses(
    server: SocketAddr,
    host: &str,
    recursion: Recursion,
) -> Result<Addresses, DnsError> {
    let mut name = Name::from_ascii(host).map_err(|_| DnsError::Name(host.to_owned()))?;
    name.set_fqdn(true);
    let mut question = Message::query();
    question.metadata.recursion_desired = matches!(recursion, Recursion::Desired);
    question.add_query(Query::query(name, RecordType::A));
    let bytes = question.to_vec().map_err(|_| DnsError::Name(host.to_owned()))?;
    let answer = tokio::time::timeout(TIMEOUT, exchange(server, &bytes, question.metadata.id))
        .await
        .map_err(|_| DnsError::Timeout { server })??;
    if answer.metadata.response_code != ResponseCode::NoError {
        let code = answer.metadata.response_code;
        return Err(DnsError::Code { server, name: host.to_owned(), code });
    }
    let addresses: Vec<Ipv4Addr> = answer
        .answers
        .iter()
        .filter_map(|record| match &record.data {
            RData::A(address) => Some(address.0),
            _ => None,
        })
        .collect();
    if addresses.is_empty() {
        return Err(DnsError::Empty { server, name: host.to_owned() });
    }
    let ttl_seconds = answer.answers.iter().map(|record| record.ttl).min().unwrap_or_default();
    Ok(Addresses { addresses, ttl_seconds })
}

/// Whether the server is to look further than its own zones.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Recursion {
    /// A resolver: it asks others.
    Desired,
    /// A name server: it says what it knows.
    NotDesired,
}

async fn exchange(server: SocketAddr, question: &[u8], id: u16) -> Result<Message, DnsError> {
    let failed = |source| DnsError::Socket { server, source };
    // A new port for every question, and a connected socket: answers from elsewhere are not seen.
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
    socket.connect(server).await.map_err(failed)?;
    socket.send(question).await.map_err(failed)?;
    let mut buffer = [0_u8; DATAGRAM_BYTES];
    loop {
        let length = socket.recv(&mut buffer).await.map_err(failed)?;
        let answer = Message::from_vec(&buffer[..length]).map_err(|_| DnsError::Malformed { server })?;
        if answer.metadata.id == id {
            return Ok(answer);
        }
    }
}
