//! Completed indexes of a Job as its status writes them: `0,2-5`. A run of two is written with a comma, as the real
//! controller does.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The indexes of a text below `count`; what cannot be read is left out.
pub(super) fn parse(text: &str, count: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.parse::<usize>(), last.parse::<usize>()) {
            found.extend(first..=last.min(count.saturating_sub(1)));
        }
    }
    found.retain(|index| *index < count);
    found
}

/// The text for some indexes.
pub(super) fn text(indexes: &BTreeSet<usize>) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for index in indexes {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *index => *last = *index,
            _ => runs.push((*index, *index)),
        }
    }
    let mut text = String::new();
    for (first, last) in runs {
        let comma = if text.is_empty() { "" } else { "," };
        let _ = match last - first {
            0 => write!(text, "{comma}{first}"),
            1 => write!(text, "{comma}{first},{last}"),
            _ => write!(text, "{comma}{first}-{last}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_written_as_kubernetes_does_and_read_again() {
        for written in ["", "0", "0,1", "0-2", "1,3-5,7", "0,1,3,4"] {
            assert_eq!(text(&parse(written, 10)), written);
        }
        assert_eq!(text(&parse("0-9", 3)), "0-2");
        assert_eq!(text(&parse("x,2", 3)), "2");
    }
}
