//! What can be wrong with text that should be part of a record.

/// Text that is no name, identifier or label of a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Empty, or nothing but dots.
    #[error("an empty text is no DNS name")]
    EmptyName,
    /// RFC 1035, 2.3.4: labels are at most 63 octets and not empty.
    #[error("`{name}` is no DNS name: the label `{label}` has {octets} octets, 1 to 63 are possible")]
    Label {
        /// The text as it was read.
        name: String,
        /// The label at fault.
        label: String,
        /// Its length.
        octets: usize,
    },
    /// RFC 1035, 2.3.4: names are at most 255 octets on the wire.
    #[error("`{name}` is no DNS name: it has {octets} octets, at most 255 are possible")]
    NameTooLong {
        /// The text as it was read.
        name: String,
        /// Its length on the wire.
        octets: usize,
    },
    /// A character that a Route 53 name cannot hold as it stands.
    #[error(
        "`{name}` is no DNS name: `{character}` has to be written in its `xn--` form or as an octal escape"
    )]
    Character {
        /// The text as it was read.
        name: String,
        /// The character at fault.
        character: char,
    },
    /// `\` without three octal digits behind it.
    #[error("`{name}` is no DNS name: a backslash needs three octal digits (000 to 377) behind it")]
    Escape {
        /// The text as it was read.
        name: String,
    },
    /// Route 53 API, ResourceRecordSet.SetIdentifier: 1 to 128 characters.
    #[error("`{text}` is no set identifier: 1 to 128 characters are possible")]
    SetIdentifier {
        /// The text as it was read.
        text: String,
    },
    /// An owner id goes into a TXT value between commas and quotes, and has to come out again.
    #[error(
        "`{text}` is no owner id: 1 to 128 characters without comma, quote, `=`, backslash or space are possible"
    )]
    OwnerId {
        /// The text as it was read.
        text: String,
    },
    /// A TXT naming scheme that cannot be told apart or does not exist.
    #[error("{problem}")]
    TxtNaming {
        /// What is wrong with it.
        problem: String,
    },
}
