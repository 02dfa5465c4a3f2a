//! Go's layouts: a date is described by writing 2006-01-02 15:04:05 the way it shall look.

use super::Time;

/// A layout.
pub(crate) struct Layout<'l>(pub &'l str);

/// The pieces a layout is made of, longer ones first.
const PIECES: &[&str] = &[
    "January",
    "Jan",
    "Monday",
    "Mon",
    "MST",
    "2006",
    "-070000",
    "-07:00:00",
    "-0700",
    "-07:00",
    "-07",
    "Z070000",
    "Z07:00:00",
    "Z07:00",
    "Z0700",
    "Z07",
    "002",
    "01",
    "02",
    "03",
    "04",
    "05",
    "06",
    "15",
    "PM",
    "pm",
    "__2",
    "_2",
    "1",
    "2",
    "3",
    "4",
    "5",
];

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A piece of a layout.
pub(super) enum Piece {
    Named(&'static str),
    /// `.000` or `,999`: the sign before them, how many, and whether trailing zeros go.
    Fraction {
        sign: char,
        digits: usize,
        trims: bool,
    },
}

/// What stands before the first piece of a layout, the piece, how it is written, and what is behind it.
pub(super) fn next_piece(layout: &str) -> (&str, Option<Piece>, &str, &str) {
    for (at, letter) in layout.char_indices() {
        let rest = &layout[at..];
        // An underscore before a year is only that.
        if rest.starts_with("_2006") {
            continue;
        }
        let found = PIECES.iter().find(|piece| rest.starts_with(**piece)).filter(|piece| {
            // "Jan" and "Mon" are not found inside of longer words.
            !matches!(**piece, "Jan" | "Mon")
                || !rest[3..].starts_with(|next: char| next.is_ascii_lowercase())
        });
        let (piece, length) = if let Some(piece) = found {
            (Piece::Named(piece), piece.len())
        } else if let Some(digits) = fraction(rest) {
            (Piece::Fraction { sign: letter, digits, trims: rest[1..].starts_with('9') }, digits + 1)
        } else {
            continue;
        };
        return (&layout[..at], Some(piece), &rest[..length], &rest[length..]);
    }
    (layout, None, "", "")
}

fn fraction(rest: &str) -> Option<usize> {
    let digits = rest.strip_prefix(['.', ','])?;
    let first = digits.chars().next().filter(|digit| matches!(digit, '0' | '9'))?;
    let count = digits.chars().take_while(|digit| *digit == first).count();
    let is_end = !digits[count..].starts_with(|next: char| next.is_ascii_digit());
    is_end.then_some(count)
}

fn name(names: &[&'static str], index: i64) -> &'static str {
    usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or_default()
}

/// An offset in seconds as a piece of a layout writes it.
fn offset_text(seconds: i64, piece: &str) -> String {
    if seconds == 0 && piece.starts_with('Z') {
        return "Z".to_owned();
    }
    let minutes = seconds / 60;
    let (sign, hours) = (if minutes < 0 { '-' } else { '+' }, minutes.abs() / 60);
    let parts = piece.bytes().filter(u8::is_ascii_digit).count() / 2;
    let all = [hours, minutes.abs() % 60, seconds.abs() % 60].map(|part| format!("{part:02}"));
    format!("{sign}{}", all[..parts.min(3)].join(if piece.contains(':') { ":" } else { "" }))
}

impl Layout<'_> {
    /// The time as it is seen in its zone.
    pub fn format(&self, time: &Time) -> String {
        let civil = time.civil();
        let (offset, zone_name, _) = time.zone.at(time.moment);
        let hour_of_12 = if civil.hour % 12 == 0 { 12 } else { civil.hour % 12 };
        let mut out = String::new();
        let mut layout = self.0;
        loop {
            let (before, piece, _, after) = next_piece(layout);
            out.push_str(before);
            layout = after;
            let shown = match piece {
                None => return out,
                Some(Piece::Fraction { sign, digits, trims }) => {
                    let all = format!("{:09}", civil.nanosecond);
                    let cut = &all[..digits.min(9)];
                    let cut = if trims { cut.trim_end_matches('0') } else { cut };
                    if cut.is_empty() { String::new() } else { format!("{sign}{cut}") }
                }
                Some(Piece::Named(named)) => match named {
                    "January" => name(&MONTHS, civil.month - 1).to_owned(),
                    "Jan" => name(&MONTHS, civil.month - 1).chars().take(3).collect(),
                    "Monday" => name(&DAYS, civil.weekday).to_owned(),
                    "Mon" => name(&DAYS, civil.weekday).chars().take(3).collect(),
                    "MST" if zone_name.is_empty() => offset_text(offset, "-0700"),
                    "MST" => zone_name.clone(),
                    "2006" if civil.year < 0 => format!("-{:04}", -civil.year),
                    "2006" => format!("{:04}", civil.year),
                    "06" => format!("{:02}", civil.year.abs() % 100),
                    "01" => format!("{:02}", civil.month),
                    "1" => civil.month.to_string(),
                    "02" => format!("{:02}", civil.day),
                    "_2" => format!("{:2}", civil.day),
                    "2" => civil.day.to_string(),
                    "002" => format!("{:03}", civil.day_of_year),
                    "__2" => format!("{:3}", civil.day_of_year),
                    "15" => format!("{:02}", civil.hour),
                    "03" => format!("{hour_of_12:02}"),
                    "3" => hour_of_12.to_string(),
                    "04" => format!("{:02}", civil.minute),
                    "4" => civil.minute.to_string(),
                    "05" => format!("{:02}", civil.second),
                    "5" => civil.second.to_string(),
                    "PM" => if civil.hour >= 12 { "PM" } else { "AM" }.to_owned(),
                    "pm" => if civil.hour >= 12 { "pm" } else { "am" }.to_owned(),
                    zone => offset_text(offset, zone),
                },
            };
            out.push_str(&shown);
        }
    }
}
