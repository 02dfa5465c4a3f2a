//! What the caching resolver remembers. Time is an argument.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{RData, Record, RecordType};

use crate::name::DnsName;

/// Answers remembered at once; when full, all are forgotten. Far more names than a lab has.
const ENTRIES_MAX: usize = 10_000;
/// A day, the longest that an answer is remembered whatever its TTL (RFC 8767, section 4, suggests days).
const TTL_SECONDS_MAX: u32 = 86_400;

/// What a name server said about one name and type.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) response_code: ResponseCode,
    pub(crate) answers: Vec<Record>,
    pub(crate) authorities: Vec<Record>,
}

/// The cache, by name and type.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    entries: HashMap<(DnsName, RecordType), Entry>,
}

#[derive(Debug)]
struct Entry {
    stored_at: Instant,
    ttl_seconds: u32,
    answered: Answered,
}

impl Answered {
    /// The part of a name server's message that is remembered.
    pub(crate) fn from_message(message: Message) -> Self {
        Self {
            response_code: message.metadata.response_code,
            answers: message.answers,
            authorities: message.authorities,
        }
    }

    /// How long it may be remembered: the smallest TTL of the answers; without answers, what the SOA allows (RFC 2308,
    /// section 5); without either, not at all.
    fn ttl_seconds(&self) -> u32 {
        let of_answers = self.answers.iter().map(|record| record.ttl).min();
        let of_authority = self.authorities.iter().find_map(|record| match &record.data {
            RData::SOA(soa) => Some(record.ttl.min(soa.minimum)),
            _ => None,
        });
        of_answers.or(of_authority).unwrap_or(0).min(TTL_SECONDS_MAX)
    }
}

impl Cache {
    /// Remembers an answer for its TTL, but at least `ttl_seconds_min`. Returns it with the TTLs it now has.
    pub(crate) fn insert(
        &mut self,
        name: DnsName,
        record_type: RecordType,
        answered: Answered,
        ttl_seconds_min: u32,
        now: Instant,
    ) -> Answered {
        let mut answered = answered;
        let cacheable = matches!(answered.response_code, ResponseCode::NoError | ResponseCode::NXDomain);
        if !cacheable {
            return answered;
        }
        for record in answered.answers.iter_mut().chain(&mut answered.authorities) {
            record.ttl = record.ttl.max(ttl_seconds_min);
        }
        let ttl_seconds = answered.ttl_seconds().max(ttl_seconds_min);
        if ttl_seconds > 0 {
            if self.entries.len() >= ENTRIES_MAX {
                self.entries.clear();
            }
            let entry = Entry { stored_at: now, ttl_seconds, answered: answered.clone() };
            self.entries.insert((name, record_type), entry);
        }
        answered
    }

    /// What is remembered and still valid, with its TTLs counted down.
    pub(crate) fn get(&mut self, name: &DnsName, record_type: RecordType, now: Instant) -> Option<Answered> {
        let key = (name.clone(), record_type);
        let entry = self.entries.get(&key)?;
        let age = now.saturating_duration_since(entry.stored_at);
        if age >= Duration::from_secs(u64::from(entry.ttl_seconds)) {
            self.entries.remove(&key);
            return None;
        }
        let age_seconds = u32::try_from(age.as_secs()).unwrap_or(u32::MAX);
        let mut answered = entry.answered.clone();
        for record in answered.answers.iter_mut().chain(&mut answered.authorities) {
            record.ttl = record.ttl.saturating_sub(age_seconds);
        }
        Some(answered)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use std::net::Ipv4Addr;

    use hickory_proto::rr::rdata::{A, SOA};

    use super::*;

    fn name() -> DnsName {
        DnsName::parse("a.example.org").unwrap()
    }

    fn mk_answered(ttl_seconds: u32) -> Answered {
        let data = RData::A(A(Ipv4Addr::LOCALHOST));
        Answered {
            response_code: ResponseCode::NoError,
            answers: vec![Record::from_rdata(name().to_hickory(), ttl_seconds, data)],
            authorities: Vec::new(),
        }
    }

    #[test]
    fn counts_ttls_down_and_forgets() {
        let mut cache = Cache::default();
        let start = Instant::now();
        cache.insert(name(), RecordType::A, mk_answered(60), 0, start);
        let ttl_after = |cache: &mut Cache, seconds| {
            let now = start + Duration::from_secs(seconds);
            let found = cache.get(&name(), RecordType::A, now)?;
            Some(found.answers[0].ttl)
        };
        assert_eq!(ttl_after(&mut cache, 0), Some(60));
        assert_eq!(ttl_after(&mut cache, 59), Some(1));
        assert_eq!(ttl_after(&mut cache, 60), None);
        assert_eq!(ttl_after(&mut cache, 0), None);
    }

    #[test]
    fn keeps_answers_at_least_as_long_as_told() {
        let mut cache = Cache::default();
        let start = Instant::now();
        cache.insert(name(), RecordType::A, mk_answered(3), 30, start);
        let later = start + Duration::from_secs(29);
        assert!(cache.get(&name(), RecordType::A, later).is_some());
    }

    #[test]
    fn remembers_that_there_is_nothing_as_long_as_the_soa_allows() {
        let mut cache = Cache::default();
        let start = Instant::now();
        let apex = DnsName::parse("example.org").unwrap().to_hickory();
        let soa = SOA::new(apex.clone(), apex.clone(), 1, 1, 1, 1, 20);
        let answered = Answered {
            response_code: ResponseCode::NXDomain,
            answers: Vec::new(),
            authorities: vec![Record::from_rdata(apex, 900, RData::SOA(soa))],
        };
        cache.insert(name(), RecordType::A, answered, 0, start);
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(cache.get(&name(), RecordType::A, at(19)).is_some());
        assert!(cache.get(&name(), RecordType::A, at(20)).is_none());
    }

    #[test]
    fn failures_are_not_remembered() {
        let mut cache = Cache::default();
        let start = Instant::now();
        let mut answered = mk_answered(60);
        answered.response_code = ResponseCode::ServFail;
        cache.insert(name(), RecordType::A, answered, 60, start);
        assert!(cache.get(&name(), RecordType::A, start).is_none());
    }
}
