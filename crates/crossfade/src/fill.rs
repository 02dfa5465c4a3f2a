//! Text in lines that a terminal of usual width shows whole.

/// Readable side by side, and what most terminals have.
pub const WIDTH_MAX: usize = 100;

/// Units with `separator` between them, as many on a line as fit; none is cut. The first line begins with `first`, all others with
/// `rest`.
pub fn fill(units: &[String], separator: &str, first: &str, rest: &str) -> Vec<String> {
    let width = |text: &str| text.chars().count();
    let mut lines: Vec<String> = Vec::new();
    for unit in units {
        match lines.last_mut() {
            Some(line) if width(line) + width(separator) + width(unit) <= WIDTH_MAX => {
                line.push_str(separator);
                line.push_str(unit);
            }
            Some(_) => lines.push(format!("{rest}{unit}")),
            None => lines.push(format!("{first}{unit}")),
        }
    }
    lines
}

/// The words of a text, filled.
pub fn paragraph(text: &str, first: &str, rest: &str) -> String {
    let words: Vec<String> = text.split(' ').map(ToOwned::to_owned).collect();
    fill(&words, " ", first, rest).join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_fits_a_terminal() {
        let text = format!("{} {}", "word ".repeat(40).trim(), "x".repeat(120));
        let shown = paragraph(&text, "  ", "    ");
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines.iter().filter(|line| line.len() > WIDTH_MAX).count() == 1, "{shown}");
        assert_eq!(shown.split_whitespace().collect::<Vec<_>>(), text.split_whitespace().collect::<Vec<_>>());
        assert!(lines[0].starts_with("  word") && lines[1].starts_with("    word"));
    }

    #[test]
    fn a_unit_stays_on_its_line() {
        let units = vec!["record 100 ✓".to_owned(); 9];
        let lines = fill(&units, "  ", "  ", "  ");
        assert_eq!(lines.iter().map(|line| line.matches("record 100 ✓").count()).collect::<Vec<_>>(), [7, 2]);
    }
}
