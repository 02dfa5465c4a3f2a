//! What a plain scalar is: the rules of yaml.v2, a mix of YAML 1.1 and 1.2.

use crate::number::{parse_float, parse_magnitude};
use crate::value::Value;

/// The value of a plain scalar.
pub(super) fn plain(text: &str) -> Value {
    let Some(&first) = text.as_bytes().first() else { return Value::Nil };
    if !matches!(first, b'+' | b'-' | b'.' | b'~' | b'0'..=b'9') && !b"yYnNtTfFoO".contains(&first) {
        return text.into();
    }
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        "~" | "null" | "Null" | "NULL" => return Value::Nil,
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        _ => {}
    }
    match first {
        b'.' => match parse_float(text) {
            Some(number) if text.bytes().any(|byte| byte.is_ascii_digit()) => Value::Float(number),
            _ => text.into(),
        },
        b'+' | b'-' | b'0'..=b'9' if !is_timestamp(text) => {
            number(&text.replace('_', "")).map_or_else(|| text.into(), Value::Float)
        }
        _ => text.into(),
    }
}

/// Whether a text, written without quotes, would be read as something else than that text.
pub(super) fn needs_quotes(text: &str) -> bool {
    !matches!(plain(text), Value::String(_)) || is_timestamp(text) || is_base_60(text)
}

/// Whether a text is a whole number as Go reads one.
pub(super) fn is_integer(text: &str) -> bool {
    integer(&text.replace('_', "")).is_some()
}

fn integer(text: &str) -> Option<f64> {
    let (is_negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let limit = if is_negative { 1 << 63 } else { u64::MAX };
    let magnitude = parse_magnitude(digits).filter(|magnitude| *magnitude <= limit)? as f64;
    Some(if is_negative { -magnitude } else { magnitude })
}

fn number(text: &str) -> Option<f64> {
    if let Some(number) = integer(text) {
        return Some(number);
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if is_float(digits) { parse_float(text).filter(|number| number.is_finite()) } else { None }
}

/// `(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_exponent = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && is_digits(digits)
    });
    let is_mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && is_digits(fraction),
        Some((whole, fraction)) => is_digits(whole) && is_digits(fraction),
        None => !mantissa.is_empty() && is_digits(mantissa),
    };
    is_exponent && is_mantissa
}

/// `2001-1-2`, `2001-01-02T03:04:05.6Z`, `2001-01-02 03:04:05`.
pub(super) fn is_timestamp(text: &str) -> bool {
    let number = |text: &str, digits: std::ops::RangeInclusive<usize>, most: u32| {
        digits.contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && text.parse::<u32>().is_ok_and(|number| number <= most)
    };
    let Some((year, rest)) = text.split_once('-') else { return false };
    let Some((month, rest)) = rest.split_once('-') else { return false };
    if !(number(year, 4..=4, 9999) && number(month, 1..=2, 12) && !month.trim_start_matches('0').is_empty()) {
        return false;
    }
    let (day, time, has_zone) = match rest.split_once(['T', 't', ' ']) {
        None => return number(rest, 1..=2, 31),
        Some((day, time)) => (day, time, !rest.contains(' ')),
    };
    let clock = if has_zone {
        let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
        let (clock, zone) = time.split_at(zone);
        let is_offset = |zone: &str| {
            zone[1..]
                .split_once(':')
                .is_some_and(|(hours, minutes)| number(hours, 2..=2, 24) && number(minutes, 2..=2, 60))
        };
        if zone != "Z" && !(zone.starts_with(['+', '-']) && is_offset(zone)) {
            return false;
        }
        clock
    } else {
        time
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let parts: Vec<&str> = clock.split(':').collect();
    let [hours, minutes, seconds] = parts.as_slice() else { return false };
    number(day, 1..=2, 31)
        && number(hours, 1..=2, 23)
        && number(minutes, 1..=2, 59)
        && number(seconds, 1..=2, 59)
        && !fraction.is_empty()
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
}

/// `12:30:45`, which YAML 1.1 reads as a number: `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`
fn is_base_60(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let mut parts = whole.split(':');
    let is_start = parts
        .next()
        .is_some_and(|part| part.starts_with(|digit: char| digit.is_ascii_digit()) && is_digits(part));
    let rest: Vec<&str> = parts.collect();
    let is_rest = rest.iter().all(|part| match part.as_bytes() {
        [digit] | [b'0'..=b'5', digit] => digit.is_ascii_digit(),
        _ => false,
    });
    is_start && !rest.is_empty() && is_rest && is_digits(fraction)
}
