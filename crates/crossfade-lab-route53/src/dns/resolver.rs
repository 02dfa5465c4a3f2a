//! The caching resolver: asks the lab's four name servers, one after the other in random order, and remembers answers by
//! their TTLs. It never asks anyone else, so names outside the lab are refused.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use crate::counters::CounterCells;
use crate::dns::message::{Carrier, Request, Unanswerable};
use crate::dns::resolver_cache::{Answered, Cache};
use crate::dns::transport::Responder;
use crate::name::{DnsName, WireBuffer};
use crate::service::NAME_SERVER_COUNT;
use crate::zone::is_name_server_name;

/// How long one name server may take. They are on loopback and answer in well under a millisecond, or not at all.
const NAME_SERVER_TIMEOUT: Duration = Duration::from_millis(500);
/// CNAMEs followed for one question.
const CNAME_CHAIN_MAX: usize = 8;
/// The largest UDP answer read; the name servers send less.
const UDP_ANSWER_BYTES_MAX: usize = 4096;
/// TTL of the addresses of the delegation set's names.
const NAME_SERVER_ADDRESS_TTL_SECONDS: u32 = 172_800;

/// The caching resolver.
pub(crate) struct Resolver {
    name_servers: [SocketAddr; NAME_SERVER_COUNT],
    ttl_seconds_min: u32,
    counters: Arc<CounterCells>,
    cache: Mutex<Cache>,
    random: Mutex<fastrand::Rng>,
}

impl Resolver {
    pub(crate) fn new(
        name_servers: [SocketAddr; NAME_SERVER_COUNT],
        ttl_seconds_min: u32,
        seed: u64,
        counters: Arc<CounterCells>,
    ) -> Self {
        Self {
            name_servers,
            ttl_seconds_min,
            counters,
            cache: Mutex::new(Cache::default()),
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
        }
    }

    /// Answers a question, following CNAMEs.
    async fn resolve(&self, question: &Query) -> Answered {
        let mut collected: Vec<Record> = Vec::new();
        let mut name = question.name.clone();
        for _ in 0..CNAME_CHAIN_MAX {
            let mut answered = self.look_up(&name, question.query_type).await;
            let followed = follow(&answered.answers, &name, question.query_type);
            collected.append(&mut answered.answers);
            match followed {
                Some(target) if !collected.is_empty() => name = target,
                _ => {
                    answered.answers = collected;
                    return answered;
                }
            }
        }
        Answered { response_code: ResponseCode::ServFail, answers: Vec::new(), authorities: Vec::new() }
    }

    /// Answers for one name and type, from the cache or a name server.
    async fn look_up(&self, name: &Name, record_type: RecordType) -> Answered {
        let wire = WireBuffer::from_hickory(name);
        let key = DnsName::from_wire(wire.as_slice());
        let remembered = self.cache().get(&key, record_type, Instant::now());
        if let Some(remembered) = remembered {
            self.counters.resolver_cache_hits.fetch_add(1, Ordering::Relaxed);
            return remembered;
        }
        if is_name_server_name(wire.as_slice()) {
            return name_server_address(name, record_type);
        }
        let answered = self.ask_name_servers(name, record_type).await;
        self.cache().insert(key, record_type, answered, self.ttl_seconds_min, Instant::now())
    }

