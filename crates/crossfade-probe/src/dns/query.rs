//! One question, one answer; UDP first, TCP when the answer does not fit.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::ProbeError;

/// A server that takes longer is tried again; 2 s is what stub resolvers wait at the least.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// UDP loses messages now and then; three losses in a row mean that nobody is there.
const ATTEMPTS: usize = 3;
/// The largest DNS message.
const MESSAGE_BYTES_MAX: usize = 65_535;

/// What a server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// `NOERROR`, `NXDOMAIN`, ...
    pub code: ResponseCode,
    /// The server speaks for the zone.
    pub authoritative: bool,
    /// A and AAAA records of the answer section, in its order.
    pub addresses: Vec<IpAddr>,
    /// Texts of the answer's NS and CNAME targets, in its order.
    pub names: Vec<String>,
    /// The smallest TTL of the answer section, seconds; `None` without records.
    pub ttl_seconds: Option<u32>,
}

impl Answer {
    /// The server knows: the name is there or is not. All other codes are about the server.
    pub fn is_final(&self) -> bool {
        matches!(self.code, ResponseCode::NoError | ResponseCode::NXDomain)
    }
}

/// Ask one server.
pub async fn query(server: SocketAddr, name: &str, record_type: RecordType) -> Result<Answer, ProbeError> {
    let request = mk_request(name, record_type, Recursion::Desired)?;
    let io = |source| ProbeError::Io { server: server.to_string(), source };
    let socket = connect(server).await.map_err(io)?;
    let mut buffer = vec![0; MESSAGE_BYTES_MAX];
    for _ in 0..ATTEMPTS {
        socket.send(&request).await.map_err(io)?;
        let Ok(received) = timeout(ANSWER_WITHIN, receive(&socket, &mut buffer, &request)).await else {
            continue;
        };
        let length = received.map_err(io)?;
        let message = decode(server, buffer.get(..length).unwrap_or_default())?;
        if message.metadata.truncation {
            return query_tcp(server, name, &request).await;
        }
        return Ok(to_answer(&message));
    }
    Err(ProbeError::TimedOut { server: server.to_string(), what: name.to_owned() })
}

/// Ask the servers in turn until one knows.
pub async fn query_any(
    servers: &[SocketAddr],
    name: &str,
    record_type: RecordType,
) -> Result<Answer, ProbeError> {
    let mut last = ProbeError::TimedOut { server: "no server".to_owned(), what: name.to_owned() };
    for server in servers {
        match query(*server, name, record_type).await {
            Ok(answer) if answer.is_final() => return Ok(answer),
            Ok(answer) => {
                last = ProbeError::NotAnswered { server: *server, name: name.to_owned(), code: answer.code }
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

pub(super) async fn connect(server: SocketAddr) -> std::io::Result<UdpSocket> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
    socket.connect(server).await?;
    Ok(socket)
}

/// Whether a server should ask others. Name servers of a zone take no notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recursion {
    Desired,
    NotDesired,
}

pub(super) fn mk_request(
    name: &str,
    record_type: RecordType,
    recursion: Recursion,
) -> Result<Vec<u8>, ProbeError> {
    let wrong = || ProbeError::Name { name: name.to_owned() };
    let mut parsed = Name::from_ascii(name).map_err(|_| wrong())?;
    parsed.set_fqdn(true);
    let mut message = Message::query();
    message.metadata.recursion_desired = recursion == Recursion::Desired;
    message.add_query(Query::query(parsed, record_type));
    message.to_vec().map_err(|_| wrong())
}

/// Receive until a message with the request's id comes: late answers to earlier attempts are others'.
async fn receive(socket: &UdpSocket, buffer: &mut [u8], request: &[u8]) -> std::io::Result<usize> {
    loop {
        let length = socket.recv(buffer).await?;
        if buffer.get(..2) == request.get(..2) {
            return Ok(length);
        }
    }
}

async fn query_tcp(server: SocketAddr, name: &str, request: &[u8]) -> Result<Answer, ProbeError> {
    let exchange = async {
        let mut stream = TcpStream::connect(server).await?;
        let length = u16::try_from(request.len()).map_err(std::io::Error::other)?;
        stream.write_all(&length.to_be_bytes()).await?;
        stream.write_all(request).await?;
        let length = stream.read_u16().await?;
        let mut bytes = vec![0; usize::from(length)];
        stream.read_exact(&mut bytes).await?;
        Ok(bytes)
    };
    let late = || ProbeError::TimedOut { server: server.to_string(), what: name.to_owned() };
    let bytes = timeout(ANSWER_WITHIN, exchange).await.map_err(|_| late())?;
    let bytes = bytes.map_err(|source| ProbeError::Io { server: server.to_string(), source })?;
    Ok(to_answer(&decode(server, &bytes)?))
}

pub(super) fn decode(server: SocketAddr, bytes: &[u8]) -> Result<Message, ProbeError> {
    Message::from_vec(bytes).map_err(|source| ProbeError::Malformed { server, source })
}

pub(super) fn to_answer(message: &Message) -> Answer {
    let mut answer = Answer {
        code: message.metadata.response_code,
        authoritative: message.metadata.authoritative,
        addresses: Vec::new(),
        names: Vec::new(),
        ttl_seconds: message.answers.iter().map(|record| record.ttl).min(),
    };
    for record in &message.answers {
        match &record.data {
            RData::A(address) => answer.addresses.push(address.0.into()),
            RData::AAAA(address) => answer.addresses.push(address.0.into()),
            RData::NS(target) => answer.names.push(target.0.to_ascii()),
            RData::CNAME(target) => answer.names.push(target.0.to_ascii()),
            _ => {}
        }
    }
    answer
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use hickory_proto::rr::Record;
    use hickory_proto::rr::rdata::A;

    use super::*;

    /// A resolver: refuses who does not want recursion, and whom it does not serve.
    async fn mk_resolver(serves: bool) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 512];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
                let request = Message::from_vec(&buffer[..length]).unwrap();
                let wanted = request.metadata.recursion_desired && serves;
                let name = request.queries[0].name().clone();
                let mut answer = request.into_response();
                if wanted {
                    answer.add_answer(Record::from_rdata(name, 7, RData::A(A::new(127, 64, 0, 1))));
                } else {
                    answer.metadata.response_code = ResponseCode::Refused;
                }
                socket.send_to(&answer.to_vec().unwrap(), peer).await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn goes_on_to_a_server_that_knows() {
        let servers = [mk_resolver(false).await, mk_resolver(true).await];
        let answer = query_any(&servers, "lb.example.org", RecordType::A).await.unwrap();
        assert_eq!(answer.addresses, ["127.64.0.1".parse::<IpAddr>().unwrap()]);
        let error = query_any(&servers[..1], "lb.example.org", RecordType::A).await.unwrap_err();
        assert!(matches!(error, ProbeError::NotAnswered { .. }), "{error}");
    }
}
