//! Many fresh answers for one host, shared out evenly over the zone's name servers.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_proto::rr::RecordType;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::ProbeError;
use crate::dns::query::{Recursion, connect, decode, mk_request, to_answer};

/// Sockets per server. Each asks one question at a time, so a server never has more than this from us at once.
const LANES_PER_SERVER: u64 = 8;
/// A lost message is not asked again but counted: asking again would prefer servers that answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// A UDP answer without EDNS is no longer than this (RFC 1035, 4.2.1).
const UDP_BYTES_MAX: usize = 512;
/// A lane whose server does not answer stops, so that a dead server costs seconds and not minutes.
const LOSSES_MAX: u64 = 2;

/// Answers by the first address they named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draws {
    /// First address of each answer that had one.
    pub addresses: BTreeMap<IpAddr, u64>,
    /// Questions that got no answer, or one without addresses.
    pub unanswered: u64,
    /// The largest TTL seen, seconds.
    pub ttl_seconds_max: Option<u32>,
}

impl Draws {
    fn add(&mut self, other: Draws) {
        for (address, count) in other.addresses {
            *self.addresses.entry(address).or_default() += count;
        }
        self.unanswered += other.unanswered;
        self.ttl_seconds_max = self.ttl_seconds_max.max(other.ttl_seconds_max);
    }
}

/// Ask `servers` for the A records of `host`, `count` questions in all.
pub async fn draw(servers: &[SocketAddr], host: &str, count: u64) -> Result<Draws, ProbeError> {
    let request = mk_request(host, RecordType::A, Recursion::NotDesired)?;
    let lanes = servers.len() as u64 * LANES_PER_SERVER;
    let mut tasks = JoinSet::new();
    for (index, server) in (0..lanes).zip(servers.iter().cycle()) {
        let share = count / lanes + u64::from(index < count % lanes);
        let (server, request) = (*server, request.clone());
        tasks.spawn(async move { lane(server, request, share).await });
    }
    let mut draws = Draws::default();
    while let Some(joined) = tasks.join_next().await {
        // A lane that panicked asked nothing that we know of.
        draws.add(joined.unwrap_or_default());
    }
    Ok(draws)
}

async fn lane(server: SocketAddr, mut request: Vec<u8>, count: u64) -> Draws {
    let mut draws = Draws::default();
    let Ok(socket) = connect(server).await else {
        draws.unanswered = count;
        return draws;
    };
    let mut buffer = [0; UDP_BYTES_MAX];
    for asked in 0..count {
        if draws.unanswered >= LOSSES_MAX {
            draws.unanswered += count - asked;
            break;
        }
        let id = fastrand::u16(..).to_be_bytes();
        request.splice(..2, id);
        let exchange = async {
            socket.send(&request).await?;
            loop {
                let length = socket.recv(&mut buffer).await?;
                if buffer.get(..2) == Some(&id) {
                    return Ok::<usize, std::io::Error>(length);
                }
            }
        };
        let Ok(Ok(length)) = timeout(ANSWER_WITHIN, exchange).await else {
            draws.unanswered += 1;
            continue;
        };
        let answer =
            decode(server, buffer.get(..length).unwrap_or_default()).map(|message| to_answer(&message));
        match answer.ok().and_then(|answer| Some((*answer.addresses.first()?, answer.ttl_seconds))) {
            Some((address, ttl)) => {
                *draws.addresses.entry(address).or_default() += 1;
                draws.ttl_seconds_max = draws.ttl_seconds_max.max(ttl);
            }
            None => draws.unanswered += 1,
        }
    }
    draws
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use hickory_proto::op::Message;
    use hickory_proto::rr::rdata::A;
    use hickory_proto::rr::{RData, Record};
    use tokio::net::UdpSocket;

    use super::*;

    /// Answers every third question with another address.
    async fn mk_server() -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 512];
            let mut count = 0_u8;
            while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
                let request = Message::from_vec(&buffer[..length]).unwrap();
                let name = request.queries[0].name().clone();
                let mut answer = request.into_response();
                count = (count + 1) % 3;
                let data = RData::A(A::new(127, 64, 0, u8::from(count == 0)));
                answer.add_answer(Record::from_rdata(name, 7, data));
                socket.send_to(&answer.to_vec().unwrap(), peer).await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn counts_answers_by_address() {
        let server = mk_server().await;
        let draws = draw(&[server], "burnham.example.org", 300).await.unwrap();
        assert_eq!(draws.addresses.get(&"127.64.0.1".parse().unwrap()), Some(&100));
        assert_eq!((draws.unanswered, draws.ttl_seconds_max), (0, Some(7)));
    }

    #[tokio::test]
    async fn a_silent_server_is_counted() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        tokio::time::pause();
        let draws = draw(&[silent.local_addr().unwrap()], "burnham.example.org", 40).await.unwrap();
        assert_eq!(draws.unanswered, 40);
    }

    #[tokio::test]
    async fn refuses_what_is_no_name() {
        assert!(matches!(draw(&[], "a..b", 1).await, Err(ProbeError::Name { .. })));
    }
}
