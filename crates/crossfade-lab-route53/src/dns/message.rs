//! DNS messages at the edge: reading a request, refusing what is no plain question, and fitting an answer into what the
//! asker can take.

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, RecordType};

use crate::dns::answer::Answer;

/// What a UDP answer may hold when the request says nothing about it (RFC 1035, section 4.2.1).
const UDP_BYTES_WITHOUT_EDNS: u16 = 512;
/// The most that a UDP answer holds, whatever the request allows: what fits a packet everywhere (DNS flag day 2020).
const UDP_BYTES_MAX: u16 = 1232;
/// The length of a DNS header; a shorter packet cannot even be refused.
const HEADER_BYTES: usize = 12;

/// How a request came, which bounds the size of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    Udp,
    Tcp,
}

/// A request that asks one question.
#[derive(Debug)]
pub(crate) struct Request {
    message: Message,
}

/// A packet that gets no look-up.
#[derive(Debug)]
pub(crate) enum Unanswerable {
    /// Not worth a reply: too short, or a response.
    Ignored,
    /// Gets this reply.
    Refused(Vec<u8>),
}

impl Request {
    /// Reads a packet.
    pub(crate) fn read(packet: &[u8]) -> Result<Self, Unanswerable> {
        const RESPONSE_BIT: u8 = 0x80;
        if packet.len() < HEADER_BYTES || packet[2] & RESPONSE_BIT != 0 {
            return Err(Unanswerable::Ignored);
        }
        let Ok(message) = Message::from_vec(packet) else {
            let id = u16::from_be_bytes([packet[0], packet[1]]);
            return Err(refusal(id, OpCode::Query, ResponseCode::FormErr));
        };
        let (id, op_code) = (message.metadata.id, message.metadata.op_code);
        if message.metadata.message_type != MessageType::Query {
            return Err(Unanswerable::Ignored);
        }
        if op_code != OpCode::Query {
            return Err(refusal(id, op_code, ResponseCode::NotImp));
        }
        let [question] = &message.queries[..] else {
            return Err(refusal(id, op_code, ResponseCode::FormErr));
        };
        let is_foreign = !matches!(question.query_class, DNSClass::IN | DNSClass::ANY);
        let is_transfer = matches!(question.query_type, RecordType::AXFR | RecordType::IXFR);
        let refused = if is_foreign || is_transfer {
            Some(ResponseCode::Refused)
        } else if message.edns.as_ref().is_some_and(|edns| edns.version() > 0) {
            Some(ResponseCode::BADVERS)
        } else {
            None
        };
        let request = Self { message };
        match refused {
            None => Ok(request),
            Some(response_code) => Err(match request.reply(response_code).to_vec() {
                Ok(packet) => Unanswerable::Refused(packet),
                Err(_) => Unanswerable::Ignored,
            }),
        }
    }

    /// The question.
    pub(crate) fn question(&self) -> &Query {
        &self.message.queries[0]
    }

    /// Whether the asker wants the name server to ask others.
    pub(crate) fn recursion_desired(&self) -> bool {
        self.message.metadata.recursion_desired
    }

    /// A reply without records.
    pub(crate) fn reply(&self, response_code: ResponseCode) -> Message {
        let asked = &self.message.metadata;
        let mut reply = Message::response(asked.id, asked.op_code);
        reply.metadata.recursion_desired = asked.recursion_desired;
        reply.metadata.response_code = response_code;
        reply.add_queries(self.message.queries.iter().cloned());
        if self.message.edns.is_some() {
            let mut edns = Edns::new();
            edns.set_max_payload(UDP_BYTES_MAX);
            edns.set_rcode_high(u8::try_from(u16::from(response_code) >> 4).unwrap_or(0));
            reply.set_edns(edns);
        }
        reply
    }

    /// The reply of an authoritative name server.
    pub(crate) fn reply_with(&self, answer: Answer) -> Message {
        let mut reply = self.reply(answer.response_code);
        reply.metadata.authoritative = answer.authoritative;
        reply.insert_answers(answer.answers);
        reply.insert_authorities(answer.authorities);
        reply
    }

    /// The packet for a reply; over UDP one that is too large is cut down to the question, with the TC bit. `None` for a
    /// reply that cannot be encoded.
    pub(crate) fn encode(&self, reply: &Message, carrier: Carrier) -> Option<Vec<u8>> {
        let packet = reply.to_vec().ok()?;
        if carrier == Carrier::Tcp || packet.len() <= usize::from(self.udp_bytes()) {
            return Some(packet);
        }
        reply.truncate().to_vec().ok()
    }

    fn udp_bytes(&self) -> u16 {
        self.message.edns.as_ref().map_or(UDP_BYTES_WITHOUT_EDNS, |edns| {
            edns.max_payload().clamp(UDP_BYTES_WITHOUT_EDNS, UDP_BYTES_MAX)
        })
    }
}

fn refusal(id: u16, op_code: OpCode, response_code: ResponseCode) -> Unanswerable {
    match Message::error_msg(id, op_code, response_code).to_vec() {
        Ok(packet) => Unanswerable::Refused(packet),
        Err(_) => Unanswerable::Ignored,
    }
}
