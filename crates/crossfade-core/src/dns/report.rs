//! What a plan leaves alone, waits for or could not do, with the reason: "nothing to do" is never silent.

use std::fmt;

use super::{HoldReason, OwnerId, RecordName, RecordType, ResourceLabel, SetIdentifier};

/// A row of the plan: everything one cluster has under one name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowName {
    /// The record's name.
    pub name: RecordName,
    /// `None` for simple routing.
    pub set_identifier: Option<SetIdentifier>,
}

impl fmt::Display for RowName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.set_identifier {
            Some(set_identifier) => write!(f, "{} ({set_identifier})", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

/// Why Route 53 would refuse a record, or why writing it would trespass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockReason {
    /// Route 53 allows one routing policy per name and type, and another one is there.
    OtherPolicy {
        /// The type that both have.
        record_type: RecordType,
        /// The policy of what is there: `simple`, `weighted`, …
        found: String,
        /// The policy that is wanted.
        wanted: String,
        /// Who owns what is there, as far as a TXT record says so.
        owner: Option<String>,
    },
    /// A CNAME allows nothing beside it (RFC 1034, 3.6.2).
    OtherType {
        /// The type that is there.
        found: RecordType,
        /// The type that is wanted.
        wanted: RecordType,
        /// Who owns what is there, as far as a TXT record says so.
        owner: Option<String>,
    },
    /// A TXT record says that this very record belongs to somebody else.
    ForeignOwnership {
        /// Where it says so.
        txt_name: RecordName,
        /// The owner found.
        found: String,
        /// The owner we are.
        required: OwnerId,
    },
    /// Every name at which ownership could be written is taken: by a text that is no ownership record, or because it
    /// would be read as the ownership of another record that has none.
    TxtNamesTaken {
        /// The names.
        txt_names: Vec<RecordName>,
    },
    /// No ownership record can be written: its name would lie outside the zone (that of the zone's own name does) or have
    /// a label of more than 63 octets. ExternalDNS writes the record nevertheless, and can never delete it.
    NoTxtName,
}

impl fmt::Display for BlockReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owned = |owner: &Option<String>| match owner {
            Some(owner) => format!("owned by \"{owner}\""),
            None => "without an owner".to_owned(),
        };
        match self {
            BlockReason::OtherPolicy { record_type, found, wanted, owner } => write!(
                f,
                "a {found} {record_type} record, {}, is there, and a {wanted} one cannot exist beside it",
                owned(owner)
            ),
            BlockReason::OtherType { found, wanted, owner } => write!(
                f,
                "a record of type {found}, {}, is there, and type {wanted} cannot exist beside it",
                owned(owner)
            ),
            BlockReason::ForeignOwnership { txt_name, found, required } => {
                write!(
                    f,
                    "owner id does not match at {txt_name}, found: \"{found}\", required: \"{required}\""
                )
            }
            BlockReason::TxtNamesTaken { txt_names } => {
                let names: Vec<&str> = txt_names.iter().map(RecordName::as_str).collect();
                write!(f, "the place of its ownership record is taken: {}", names.join(", "))
            }
            BlockReason::NoTxtName => f.write_str(
                "its ownership record would lie outside the zone or have a label of more than 63 octets; \
                     a prefix like `%{record_type}-owner.` (--txt-prefix) gives it another place",
            ),
        }
    }
}

