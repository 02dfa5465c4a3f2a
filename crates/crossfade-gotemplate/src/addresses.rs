//! IP addresses as Go's `net/netip` reads them, with its complaints.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::printf::quote;

/// `netip.ParseAddr`; a zone is read and left out.
pub(crate) fn parse_ip(text: &str) -> Result<IpAddr, String> {
    match text.find(['.', ':', '%']).map(|index| text.as_bytes()[index]) {
        Some(b'.') => ipv4(text, text).map(IpAddr::V4),
        Some(b':') => ipv6(text).map(IpAddr::V6),
        Some(_) => refuse(text, "missing IPv6 address", ""),
        None => refuse(text, "unable to parse IP", ""),
    }
}

fn refuse<T>(whole: &str, why: &str, at: &str) -> Result<T, String> {
    let at = if at.is_empty() { String::new() } else { format!(" (at {})", quote(at)) };
    Err(format!("ParseAddr({}): {why}{at}", quote(whole)))
}

fn ipv4(whole: &str, text: &str) -> Result<Ipv4Addr, String> {
    let mut fields = [0_u8; 4];
    let parts: Vec<&str> = text.split('.').collect();
    for (index, part) in parts.iter().enumerate() {
        if let Some(at) = part.find(|digit: char| !digit.is_ascii_digit()) {
            return refuse(whole, "unexpected character", &parts[index..].join(".")[at..]);
        }
        if part.is_empty() {
            let at = format!(".{}", parts[parts.len().min(index + 1)..].join("."));
            return refuse(whole, "IPv4 field must have at least one digit", &at);
        }
        if part.len() > 1 && part.starts_with('0') {
            return refuse(whole, "IPv4 field has octet with leading zero", "");
        }
        let Ok(number) = part.parse() else { return refuse(whole, "IPv4 field has value >255", "") };
        match fields.get_mut(index) {
            Some(field) => *field = number,
            None => return refuse(whole, "IPv4 address too long", ""),
        }
    }
    if parts.len() < 4 {
        return refuse(whole, "IPv4 address too short", "");
    }
    Ok(fields.into())
}

fn ipv6(whole: &str) -> Result<Ipv6Addr, String> {
    let mut rest = match whole.split_once('%') {
        Some((_, "")) => return refuse(whole, "zone must be a non-empty string", ""),
        Some((address, _)) => address,
        None => whole,
    };
    let mut fields: Vec<u16> = Vec::new();
    let mut gap = None;
    if let Some(behind) = rest.strip_prefix("::") {
        gap = Some(0);
        rest = behind;
    }
    while fields.len() < 8 && !(rest.is_empty() && gap == Some(0) && fields.is_empty()) {
        let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        if digits > 4 {
            return refuse(whole, "each group must have 4 or less digits", rest);
        }
        if digits == 0 {
            return refuse(whole, "each colon-separated field must have at least one digit", rest);
        }
        if rest[digits..].starts_with('.') {
            if gap.is_none() && fields.len() != 6 {
                let why = "embedded IPv4 address must replace the final 2 fields of the address";
                return refuse(whole, why, rest);
            }
            if fields.len() > 6 {
                let why = "too many hex fields to fit an embedded IPv4 at the end of the address";
                return refuse(whole, why, rest);
            }
            let [a, b, c, d] = ipv4(whole, rest)?.octets();
            fields.extend([u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]);
            rest = "";
            break;
        }
        fields.push(u16::from_str_radix(&rest[..digits], 16).unwrap_or(0));
        rest = &rest[digits..];
        if rest.is_empty() {
            break;
        }
        match rest.strip_prefix(':') {
            None => return refuse(whole, "unexpected character, want colon", rest),
            Some("") => return refuse(whole, "colon must be followed by more characters", rest),
            Some(behind) => rest = behind,
        }
        if let Some(behind) = rest.strip_prefix(':') {
            if gap.is_some() {
                return refuse(whole, "multiple :: in address", rest);
            }
            gap = Some(fields.len());
            rest = behind;
            if rest.is_empty() {
                break;
            }
        }
    }
    if !rest.is_empty() {
        return refuse(whole, "trailing garbage after address", rest);
    }
    match gap {
        None if fields.len() < 8 => return refuse(whole, "address string too short", ""),
        Some(_) if fields.len() == 8 => {
            return refuse(whole, "the :: must expand to at least one field of zeros", "");
        }
        Some(at) => {
            let zeros = 8 - fields.len();
            fields.splice(at..at, std::iter::repeat_n(0, zeros));
        }
        None => {}
    }
    let mut all = [0; 8];
    all.copy_from_slice(&fields);
    Ok(all.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_the_standard_library() {
        for text in ["1.2.3.4", "::", "::1", "1::", "fe80::1:2", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "1::8"]
        {
            assert_eq!(parse_ip(text).ok(), text.parse().ok(), "{text}");
        }
        for text in [
            "",
            "1.2.3",
            "1.2.3.4.5",
            "01.2.3.4",
            ":1",
            "1:",
            "1::2::3",
            "1:2",
            "12345::",
            "g::",
            "1.2.3.256",
        ] {
            assert!(parse_ip(text).is_err(), "{text}");
            assert!(text.parse::<IpAddr>().is_err(), "{text}");
        }
    }
}
