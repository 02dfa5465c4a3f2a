//! The values of record sets: from the text that the API carries to the data that name servers answer.
//!
//! The text is kept as it came, since Route 53 lists it so. Formats are those of "Supported DNS record types" in the
//! Route 53 Developer Guide.

use std::net::{Ipv4Addr, Ipv6Addr};

use hickory_proto::rr::rdata::{A, AAAA, CNAME, MX, NS, NULL, PTR, SOA, SRV, TXT};
use hickory_proto::rr::{RData, RecordType as WireType};

use crate::name::DnsName;
use crate::record_set::RecordType;

/// One string of a TXT value (RFC 1035, section 3.3).
const STRING_BYTES_MAX: usize = 255;
/// One value of a record set (`RData` in the API's model).
const VALUE_CHARACTERS_MAX: usize = 4000;

/// One value of a record set.
#[derive(Clone, Debug)]
pub(crate) struct RecordValue {
    /// As the client sent it.
    pub(crate) text: String,
    /// A form that is equal for texts that mean the same.
    pub(crate) normal: String,
    /// As the name servers answer it.
    pub(crate) data: RData,
}

/// What is wrong with a value, in the words that Route 53 puts into its errors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid Resource Record: 'FATAL problem: {kind} ({explanation}) encountered with '{text}''")]
pub(crate) struct ValueError {
    kind: &'static str,
    explanation: &'static str,
    text: String,
}

/// A value's kind of fault and its explanation.
type Fault = (&'static str, &'static str);

const NOT_IPV4: Fault = ("ARRDATAIllegalIPv4Address", "Value is not a valid IPv4 address");
const NOT_IPV6: Fault = ("AAAARRDATAIllegalIPv6Address", "Value is not a valid IPv6 address");
const NOT_QUOTED: Fault = ("InvalidCharacterString", "Value should be enclosed in quotation marks");
const TOO_LONG: Fault = ("CharacterStringTooLong", "Value is too long");
const WRONG_FIELDS: Fault = ("RRDATAIncorrectFields", "Value has incorrect number of fields");
const NOT_A_NUMBER: Fault = ("RRDATANotANumber", "Value is not a valid number");
const NOT_A_NAME: Fault = ("RRDATAIllegalDomainName", "Value is not a valid domain name");

impl RecordValue {
    /// Reads one value of a record set of type `record_type`.
    pub(crate) fn parse(record_type: RecordType, text: &str) -> Result<Self, ValueError> {
        let read =
            if text.chars().count() > VALUE_CHARACTERS_MAX { Err(TOO_LONG) } else { read(record_type, text) };
        match read {
            Ok((normal, data)) => Ok(Self { text: text.to_owned(), normal, data }),
            Err((kind, explanation)) => Err(ValueError { kind, explanation, text: text.to_owned() }),
        }
    }
}

fn read(record_type: RecordType, text: &str) -> Result<(String, RData), Fault> {
    match record_type {
        RecordType::A => {
            let address: Ipv4Addr = text.parse().map_err(|_| NOT_IPV4)?;
            Ok((address.to_string(), RData::A(A(address))))
        }
        RecordType::Aaaa => {
            let address: Ipv6Addr = text.parse().map_err(|_| NOT_IPV6)?;
            Ok((address.to_string(), RData::AAAA(AAAA(address))))
        }
        RecordType::Cname => read_name(text, |name| RData::CNAME(CNAME(name))),
        RecordType::Ns => read_name(text, |name| RData::NS(NS(name))),
        RecordType::Ptr => read_name(text, |name| RData::PTR(PTR(name))),
        RecordType::Mx => read_mx(text),
        RecordType::Srv => read_srv(text),
        RecordType::Soa => read_soa(text),
        RecordType::Txt => read_txt(text),
        RecordType::Caa => read_caa(text),
    }
}

fn read_name(
    text: &str,
    wrap: impl FnOnce(hickory_proto::rr::Name) -> RData,
) -> Result<(String, RData), Fault> {
    let name = name(text)?;
    Ok((name.to_string(), wrap(name.to_hickory())))
}