/// One thing that a plan says beside its changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Wanted, and not sent because it would be refused or would trespass.
    Blocked {
        /// The row.
        row: RowName,
        /// The object that wants it.
        resource: ResourceLabel,
        /// Why.
        reason: BlockReason,
    },
    /// There, wanted by us, and not ours.
    NotOwned {
        /// The row.
        row: RowName,
        /// The type of the record.
        record_type: RecordType,
        /// Its owner, as far as a TXT record says so.
        found: Option<String>,
        /// The owner we are.
        required: OwnerId,
    },
    /// Ours, and kept as it is because its object cannot be read as a wish at the moment.
    Held {
        /// The row.
        row: RowName,
        /// The object.
        resource: ResourceLabel,
        /// Why.
        reason: HoldReason,
    },
    /// An object that has no record yet and cannot get one.
    Waiting {
        /// The object.
        resource: ResourceLabel,
        /// Why.
        reason: HoldReason,
    },
    /// More would be deleted at once than the sources have said one by one.
    MassDeletionHeld {
        /// The rows that stay.
        rows: Vec<RowName>,
        /// How many rows we own.
        own_rows: usize,
    },
    /// A change that the policy does not allow.
    KeptByPolicy {
        /// The row.
        row: RowName,
        /// The type of the record.
        record_type: RecordType,
        /// `delete` or `update`.
        what: &'static str,
    },
    /// More than one object wants the row; the chosen one and the others.
    Conflict {
        /// The row.
        row: RowName,
        /// Whose wish is followed.
        chosen: ResourceLabel,
        /// Whose is not.
        others: Vec<ResourceLabel>,
    },
    /// No hosted zone in reach holds the name.
    OutsideZones {
        /// The name.
        name: RecordName,
        /// The object that wants it.
        resource: ResourceLabel,
    },
    /// An ownership record of one format is not written, because its place is taken by another text. Others are.
    TxtNameTaken {
        /// The row.
        row: RowName,
        /// The name in question.
        txt_name: RecordName,
    },
    /// An alias has the TTL of its target; the wish for another has no effect.
    TtlIgnored {
        /// The row.
        row: RowName,
        /// What was asked for.
        ttl_seconds: u32,
        /// The object that asks.
        resource: ResourceLabel,
    },
    /// Something to know about an object that was read nevertheless.
    Note {
        /// The object.
        resource: ResourceLabel,
        /// What to know.
        text: String,
    },
}

impl Finding {
    /// True for what needs somebody's attention; the rest is for those who ask.
    pub fn is_problem(&self) -> bool {
        match self {
            Finding::Blocked { .. } | Finding::MassDeletionHeld { .. } | Finding::Conflict { .. } => true,
            Finding::Held { reason, .. } | Finding::Waiting { reason, .. } => reason.is_problem(),
            _ => false,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Blocked { row, resource, reason } => {
                write!(f, "Skipping endpoint {row} of {resource}: {reason}")
            }
            Finding::NotOwned { row, record_type, found, required } => write!(
                f,
                "Skipping endpoint {row} {record_type} because owner id does not match, found: \"{}\", required: \"{required}\"",
                found.as_deref().unwrap_or_default()
            ),
            Finding::Held { row, resource, reason } => {
                write!(f, "Keeping {row} as it is: {resource} {reason}")
            }
            Finding::Waiting { resource, reason } => write!(f, "No record for {resource}: it {reason}"),
            Finding::MassDeletionHeld { rows, own_rows } => {
                let names: Vec<String> =
                    rows.iter().take(MASS_DELETION_NAMES_SHOWN).map(RowName::to_string).collect();
                let more = rows.len().saturating_sub(names.len());
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                write!(
                    f,
                    "Not deleting {} of {own_rows} own records, because the objects behind them are missing without having been deleted one by one (--allow-mass-deletion deletes them): {}{more}",
                    rows.len(),
                    names.join(", ")
                )
            }
            Finding::KeptByPolicy { row, record_type, what } => {
                write!(f, "The policy allows no {what} of {row} {record_type}")
            }
            Finding::Conflict { row, chosen, others } => {
                let others: Vec<&str> = others.iter().map(|other| other.0.as_str()).collect();
                write!(
                    f,
                    "More than one object wants {row}: {chosen} is followed, {} is not",
                    others.join(", ")
                )
            }
            Finding::OutsideZones { name, resource } => {
                write!(f, "No record for {name} of {resource}: no hosted zone in reach holds it")
            }
            Finding::TxtNameTaken { row, txt_name } => {
                write!(f, "No ownership record for {row} at {txt_name}: another text is there")
            }
            Finding::TtlIgnored { row, ttl_seconds, resource } => write!(
                f,
                "The TTL of {ttl_seconds} s on {resource} has no effect for {row}: an alias has the TTL of its target"
            ),
            Finding::Note { resource, text } => write!(f, "{resource}: {text}"),
        }
    }
}

/// A line of a log can hold this many names and still be read.
const MASS_DELETION_NAMES_SHOWN: usize = 10;
