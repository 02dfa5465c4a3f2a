//! One resource record set as the API describes it, with its values already read.
//!
//! A value of this type is well formed in itself; whether it may stand beside others is decided in `change_batch`.

use crate::name::DnsName;
use crate::record_value::RecordValue;

/// The record types that the lab serves, in the order in which Route 53 lists the types of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum RecordType {
    A,
    Aaaa,
    Caa,
    Cname,
    Mx,
    Ns,
    Ptr,
    Soa,
    Srv,
    Txt,
}

impl RecordType {
    const ALL: [(Self, &'static str); 10] = [
        (Self::A, "A"),
        (Self::Aaaa, "AAAA"),
        (Self::Caa, "CAA"),
        (Self::Cname, "CNAME"),
        (Self::Mx, "MX"),
        (Self::Ns, "NS"),
        (Self::Ptr, "PTR"),
        (Self::Soa, "SOA"),
        (Self::Srv, "SRV"),
        (Self::Txt, "TXT"),
    ];

    /// The type with this name; `None` also for types that Route 53 has and the lab does not serve.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|(_, name)| *name == text);
        found.map(|(record_type, _)| record_type)
    }

    /// The name of the type.
    pub(crate) fn as_str(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The lab's type for a type in a query, if it serves that.
    pub(crate) fn from_hickory(record_type: hickory_proto::rr::RecordType) -> Option<Self> {
        use hickory_proto::rr::RecordType as Wire;
        Some(match record_type {
            Wire::A => Self::A,
            Wire::AAAA => Self::Aaaa,
            Wire::CAA => Self::Caa,
            Wire::CNAME => Self::Cname,
            Wire::MX => Self::Mx,
            Wire::NS => Self::Ns,
            Wire::PTR => Self::Ptr,
            Wire::SOA => Self::Soa,
            Wire::SRV => Self::Srv,
            Wire::TXT => Self::Txt,
            _ => return None,
        })
    }
}

/// A resource record set.
#[derive(Clone, Debug)]
pub(crate) struct RecordSet {
    pub(crate) name: DnsName,
    pub(crate) record_type: RecordType,
    /// The set identifier and weight of a weighted record set.
    pub(crate) weighted: Option<Weighted>,
    pub(crate) content: Content,
}

/// What makes a record set a weighted one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Weighted {
    pub(crate) set_identifier: String,
    pub(crate) weight: u8,
}

/// What a record set answers.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Values { ttl_seconds: u32, values: Vec<RecordValue> },
    Alias(AliasTarget),
}

/// The target of an alias record set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AliasTarget {
    pub(crate) kind: AliasKind,
    /// The hosted zone id as the client gave it.
    pub(crate) zone_id: String,
    pub(crate) name: DnsName,
    pub(crate) evaluate_target_health: bool,
}

/// What an alias points at, as its target's hosted zone id says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AliasKind {
    /// The DNS name of a load balancer.
    LoadBalancer,
    /// Another record set, of the same type and in the same zone.
    RecordSet,
}

/// A record set's place in its zone, in the order in which Route 53 lists them: reversed labels, type, set identifier.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RecordKey {
    pub(crate) reversed_name: String,
    pub(crate) record_type: RecordType,
    pub(crate) set_identifier: String,
}

impl RecordSet {
    pub(crate) fn set_identifier(&self) -> Option<&str> {
        self.weighted.as_ref().map(|weighted| weighted.set_identifier.as_str())
    }

    pub(crate) fn key(&self) -> RecordKey {
        RecordKey {
            reversed_name: self.name.reversed(),
            record_type: self.record_type,
            set_identifier: self.set_identifier().unwrap_or_default().to_owned(),
        }
    }

    /// Whether both record sets have the same routing and content. Values are compared by meaning and in any order.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        if self.weighted != other.weighted {
            return false;
        }
        match (&self.content, &other.content) {
            (Content::Alias(mine), Content::Alias(theirs)) => mine == theirs,
            (
                Content::Values { ttl_seconds: my_ttl, values: mine },
                Content::Values { ttl_seconds: their_ttl, values: theirs },
            ) => my_ttl == their_ttl && sorted(mine) == sorted(theirs),
            _ => false,
        }
    }

    /// The record set as Route 53 names it in errors: `[name='x.', type='A', set-identifier='blue']`.
    pub(crate) fn in_brackets(&self) -> String {
        let mut text = format!("[name='{}', type='{}'", self.name, self.record_type.as_str());
        if let Some(set_identifier) = self.set_identifier() {
            text.push_str(", set-identifier='");
            text.push_str(set_identifier);
            text.push('\'');
        }
        text.push(']');
        text
    }
}

fn sorted(values: &[RecordValue]) -> Vec<&str> {
    let mut normal: Vec<&str> = values.iter().map(|value| value.normal.as_str()).collect();
    normal.sort_unstable();
    normal
}