fn name(text: &str) -> Result<DnsName, Fault> {
    DnsName::parse(text).map_err(|_| NOT_A_NAME)
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, Fault> {
    text.parse().map_err(|_| NOT_A_NUMBER)
}

fn read_mx(text: &str) -> Result<(String, RData), Fault> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [preference, exchange] = fields[..] else {
        return Err(WRONG_FIELDS);
    };
    let preference = number(preference)?;
    let exchange = name(exchange)?;
    let data = RData::MX(MX::new(preference, exchange.to_hickory()));
    Ok((format!("{preference} {exchange}"), data))
}

fn read_srv(text: &str) -> Result<(String, RData), Fault> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [priority, weight, port, target] = fields[..] else {
        return Err(WRONG_FIELDS);
    };
    let (priority, weight, port) = (number(priority)?, number(weight)?, number(port)?);
    let target = name(target)?;
    let data = RData::SRV(SRV::new(priority, weight, port, target.to_hickory()));
    Ok((format!("{priority} {weight} {port} {target}"), data))
}

fn read_soa(text: &str) -> Result<(String, RData), Fault> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [primary, mailbox, serial, refresh, retry, expire, minimum] = fields[..] else {
        return Err(WRONG_FIELDS);
    };
    let (primary, mailbox) = (name(primary)?, name(mailbox)?);
    let (serial, minimum) = (number(serial)?, number(minimum)?);
    let (refresh, retry, expire) = (number(refresh)?, number(retry)?, number(expire)?);
    let data = RData::SOA(SOA::new(
        primary.to_hickory(),
        mailbox.to_hickory(),
        serial,
        refresh,
        retry,
        expire,
        minimum,
    ));
    let normal = format!("{primary} {mailbox} {serial} {refresh} {retry} {expire} {minimum}");
    Ok((normal, data))
}

fn read_txt(text: &str) -> Result<(String, RData), Fault> {
    let strings = quoted_strings(text)?;
    if strings.iter().any(|string| string.len() > STRING_BYTES_MAX) {
        return Err(TOO_LONG);
    }
    let normal = format!("{strings:?}");
    let strings = strings.iter().map(Vec::as_slice).collect();
    Ok((normal, RData::TXT(TXT::from_bytes(strings))))
}

fn read_caa(text: &str) -> Result<(String, RData), Fault> {
    let mut fields = text.splitn(3, char::is_whitespace);
    let (Some(flags), Some(tag), Some(value)) = (fields.next(), fields.next(), fields.next()) else {
        return Err(WRONG_FIELDS);
    };
    let flags: u8 = number(flags)?;
    let [value] = &quoted_strings(value)?[..] else {
        return Err(WRONG_FIELDS);
    };
    let is_tag = (1..=15).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_tag {
        return Err(WRONG_FIELDS);
    }
    // RFC 8659, section 4.1: flags, tag length, tag, value.
    let mut wire = vec![flags, u8::try_from(tag.len()).unwrap_or(u8::MAX)];
    wire.extend_from_slice(tag.as_bytes());
    wire.extend_from_slice(value);
    let data = RData::Unknown { code: WireType::CAA, rdata: NULL::with(wire) };
    Ok((format!("{flags} {tag} {value:?}"), data))
}

/// Reads quoted strings separated by white space, with `\"`, `\\`, and octal escapes.
fn quoted_strings(text: &str) -> Result<Vec<Vec<u8>>, Fault> {
    let mut strings = Vec::new();
    let mut bytes = text.bytes().peekable();
    loop {
        while bytes.next_if(u8::is_ascii_whitespace).is_some() {}
        match bytes.next() {
            None => break,
            Some(b'"') => strings.push(quoted_rest(&mut bytes)?),
            Some(_) => return Err(NOT_QUOTED),
        }
    }
    if strings.is_empty() {
        return Err(NOT_QUOTED);
    }
    Ok(strings)
}

