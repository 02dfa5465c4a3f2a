//! The order of keys in written YAML: numbers inside of keys count as numbers (`a9` before `a10`), letters come last.

use std::cmp::Ordering;

/// Compares two keys as yaml.v2 does.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    for index in 0..a.len().min(b.len()) {
        let (x, y) = (a[index], b[index]);
        if x == y {
            continue;
        }
        match (x.is_alphabetic(), y.is_alphabetic()) {
            (true, true) => return x.cmp(&y),
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            (false, false) => {}
        }
        // A zero inside of a number counts only behind another digit.
        let mut start = 0_i64;
        if x == '0' || y == '0' {
            let before = a[..index].iter().rev().take_while(|digit| digit.is_numeric());
            start = i64::from(before.into_iter().any(|digit| *digit != '0'));
        }
        let (a_number, a_digits) = number(&a[index..], start);
        let (b_number, b_digits) = number(&b[index..], start);
        return a_number.cmp(&b_number).then(a_digits.cmp(&b_digits)).then(x.cmp(&y));
    }
    a.len().cmp(&b.len())
}

fn number(letters: &[char], start: i64) -> (i64, usize) {
    let digits = letters.iter().take_while(|letter| letter.is_numeric());
    digits.fold((start, 0), |(number, count), digit| {
        let digit = i64::from(u32::from(*digit)) - i64::from(u32::from('0'));
        (number.wrapping_mul(10).wrapping_add(digit), count + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_keys_count() {
        let mut keys = vec!["a10", "a9", "b", "A", "1", "10", "2", "a-b", "ab", "_x", "a.b"];
        keys.sort_by(|a, b| compare(a, b));
        assert_eq!(keys, ["_x", "1", "2", "10", "A", "a-b", "a.b", "a9", "a10", "ab", "b"]);
    }
}
