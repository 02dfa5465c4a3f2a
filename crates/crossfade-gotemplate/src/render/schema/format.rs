//! `format`: what drafts 4, 6 and 7 ask of texts, with the complaints of the validator in helm. Later drafts only note it.

use regex::Regex;

use crate::addresses::parse_ip;
use crate::dates::Layout;
use crate::printf::{quote, quote_char};
use crate::url::Url;

type Checked = Result<(), String>;

/// Checks a text; formats that are not known ask for nothing.
pub(super) fn check(format: &str, text: &str) -> Checked {
    match format {
        "json-pointer" => json_pointer(text),
        "relative-json-pointer" => relative_json_pointer(text),
        "uuid" => uuid(text),
        "duration" => duration(text),
        "period" => period(text),
        "ipv4" => ipv4(text),
        "ipv6" => ipv6(text),
        "hostname" => hostname(text),
        "email" => email(text),
        "date" => date(text),
        "time" => time(text),
        "date-time" => date_time(text),
        "uri" | "iri" => match url(text)?.scheme.as_str() {
            "" => refuse("relative url"),
            _ => Ok(()),
        },
        "uri-reference" | "iri-reference" if text.contains('\\') => refuse("contains \\"),
        "uri-reference" | "iri-reference" => url(text).map(drop),
        "uri-template" => uri_template(text),
        "semver" => semver(text),
        "regex" => Regex::new(text).map(drop).map_err(|_| format!("error parsing regexp: {}", quote(text))),
        _ => Ok(()),
    }
}

fn refuse(why: &str) -> Checked {
    Err(why.to_owned())
}

