//! Constants as they are written: numbers, characters, strings with Go's escapes.

use crate::value::Value;

/// A number as Go's constants are: an `int` when it is whole, else a `float64`.
pub(super) fn number(text: &str) -> Option<Value> {
    let clean = text.replace('_', "");
    if let Some(integer) = crate::number::parse_integer(&clean) {
        return Some(Value::Int(integer));
    }
    let is_decimal =
        clean.chars().all(|letter| letter.is_ascii_digit() || matches!(letter, '.' | 'e' | 'E' | '+' | '-'));
    match clean.parse::<f64>() {
        Ok(float) if is_decimal && float.is_finite() => Some(Value::Float(float)),
        _ => None,
    }
}

/// A character constant's code.
pub(super) fn character(text: &str) -> Option<i64> {
    let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
    let unescaped = unescape(inner)?;
    let mut letters = unescaped.chars();
    let letter = letters.next()?;
    letters.next().is_none().then(|| i64::from(u32::from(letter)))
}

/// `strconv.Unquote` for what the lexer lets through.
pub(super) fn unquote(text: &str) -> Option<String> {
    if let Some(raw) = text.strip_prefix('`') {
        return raw.strip_suffix('`').map(|raw| raw.replace('\r', ""));
    }
    unescape(text.strip_prefix('"')?.strip_suffix('"')?)
}

fn unescape(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut letters = text.chars();
    let mut buffer = [0; 4];
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.extend_from_slice(letter.encode_utf8(&mut buffer).as_bytes());
            continue;
        }
        let escape = letters.next()?;
        let mut digits = |count: usize, radix: u32| {
            let digits: String = letters.by_ref().take(count).collect();
            if digits.len() == count { u32::from_str_radix(&digits, radix).ok() } else { None }
        };
        match escape {
            'a' => out.push(7),
            'b' => out.push(8),
            'f' => out.push(12),
            'n' => out.push(b'\n'),
            'r' => out.push(b'\r'),
            't' => out.push(b'\t'),
            'v' => out.push(11),
            '\\' | '\'' | '"' => out.push(u8::try_from(escape).ok()?),
            'x' => out.push(u8::try_from(digits(2, 16)?).ok()?),
            'u' | 'U' => {
                let code = digits(if escape == 'u' { 4 } else { 8 }, 16)?;
                out.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut buffer).as_bytes());
            }
            '0'..='7' => {
                let rest = digits(2, 8)?;
                out.push(u8::try_from(escape.to_digit(8)? * 64 + rest).ok()?);
            }
            _ => return None,
        }
    }
    Some(String::from_utf8_lossy(&out).into_owned())
}
