//! URLs as Go's `net/url` reads them, with its complaints.

use crate::addresses::parse_ip;
use crate::printf::quote;

/// The parts of a URL, decoded.
#[derive(Debug, Default)]
pub(crate) struct Url {
    pub scheme: String,
    pub userinfo: String,
    pub host: String,
    pub path: String,
    /// The path as it was written.
    pub raw_path: String,
    pub opaque: String,
    pub query: String,
    pub fragment: String,
}

impl Url {
    /// Reads a URL; the error is Go's text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
        let broken = |shown: &str, why: String| format!("parse {}: {why}", quote(shown));
        let mut url = Self::without_fragment(rest).map_err(|why| broken(rest, why))?;
        url.fragment = unescape(fragment, Part::Path).map_err(|why| broken(text, why))?;
        Ok(url)
    }

    fn without_fragment(text: &str) -> Result<Self, String> {
        if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        let (scheme, rest) = scheme(text)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut url = Self { scheme: scheme.to_lowercase(), query: query.to_owned(), ..Self::default() };
        if !rest.starts_with('/') {
            if !scheme.is_empty() {
                rest.clone_into(&mut url.opaque);
                return Ok(url);
            }
            if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        let mut path = rest;
        let has_authority = !scheme.is_empty() || !rest.starts_with("///");
        if let Some(behind) = rest.strip_prefix("//").filter(|_| has_authority) {
            let end = behind.find('/').unwrap_or(behind.len());
            let authority = &behind[..end];
            path = &behind[end..];
            let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
            url.host = host_of(&url.scheme, host)?;
            let is_user =
                |letter: char| letter.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(letter);
            if !user.chars().all(is_user) {
                return Err("net/url: invalid userinfo".to_owned());
            }
            unescape(user, Part::Path)?;
            user.clone_into(&mut url.userinfo);
        }
        url.path = unescape(path, Part::Path)?;
        path.clone_into(&mut url.raw_path);
        Ok(url)
    }

    /// The host without its port and brackets.
    pub fn hostname(&self) -> &str {
        match (self.host.rfind(']'), self.host.rfind(':')) {
            (Some(end), _) => self.host[..end].trim_start_matches('['),
            (None, Some(colon)) => &self.host[..colon],
            (None, None) => &self.host,
        }
    }
}

fn scheme(text: &str) -> Result<(&str, &str), String> {
    let is_scheme = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.');
    let end = text.find(|letter: char| !is_scheme(letter)).unwrap_or(text.len());
    match text[end..].strip_prefix(':') {
        Some(_) if end == 0 => Err("missing protocol scheme".to_owned()),
        Some(rest) if text.starts_with(|first: char| first.is_ascii_alphabetic()) => Ok((&text[..end], rest)),
        _ => Ok(("", text)),
    }
}

fn is_port(text: &str) -> bool {
    match text.strip_prefix(':') {
        Some(digits) => digits.bytes().all(|digit| digit.is_ascii_digit()),
        None => text.is_empty(),
    }
}

fn host_of(scheme: &str, host: &str) -> Result<String, String> {
    match host.rfind('[') {
        Some(0) => {
            let Some(end) = host.rfind(']') else { return Err("missing ']' in host".to_owned()) };
            let port = &host[end + 1..];
            if !is_port(port) {
                return Err(format!("invalid port {} after host", quote(port)));
            }
            let name = unescape(&host[1..end], Part::Host)?;
            let address = parse_ip(&name).map_err(|why| format!("invalid host: {why}"))?;
            if address.is_ipv4() {
                return Err("invalid IP-literal".to_owned());
            }
            return Ok(format!("[{name}]{port}"));
        }
        Some(_) => return Err("invalid IP-literal".to_owned()),
        None => {}
    }
    let is_strict = matches!(scheme, "http" | "https");
    let colon = if is_strict { host.find(':') } else { host.rfind(':') };
    if let Some(colon) = colon.filter(|colon| !is_port(&host[*colon..])) {
        return Err(format!("invalid port {} after host", quote(&host[colon..])));
    }
    unescape(host, Part::Host)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Host,
    Path,
}

fn unescape(text: &str, part: Part) -> Result<String, String> {
    let bytes = crate::bytes::bytes_of(text);
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte == b'%' {
            let digits = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
            let is_hexadecimal = |digits: &&str| digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            let Some(digits) = digits.filter(is_hexadecimal) else {
                let shown = crate::bytes::text_from(&bytes[at..bytes.len().min(at + 3)]);
                return Err(format!("invalid URL escape {}", quote(&shown)));
            };
            let code = u8::from_str_radix(digits, 16).unwrap_or(b'%');
            // A host has only what is not ASCII in this form.
            if part == Part::Host && code < 0x80 && digits != "25" {
                return Err(format!("invalid URL escape {}", quote(&format!("%{digits}"))));
            }
            out.push(code);
            at += 3;
            continue;
        }
        let is_plain =
            byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"".contains(&byte) || byte >= 0x80;
        if part == Part::Host && !is_plain {
            let shown = quote(&char::from(byte).to_string());
            return Err(format!("invalid character {shown} in host name"));
        }
        out.push(byte);
        at += 1;
    }
    Ok(crate::bytes::text_from(&out))
}