    async fn ask_name_servers(&self, name: &Name, record_type: RecordType) -> Answered {
        let (order, id) = {
            let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
            let mut order: [usize; NAME_SERVER_COUNT] = std::array::from_fn(|index| index);
            random.shuffle(&mut order);
            (order, random.u16(..))
        };
        let mut failure = ResponseCode::ServFail;
        for index in order {
            match ask(self.name_servers[index], id, name, record_type).await {
                Some(message) if message.metadata.response_code == ResponseCode::Refused => {
                    failure = ResponseCode::Refused;
                }
                // A referral leads to name servers outside the lab.
                Some(message) if !message.metadata.authoritative => {}
                Some(message) => return Answered::from_message(message),
                None => {}
            }
        }
        Answered { response_code: failure, answers: Vec::new(), authorities: Vec::new() }
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Responder for Resolver {
    const WAITS: bool = true;

    async fn respond(&self, packet: &[u8], carrier: Carrier) -> Option<Vec<u8>> {
        self.counters.resolver_queries.fetch_add(1, Ordering::Relaxed);
        let request = match Request::read(packet) {
            Ok(request) => request,
            Err(Unanswerable::Ignored) => return None,
            Err(Unanswerable::Refused(reply)) => return Some(reply),
        };
        let mut reply = if request.recursion_desired() {
            let answered = self.resolve(request.question()).await;
            let mut reply = request.reply(answered.response_code);
            reply.insert_answers(answered.answers);
            reply.insert_authorities(answered.authorities);
            reply
        } else {
            request.reply(ResponseCode::Refused)
        };
        reply.metadata.recursion_available = true;
        request.encode(&reply, carrier)
    }
}

/// Where a chain of CNAMEs in `answers` leads when it ends without records of the type asked for.
fn follow(answers: &[Record], name: &Name, record_type: RecordType) -> Option<Name> {
    if matches!(record_type, RecordType::CNAME | RecordType::ANY)
        || answers.iter().any(|record| record.record_type() == record_type)
    {
        return None;
    }
    let mut end = name;
    for _ in 0..=answers.len() {
        let next = answers.iter().find_map(|record| match &record.data {
            RData::CNAME(target) if record.name == *end => Some(&target.0),
            _ => None,
        });
        match next {
            Some(target) => end = target,
            None => break,
        }
    }
    (end != name).then(|| end.clone())
}

/// The delegation set's names all lead to loopback, where the name servers are.
fn name_server_address(name: &Name, record_type: RecordType) -> Answered {
    let answers = if record_type == RecordType::A {
        let data = RData::A(A(Ipv4Addr::LOCALHOST));
        vec![Record::from_rdata(name.clone(), NAME_SERVER_ADDRESS_TTL_SECONDS, data)]
    } else {
        Vec::new()
    };
    Answered { response_code: ResponseCode::NoError, answers, authorities: Vec::new() }
}

/// Asks one name server, over UDP and after a truncated answer over TCP. `None` when it does not answer properly.
async fn ask(server: SocketAddr, id: u16, name: &Name, record_type: RecordType) -> Option<Message> {
    let mut message = Message::query();
    message.metadata.id = id;
    message.metadata.recursion_desired = false;
    message.add_query(Query::query(name.clone(), record_type));
    let packet = message.to_vec().ok()?;
    let over_udp = tokio::time::timeout(NAME_SERVER_TIMEOUT, ask_udp(server, &packet, id)).await;
    let answer = over_udp.ok()??;
    if !answer.metadata.truncation {
        return Some(answer);
    }
    tokio::time::timeout(NAME_SERVER_TIMEOUT, ask_tcp(server, &packet, id)).await.ok()?
}

async fn ask_udp(server: SocketAddr, packet: &[u8], id: u16) -> Option<Message> {
    let socket = UdpSocket::bind((server.ip(), 0)).await.ok()?;
    socket.connect(server).await.ok()?;
    socket.send(packet).await.ok()?;
    let mut buffer = vec![0; UDP_ANSWER_BYTES_MAX];
    loop {
        let length = socket.recv(&mut buffer).await.ok()?;
        match Message::from_vec(&buffer[..length]) {
            Ok(answer) if answer.metadata.id == id => return Some(answer),
            _ => {}
        }
    }
}

async fn ask_tcp(server: SocketAddr, packet: &[u8], id: u16) -> Option<Message> {
    let mut stream = TcpStream::connect(server).await.ok()?;
    let length = u16::try_from(packet.len()).ok()?;
    stream.write_u16(length).await.ok()?;
    stream.write_all(packet).await.ok()?;
    let length = stream.read_u16().await.ok()?;
    let mut buffer = vec![0; usize::from(length)];
    stream.read_exact(&mut buffer).await.ok()?;
    Message::from_vec(&buffer).ok().filter(|answer| answer.metadata.id == id)
}
