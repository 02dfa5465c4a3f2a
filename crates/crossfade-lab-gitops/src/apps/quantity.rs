//! Quantities: `1000m` and `1`, `1Gi` and `1073741824`, told to be the same.

/// A quantity in thousandths of its unit; `None` for a text that is none.
pub(super) fn milli(text: &str) -> Option<i128> {
    /// Longer than any quantity that fits.
    const LENGTH_MAX: usize = 32;
    const SUFFIXES: [(&str, i128, i128); 16] = [
        ("Ki", 1 << 10, 1),
        ("Mi", 1 << 20, 1),
        ("Gi", 1 << 30, 1),
        ("Ti", 1 << 40, 1),
        ("Pi", 1 << 50, 1),
        ("Ei", 1 << 60, 1),
        ("n", 1, 1_000_000_000),
        ("u", 1, 1_000_000),
        ("m", 1, 1_000),
        ("k", 1_000, 1),
        ("M", 1_000_000, 1),
        ("G", 1_000_000_000, 1),
        ("T", 1_000_000_000_000, 1),
        ("P", 1_000_000_000_000_000, 1),
        ("E", 1_000_000_000_000_000_000, 1),
        ("", 1, 1),
    ];
    if text.len() > LENGTH_MAX {
        return None;
    }
    let (digits, times, over) = SUFFIXES
        .iter()
        .find_map(|(suffix, times, over)| Some((text.strip_suffix(suffix)?, *times, *over)))?;
    let (is_negative, digits) = match digits.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, digits.strip_prefix('+').unwrap_or(digits)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let all: i128 = format!("{whole}{fraction}").parse().ok().filter(|number| *number >= 0)?;
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let milli = all.checked_mul(times)?.checked_mul(1_000)? / scale.checked_mul(over)?;
    Some(if is_negative { -milli } else { milli })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_quantities_are_equal() {
        for (one, other) in
            [("1000m", "1"), ("0.5", "500m"), ("1Gi", "1073741824"), ("1.5Gi", "1536Mi"), ("1k", "1000")]
        {
            assert_eq!(milli(one), milli(other), "{one} {other}");
        }
        assert_ne!(milli("1G"), milli("1Gi"));
        for none in ["", "m", "one", "1.2.3", "--1", "1 Gi"] {
            assert_eq!(milli(none), None, "{none}");
        }
    }
}