fn all(text: &str, is_good: impl Fn(char) -> bool, complain: impl Fn(char) -> String) -> Checked {
    match text.chars().find(|letter| !is_good(*letter)) {
        Some(letter) => Err(complain(letter)),
        None => Ok(()),
    }
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// Go's `strconv.Atoi`.
fn integer(text: &str) -> Result<i64, String> {
    let bare = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = !bare.is_empty() && bare.bytes().all(|digit| digit.is_ascii_digit());
    let why = if is_number { "value out of range" } else { "invalid syntax" };
    text.parse().map_err(|_| format!("strconv.Atoi: parsing {}: {why}", quote(text)))
}

fn json_pointer(text: &str) -> Checked {
    const ESCAPE: &str = "~ must be followed by 0 or 1";
    if text.is_empty() {
        return Ok(());
    }
    if !text.starts_with('/') {
        return refuse("not starting with /");
    }
    let is_escape = |behind: &str| behind.starts_with(['0', '1']);
    if text.split('~').skip(1).all(is_escape) { Ok(()) } else { refuse(ESCAPE) }
}

fn relative_json_pointer(text: &str) -> Checked {
    let count = digits(text);
    match (count, &text[count..]) {
        (0, _) => refuse("must start with non-negative integer"),
        (2.., _) if text.starts_with('0') => refuse("starts with zero"),
        (_, "#") => Ok(()),
        (_, pointer) => json_pointer(pointer),
    }
}

fn uuid(text: &str) -> Checked {
    const LENGTHS: [usize; 5] = [8, 4, 4, 4, 12];
    let groups: Vec<&str> = text.split('-').collect();
    if groups.len() != LENGTHS.len() {
        return refuse("must have 5 elements");
    }
    for (index, (group, length)) in groups.iter().zip(LENGTHS).enumerate() {
        if group.len() != length {
            return Err(format!("element {} must be {length} characters long", index + 1));
        }
        all(
            group,
            |letter| letter.is_ascii_hexdigit(),
            |letter| format!("non-hex character {}", quote_char(letter)),
        )?;
    }
    Ok(())
}

fn duration(text: &str) -> Checked {
    const UNITS: [&str; 2] = ["YMD", "HMS"];
    let Some(text) = text.strip_prefix('P') else { return refuse("must start with P") };
    if text.is_empty() {
        return refuse("nothing after P");
    }
    if let Some(weeks) = text.strip_suffix('W') {
        return match weeks {
            "" => refuse("no number in week"),
            weeks if digits(weeks) == weeks.len() => Ok(()),
            _ => refuse("invalid week"),
        };
    }
    for (index, mut part) in text.split('T').enumerate() {
        if index > 0 && part.is_empty() {
            return refuse("no time elements");
        }
        let Some(own) = UNITS.get(index) else { return refuse("more than one T") };
        let mut units = *own;
        while !part.is_empty() {
            let count = digits(part);
            if count == 0 {
                return refuse("missing number");
            }
            let Some(unit) = part[count..].chars().next() else { return refuse("missing unit") };
            match units.find(unit) {
                Some(place) => units = &units[place + 1..],
                None if own.contains(unit) => {
                    return Err(format!("unit {} out of order", quote_char(unit)));
                }
                None => return Err(format!("invalid unit {}", quote_char(unit))),
            }
            part = &part[count + unit.len_utf8()..];
        }
    }
    Ok(())
}

fn period(text: &str) -> Checked {
    let Some((start, end)) = text.split_once('/') else { return refuse("missing slash") };
    let labelled = |what: &str, checked: Checked| checked.map_err(|why| format!("invalid {what}: {why}"));
    if start.starts_with('P') {
        labelled("start duration", duration(start))?;
        return labelled("end date-time", date_time(end));
    }
    labelled("start date-time", date_time(start))?;
    if end.starts_with('P') {
        return labelled("end duration", duration(end));
    }
    labelled("end date-time", date_time(end))
}

fn ipv4(text: &str) -> Checked {
    let groups: Vec<&str> = text.split('.').collect();
    if groups.len() != 4 {
        return refuse("expected four decimals");
    }
    for group in groups {
        if group.len() > 1 && group.starts_with('0') {
            return refuse("leading zeros");
        }
        if !(0..=255).contains(&integer(group)?) {
            return refuse("decimal must be between 0 and 255");
        }
    }
    Ok(())
}

fn ipv6(text: &str) -> Checked {
    if !text.contains(':') {
        return refuse("missing colon");
    }
    parse_ip(text)?;
    if text.contains('%') { refuse("zone id is not a part of ipv6 address") } else { Ok(()) }
}

fn hostname(text: &str) -> Checked {
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.len() > 253 {
        return refuse("more than 253 characters long");
    }
    for label in text.split('.') {
        match label {
            _ if label.is_empty() || label.len() > 63 => {
                return refuse("label must be 1 to 63 characters long");
            }
            _ if label.starts_with('-') => return refuse("label starts with hyphen"),
            _ if label.ends_with('-') => return refuse("label ends with hyphen"),
            _ => all(label, |letter| letter.is_ascii_alphanumeric() || letter == '-', invalid_character)?,
        }
    }
    Ok(())
}

fn invalid_character(letter: char) -> String {
    format!("invalid character {}", quote_char(letter))
}

fn email(text: &str) -> Checked {
    if text.len() > 254 {
        return refuse("more than 255 characters long");
    }
    let Some((local, domain)) = text.rsplit_once('@') else { return refuse("missing @") };
    if local.len() > 64 {
        return refuse("local part more than 64 characters long");
    }
    let quoted = local.strip_prefix('"').and_then(|local| local.strip_suffix('"'));
    if let Some(quoted) = quoted {
        if quoted.contains(['\\', '"']) {
            return refuse("backslash and quote are not allowed within quoted local part");
        }
    } else if local.starts_with('.') {
        return refuse("starts with dot");
    } else if local.ends_with('.') {
        return refuse("ends with dot");
    } else if local.contains("..") {
        return refuse("consecutive dots");
    } else {
        let is_good =
            |letter: char| letter.is_ascii_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(letter);
        all(local, is_good, invalid_character)?;
    }
    if let Some(address) = domain.strip_prefix('[').and_then(|domain| domain.strip_suffix(']')) {
        return match address.strip_prefix("IPv6:") {
            Some(address) => ipv6(address).map_err(|why| format!("invalid ipv6 address: {why}")),
            None => ipv4(address).map_err(|why| format!("invalid ipv4 address: {why}")),
        };
    }
    hostname(domain).map_err(|why| format!("invalid domain: {why}"))
}

fn date(text: &str) -> Checked {
    Layout("2006-01-02").parse(text).map(drop)
}

/// Two numbers of two digits apart by a colon, or three.
fn clock<const COUNT: usize>(text: &str, labels: [&str; 2]) -> Result<[i64; COUNT], String> {
    let mut out = [0; COUNT];
    for (number, part) in out.iter_mut().zip(text.splitn(COUNT, ':')) {
        *number = integer(part).map_err(|_| labels[0].to_owned())?;
        if *number < 0 {
            return Err(labels[1].to_owned());
        }
    }
    Ok(out)
}

fn time(text: &str) -> Checked {
    let bytes = text.as_bytes();
    if bytes.len() < 9 {
        return refuse("less than 9 characters long");
    }
    if bytes[2] != b':' || bytes[5] != b':' {
        return refuse("missing colon in correct place");
    }
    let labels = ["invalid hour/min/sec", "non-positive hour/min/sec"];
    let [mut hour, mut minute, second] = clock::<3>(text.get(..8).unwrap_or_default(), labels)?;
    if hour > 23 || minute > 59 || second > 60 {
        return refuse("hour/min/sec out of range");
    }
    let mut rest = &text[8..];
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = &fraction[digits(fraction)..];
        if rest.len() == fraction.len() {
            return refuse("no digits in second fraction");
        }
    }
    if !matches!(rest, "z" | "Z") {
        if rest.len() != 6 {
            return refuse("offset must be 6 characters long");
        }
        let sign = match rest.as_bytes()[0] {
            b'+' => -1,
            b'-' => 1,
            _ => return refuse("offset must begin with plus/minus"),
        };
        let offset = &rest[1..];
        if offset.as_bytes()[2] != b':' {
            return refuse("missing colon in offset in correct place");
        }
        let labels = ["invalid hour/min in offset", "non-positive hour/min in offset"];
        let [hours, minutes] = clock::<2>(offset, labels)?;
        if hours > 23 || minutes > 59 {
            return refuse("hour/min in offset out of range");
        }
        let shifted = hour * 60 + minute + sign * (hours * 60 + minutes);
        let shifted = if shifted < 0 { shifted + 24 * 60 } else { shifted };
        (hour, minute) = (shifted / 60, shifted % 60);
    }
    if second >= 60 && (hour, minute) != (23, 59) { refuse("invalid leap second") } else { Ok(()) }
}

