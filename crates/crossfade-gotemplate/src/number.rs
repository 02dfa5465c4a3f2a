//! Go's ways to write a number (`strconv.FormatFloat`, `encoding/json`) and to read one from text.
//!
//! Never rounds: the shortest digits that read back as the same `float64` are Rust's as well as Go's.

/// Digits and decimal exponent of the shortest form: 1234.5 is ("12345", 3).
fn shortest(number: f64) -> (String, i32) {
    let text = format!("{:e}", number.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (mantissa.replace('.', ""), exponent.parse().unwrap_or(0))
}

/// `NaN`, `+Inf` and `-Inf`, which every verb of Go prints alike.
fn special(number: f64) -> Option<&'static str> {
    match number {
        _ if number.is_nan() => Some("NaN"),
        _ if number == f64::INFINITY => Some("+Inf"),
        _ if number == f64::NEG_INFINITY => Some("-Inf"),
        _ => None,
    }
}

/// The exponent with Go's sign and at least two digits.
fn exponent_text(exponent: i32) -> String {
    format!("e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// `strconv.FormatFloat(number, 'g', -1, 64)`, which is `%v`: with an exponent from a million on, and below 1e-04.
pub fn float_general(number: f64) -> String {
    if let Some(text) = special(number) {
        return text.to_owned();
    }
    let (digits, exponent) = shortest(number);
    // Go takes a precision of 6 for this decision when it looks for the shortest form.
    if number != 0.0 && !(-4..6).contains(&exponent) {
        return format!("{}{}{}", sign(number), mantissa(&digits), exponent_text(exponent));
    }
    format!("{}{}", sign(number), plain(&digits, exponent))
}

/// As `encoding/json` writes it: an exponent only from 1e21 on and below 1e-6, and a short one.
pub fn float_json(number: f64) -> String {
    if let Some(text) = special(number) {
        return text.to_owned();
    }
    let (digits, exponent) = shortest(number);
    if number == 0.0 || (-6..21).contains(&exponent) {
        return format!("{}{}", sign(number), plain(&digits, exponent));
    }
    let exponent = if exponent < 0 { format!("e-{}", -exponent) } else { format!("e+{exponent}") };
    format!("{}{}{exponent}", sign(number), mantissa(&digits))
}

/// `%e` with a number of digits after the point.
pub fn float_exponent(number: f64, precision: usize) -> String {
    if let Some(text) = special(number) {
        return text.to_owned();
    }
    let text = format!("{number:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{mantissa}{}", exponent_text(exponent.parse().unwrap_or(0)))
}

/// `%g` with a number of significant digits, trailing zeros taken off.
pub fn float_general_precise(number: f64, precision: usize) -> String {
    if let Some(text) = special(number) {
        return text.to_owned();
    }
    let precision = precision.max(1);
    let text = format!("{:.*e}", precision - 1, number.abs());
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = digits.replace('.', "");
    let digits = match digits.trim_end_matches('0') {
        "" => "0",
        trimmed => trimmed,
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let limit = i32::try_from(precision).unwrap_or(i32::MAX);
    if number != 0.0 && (exponent < -4 || exponent >= limit) {
        return format!("{}{}{}", sign(number), mantissa(digits), exponent_text(exponent));
    }
    format!("{}{}", sign(number), plain(digits, exponent))
}

fn sign(number: f64) -> &'static str {
    if number.is_sign_negative() { "-" } else { "" }
}

/// The first digit, a point and the rest.
fn mantissa(digits: &str) -> String {
    if digits.len() > 1 { format!("{}.{}", &digits[..1], &digits[1..]) } else { digits.to_owned() }
}

/// Digits placed around the decimal point.
fn plain(digits: &str, exponent: i32) -> String {
    let Ok(whole) = usize::try_from(exponent + 1) else {
        return format!("0.{}{digits}", "0".repeat(usize::try_from(-exponent - 1).unwrap_or(0)));
    };
    match whole {
        0 => format!("0.{digits}"),
        _ if digits.len() <= whole => format!("{digits}{}", "0".repeat(whole - digits.len())),
        _ => format!("{}.{}", &digits[..whole], &digits[whole..]),
    }
}

/// `strconv.ParseInt(text, 0, 64)`: decimal, `0x`, `0o`, `0b`, a leading zero for octal; underscores only with a prefix.
pub fn parse_integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let magnitude = parse_magnitude(digits)?;
    if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// The same without a sign and up to 2^64.
pub fn parse_magnitude(digits: &str) -> Option<u64> {
    let lower = digits.to_ascii_lowercase();
    let (radix, rest) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    let rest = if radix == 10 { rest.to_owned() } else { rest.replace('_', "") };
    if rest.is_empty() || !rest.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    u64::from_str_radix(&rest, radix).ok()
}

/// `strconv.ParseFloat(text, 64)`, without hexadecimal floats.
pub fn parse_float(text: &str) -> Option<f64> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_read_as_go_prints_them() {
        for (number, general, json) in [
            (1e5, "100000", "100000"),
            (1e6, "1e+06", "1000000"),
            (1_234_567.0, "1.234567e+06", "1234567"),
            (12_345_678.5, "1.23456785e+07", "12345678.5"),
            (1e20, "1e+20", "100000000000000000000"),
            (1e21, "1e+21", "1e+21"),
            (1.5e-5, "1.5e-05", "0.000015"),
            (0.0001, "0.0001", "0.0001"),
            (1e-7, "1e-07", "1e-7"),
            (0.0, "0", "0"),
            (-2.5, "-2.5", "-2.5"),
        ] {
            assert_eq!(float_general(number), general);
            assert_eq!(float_json(number), json);
        }
    }

    #[test]
    fn integers_are_read_with_gos_prefixes() {
        assert_eq!(parse_integer("0x1F"), Some(31));
        assert_eq!(parse_integer("0777"), Some(511));
        assert_eq!(parse_integer("-12"), Some(-12));
        assert_eq!(parse_integer("1_000"), None);
        assert_eq!(parse_integer("9223372036854775808"), None);
        assert_eq!(parse_integer("-9223372036854775808"), Some(i64::MIN));
    }
}