fn quoted_rest(bytes: &mut std::iter::Peekable<std::str::Bytes<'_>>) -> Result<Vec<u8>, Fault> {
    let mut string = Vec::new();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return Ok(string),
            b'\\' => string.push(escaped(bytes)?),
            other => string.push(other),
        }
    }
    Err(NOT_QUOTED)
}

fn escaped(bytes: &mut std::iter::Peekable<std::str::Bytes<'_>>) -> Result<u8, Fault> {
    let is_digit = |byte: &u8| (b'0'..=b'7').contains(byte);
    let Some(first) = bytes.next() else {
        return Err(NOT_QUOTED);
    };
    if !is_digit(&first) {
        return Ok(first);
    }
    let (Some(second), Some(third)) = (bytes.next_if(is_digit), bytes.next_if(is_digit)) else {
        return Err(NOT_QUOTED);
    };
    let value =
        [first, second, third].into_iter().fold(0_u16, |value, digit| value * 8 + u16::from(digit - b'0'));
    u8::try_from(value).map_err(|_| NOT_QUOTED)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn error(record_type: RecordType, text: &str) -> String {
        RecordValue::parse(record_type, text).unwrap_err().to_string()
    }

    fn txt(text: &str) -> Vec<Vec<u8>> {
        match RecordValue::parse(RecordType::Txt, text).unwrap().data {
            RData::TXT(txt) => txt.txt_data.iter().map(|string| string.to_vec()).collect(),
            other => panic!("no TXT: {other:?}"),
        }
    }

    #[test]
    fn refuses_bad_addresses_in_the_words_of_route_53() {
        assert_eq!(
            error(RecordType::A, "10.0.0.300"),
            "Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) \
             encountered with '10.0.0.300''"
        );
        assert!(error(RecordType::Aaaa, "10.0.0.1").contains("AAAARRDATAIllegalIPv6Address"));
    }

    #[test]
    fn txt_needs_quotation_marks() {
        assert_eq!(
            error(RecordType::Txt, "v=spf1 ~all"),
            "Invalid Resource Record: 'FATAL problem: InvalidCharacterString (Value should be enclosed in quotation \
             marks) encountered with 'v=spf1 ~all''"
        );
        assert!(error(RecordType::Txt, "\"open").contains("InvalidCharacterString"));
        assert!(error(RecordType::Txt, "").contains("InvalidCharacterString"));
    }

    #[test]
    fn txt_strings_hold_255_bytes() {
        let longest = format!("\"{}\"", "a".repeat(255));
        assert_eq!(txt(&longest)[0].len(), 255);
        let too_long = format!("\"{}\"", "a".repeat(256));
        assert!(error(RecordType::Txt, &too_long).contains("CharacterStringTooLong"));
    }

    #[test]
    fn txt_reads_several_strings_and_escapes() {
        assert_eq!(txt(r#""one" "two""#), [b"one".to_vec(), b"two".to_vec()]);
        assert_eq!(txt(r#""say \"hi\" \\ \101""#), [br#"say "hi" \ A"#.to_vec()]);
    }

    #[test]
    fn equal_meaning_has_an_equal_normal_form() {
        let normal = |record_type, text| RecordValue::parse(record_type, text).unwrap().normal;
        assert_eq!(
            normal(RecordType::Cname, "Target.Example.org"),
            normal(RecordType::Cname, "target.example.org.")
        );
        assert_eq!(normal(RecordType::Aaaa, "2001:db8:0:0:0:0:0:1"), normal(RecordType::Aaaa, "2001:db8::1"));
    }

    #[test]
    fn reads_the_other_types() {
        for (record_type, text) in [
            (RecordType::Mx, "10 mail.example.org"),
            (RecordType::Srv, "1 10 5269 xmpp.example.org."),
            (RecordType::Caa, "0 issue \"ca.example.org\""),
            (RecordType::Soa, "ns-1.awsdns-00.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"),
        ] {
            assert!(RecordValue::parse(record_type, text).is_ok(), "{text}");
        }
        assert!(error(RecordType::Mx, "mail.example.org").contains("RRDATAIncorrectFields"));
    }
}
