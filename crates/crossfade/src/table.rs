//! Columns as kubectl prints them: upper-case headings, three spaces between, no frames.

use std::fmt::Write as _;

/// Rows of equal length under headings.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// With headings.
    pub fn new(headings: &[&str]) -> Self {
        Table { rows: vec![headings.iter().map(ToString::to_string).collect()] }
    }

    /// One more row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (index, row) in self.rows.iter().enumerate() {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                write!(line, "{cell:<width$}   ")?;
            }
            let end = if index + 1 == self.rows.len() { "" } else { "\n" };
            write!(f, "{}{end}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_up() {
        let mut table = Table::new(&["GROUP", "NOW"]);
        table.row(vec!["team-burnham/burnham-ingress".into(), "100/0".into()]);
        assert_eq!(
            table.to_string(),
            "GROUP                          NOW\nteam-burnham/burnham-ingress   100/0"
        );
    }
}
