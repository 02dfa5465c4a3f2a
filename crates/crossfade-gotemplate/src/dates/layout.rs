//! Go's layouts: a date is described by writing 2006-01-02 15:04:05 the way it shall look.

use super::Moment;

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
    "-07:00:00",
    "-07:00",
    "-0700",
    "-07",
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
    "_2",
    "1",
    "2",
    "3",
    "4",
    "5",
];

const MONTHS: [&str; 12] = [
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

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A piece of a layout.
enum Piece<'l> {
    Named(&'static str),
    /// `.000` or `.999`: digits, and whether trailing zeros go.
    Fraction(usize, bool),
    Text(&'l str),
}

fn pieces(layout: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while at < layout.len() {
        let rest = &layout[at..];
        let found = PIECES.iter().find(|piece| rest.starts_with(**piece)).filter(|piece| {
            // "Jan" and "Mon" are not found inside of longer words.
            !matches!(**piece, "Jan" | "Mon")
                || !rest[3..].starts_with(|next: char| next.is_ascii_lowercase())
        });
        let (piece, length) = if let Some(piece) = found {
            (Piece::Named(piece), piece.len())
        } else if let Some(digits) = fraction(rest) {
            (Piece::Fraction(digits, rest[1..].starts_with('9')), digits + 1)
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        };
        if start < at {
            out.push(Piece::Text(&layout[start..at]));
        }
        out.push(piece);
        at += length;
        start = at;
    }
    if start < layout.len() {
        out.push(Piece::Text(&layout[start..]));
    }
    out
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

impl Layout<'_> {
    /// The moment, in UTC.
    pub fn format(&self, moment: Moment) -> String {
        let civil = moment.civil();
        let hour_of_12 = if civil.hour % 12 == 0 { 12 } else { civil.hour % 12 };
        let mut out = String::new();
        for piece in pieces(self.0) {
            let shown = match piece {
                Piece::Text(text) => text.to_owned(),
                Piece::Fraction(digits, trims) => {
                    let all = format!("{:09}", civil.nanosecond);
                    let cut = &all[..digits.min(9)];
                    let cut = if trims { cut.trim_end_matches('0') } else { cut };
                    if cut.is_empty() { String::new() } else { format!(".{cut}") }
                }
                Piece::Named(named) => match named {
                    "January" => name(&MONTHS, civil.month - 1).to_owned(),
                    "Jan" => name(&MONTHS, civil.month - 1).chars().take(3).collect(),
                    "Monday" => name(&DAYS, civil.weekday).to_owned(),
                    "Mon" => name(&DAYS, civil.weekday).chars().take(3).collect(),
                    "MST" => "UTC".to_owned(),
                    "2006" => format!("{:04}", civil.year),
                    "06" => format!("{:02}", civil.year.rem_euclid(100)),
                    "01" => format!("{:02}", civil.month),
                    "1" => civil.month.to_string(),
                    "02" => format!("{:02}", civil.day),
                    "_2" => format!("{:2}", civil.day),
                    "2" => civil.day.to_string(),
                    "002" => format!("{:03}", civil.day_of_year),
                    "15" => format!("{:02}", civil.hour),
                    "03" => format!("{hour_of_12:02}"),
                    "3" => hour_of_12.to_string(),
                    "04" => format!("{:02}", civil.minute),
                    "4" => civil.minute.to_string(),
                    "05" => format!("{:02}", civil.second),
                    "5" => civil.second.to_string(),
                    "PM" => if civil.hour >= 12 { "PM" } else { "AM" }.to_owned(),
                    "pm" => if civil.hour >= 12 { "pm" } else { "am" }.to_owned(),
                    zone if zone.starts_with('Z') => "Z".to_owned(),
                    zone => zone.replace('7', "0").replace('-', "+"),
                },
            };
            out.push_str(&shown);
        }
        out
    }

    /// Reads a date; zones are offsets.
    pub fn parse(&self, text: &str) -> Option<Moment> {
        let mut rest = text;
        let (mut year, mut month, mut day) = (0, 1, 1);
        let (mut hour, mut minute, mut second, mut nanosecond, mut offset) = (0, 0, 0, 0_i64, 0);
        let mut is_afternoon = None;
        for piece in pieces(self.0) {
            match piece {
                Piece::Text(literal) => rest = rest.strip_prefix(literal)?,
                Piece::Fraction(..) => nanosecond = take_fraction(&mut rest).unwrap_or(0),
                Piece::Named(named) => match named {
                    "January" | "Jan" => month = take_name(&mut rest, &MONTHS, named.len() == 3)? + 1,
                    "Monday" | "Mon" => drop(take_name(&mut rest, &DAYS, named.len() == 3)?),
                    "MST" => rest = rest.strip_prefix("UTC").or_else(|| rest.strip_prefix("GMT"))?,
                    "2006" => year = take_number(&mut rest, 4, 4)?,
                    "06" => {
                        let short = take_number(&mut rest, 2, 2)?;
                        year = if short >= 69 { 1900 + short } else { 2000 + short };
                    }
                    "01" => month = take_number(&mut rest, 2, 2)?,
                    "1" => month = take_number(&mut rest, 1, 2)?,
                    "02" => day = take_number(&mut rest, 2, 2)?,
                    "_2" => {
                        rest = rest.trim_start_matches(' ');
                        day = take_number(&mut rest, 1, 2)?;
                    }
                    "2" => day = take_number(&mut rest, 1, 2)?,
                    "002" => day = take_number(&mut rest, 3, 3)?,
                    "15" | "03" => hour = take_number(&mut rest, 2, 2)?,
                    "3" => hour = take_number(&mut rest, 1, 2)?,
                    "04" => minute = take_number(&mut rest, 2, 2)?,
                    "4" => minute = take_number(&mut rest, 1, 2)?,
                    "05" | "5" => {
                        second = take_number(&mut rest, if named == "05" { 2 } else { 1 }, 2)?;
                        // A fraction is read also when the layout has none.
                        if let Some(fraction) = take_fraction(&mut rest) {
                            nanosecond = fraction;
                        }
                    }
                    "PM" | "pm" => {
                        is_afternoon = Some(rest.get(..2)?.eq_ignore_ascii_case("pm"));
                        rest = &rest[2..];
                    }
                    zone => offset = take_offset(&mut rest, zone)?,
                },
            }
        }
        match is_afternoon {
            Some(true) if hour < 12 => hour += 12,
            Some(false) if hour == 12 => hour = 0,
            _ => {}
        }
        let is_valid = rest.is_empty()
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        if !is_valid {
            return None;
        }
        let date = Moment::from_date(year, month, day);
        if date.civil().month != month {
            return None;
        }
        let seconds = date.seconds() + hour * 3600 + minute * 60 + second - offset;
        Some(Moment { nanoseconds: Moment::from_seconds(seconds).nanoseconds + i128::from(nanosecond) })
    }
}

fn take_number(rest: &mut &str, least: usize, most: usize) -> Option<i64> {
    let count = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if count < least {
        return None;
    }
    let (digits, tail) = rest.split_at(count);
    *rest = tail;
    digits.parse().ok()
}

fn take_fraction(rest: &mut &str) -> Option<i64> {
    let digits = rest.strip_prefix('.')?;
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    if count == 0 {
        return None;
    }
    *rest = &digits[count..];
    format!("{:0<9}", &digits[..count.min(9)]).parse().ok()
}

fn take_name(rest: &mut &str, names: &[&'static str], is_short: bool) -> Option<i64> {
    for (index, name) in names.iter().enumerate() {
        let name = if is_short { &name[..3] } else { name };
        if rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)) {
            *rest = &rest[name.len()..];
            return i64::try_from(index).ok();
        }
    }
    None
}

fn take_offset(rest: &mut &str, zone: &str) -> Option<i64> {
    if zone.starts_with('Z') && rest.starts_with('Z') {
        *rest = &rest[1..];
        return Some(0);
    }
    let sign = match rest.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    *rest = &rest[1..];
    let hours = take_number(rest, 2, 2)?;
    let mut minutes = 0;
    if zone.len() > 3 {
        if zone.contains(':') {
            *rest = rest.strip_prefix(':')?;
        }
        minutes = take_number(rest, 2, 2)?;
    }
    Some(sign * (hours * 3600 + minutes * 60))
}