fn date_time(text: &str) -> Checked {
    if text.len() < 20 {
        return refuse("less than 20 characters long");
    }
    if !matches!(text.as_bytes()[10], b't' | b'T') {
        return refuse("11th character must be t or T");
    }
    date(text.get(..10).unwrap_or_default()).map_err(|why| format!("invalid date element: {why}"))?;
    time(&text[11..]).map_err(|why| format!("invalid time element: {why}"))
}

fn url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text)?;
    let name = url.hostname();
    if name.contains(':') {
        if !url.host.contains('[') || !url.host.contains(']') {
            return Err("ipv6 address not enclosed in brackets".to_owned());
        }
        ipv6(name).map_err(|why| format!("invalid ipv6 address: {why}"))?;
    }
    Ok(url)
}

fn uri_template(text: &str) -> Checked {
    for part in url(text)?.path.split('/') {
        let mut is_open = false;
        for sign in part.chars().filter(|sign| matches!(sign, '{' | '}')) {
            if (sign == '{') == is_open {
                return refuse("nested curly braces");
            }
            is_open = !is_open;
        }
        if is_open {
            return refuse("no matching closing brace");
        }
    }
    Ok(())
}

fn semver(text: &str) -> Checked {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
    if let Some(build) = build {
        if build.is_empty() {
            return refuse("build is empty");
        }
        for part in build.split('.') {
            if part.is_empty() {
                return refuse("build identifier is empty");
            }
            all(part, is_word, |letter| format!("{} in build identifier", invalid_character(letter)))?;
        }
    }
    let (core, release) = text.split_once('-').map_or((text, None), |(core, release)| (core, Some(release)));
    for part in release.into_iter().flat_map(|release| release.split('.')) {
        if part.is_empty() {
            return refuse("pre-release identifier is empty");
        }
        all(part, is_word, |letter| format!("{} in pre-release identifier", invalid_character(letter)))?;
        if part.len() > 1 && part.starts_with('0') && digits(part) == part.len() {
            return refuse("pre-release numeric identifier starts with zero");
        }
    }
    let numbers: Vec<&str> = core.split('.').collect();
    if numbers.len() != 3 {
        return refuse("versionCore must have 3 numbers separated by dot");
    }
    for (name, number) in ["major", "minor", "patch"].into_iter().zip(numbers) {
        match number {
            "" => return Err(format!("{name} is empty")),
            _ if number.len() > 1 && number.starts_with('0') => {
                return Err(format!("{name} starts with zero"));
            }
            _ if digits(number) != number.len() => return Err(format!("{name} contains non-digit")),
            _ => {}
        }
    }
    Ok(())
}
