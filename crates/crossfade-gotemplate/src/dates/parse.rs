//! Reading dates by a layout, as Go's `time.ParseInLocation` does it in the zone `Local`, with its complaints.

use std::fmt::Write as _;

use super::layout::{DAYS, Layout, MONTHS, Piece, next_piece};
use super::{Moment, Time, Zone};

/// Go's way to quote in these messages: what is not ASCII is shown byte by byte.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            ' '..='\u{7f}' => out.push(letter),
            _ => {
                let mut bytes = [0; 4];
                for byte in letter.encode_utf8(&mut bytes).bytes() {
                    // Writing to a text cannot fail.
                    let _ = write!(out, "\\x{byte:02x}");
                }
            }
        }
    }
    out + "\""
}

/// What is wrong with one piece.
enum Wrong {
    /// It is not what the layout says.
    Unreadable,
    /// It is out of its range.
    OutOfRange(&'static str),
}

/// What has been read.
#[derive(Default)]
struct Read {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanosecond: i64,
    is_afternoon: Option<bool>,
    is_utc: bool,
    offset: Option<i64>,
    zone_name: String,
}

/// Reads a date.
pub(super) fn parse(whole_layout: &str, text: &str) -> Result<Time, String> {
    let mut read = Read::default();
    let mut rest = text;
    let mut layout = whole_layout;
    let complain = |piece: &str, at: &str| {
        let (text, layout) = (quote(text), quote(whole_layout));
        format!("parsing time {text} as {layout}: cannot parse {} as {}", quote(at), quote(piece))
    };
    let out_of_range = |what: &str| format!("parsing time {}: {what}", quote(text));
    loop {
        let (before, piece, source, after) = next_piece(layout);
        rest = skipped(rest, before).map_err(|at| complain(before, at))?;
        let Some(piece) = piece else {
            if !rest.is_empty() {
                return Err(out_of_range(&format!("extra text: {}", quote(rest))));
            }
            break;
        };
        layout = after;
        let held = rest;
        match read.piece(&mut rest, &piece, layout) {
            Ok(()) => {}
            Err(Wrong::Unreadable) => return Err(complain(source, held)),
            Err(Wrong::OutOfRange(what)) => return Err(out_of_range(&format!("{what} out of range"))),
        }
    }
    read.finish().map_err(out_of_range)
}

/// What is behind a literal part; a run of blanks stands for any run of blanks.
fn skipped<'t>(mut rest: &'t str, mut literal: &str) -> Result<&'t str, &'t str> {
    while let Some(letter) = literal.chars().next() {
        if letter == ' ' {
            if !rest.is_empty() && !rest.starts_with(' ') {
                return Err(rest);
            }
            literal = literal.trim_start_matches(' ');
            rest = rest.trim_start_matches(' ');
            continue;
        }
        rest = rest.strip_prefix(letter).ok_or(rest)?;
        literal = &literal[letter.len_utf8()..];
    }
    Ok(rest)
}

fn number(rest: &mut &str, least: usize, most: usize) -> Result<i64, Wrong> {
    let count = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if count < least {
        return Err(Wrong::Unreadable);
    }
    let (digits, tail) = rest.split_at(count);
    *rest = tail;
    digits.parse().map_err(|_| Wrong::Unreadable)
}

fn within(number: i64, range: std::ops::RangeInclusive<i64>, what: &'static str) -> Result<i64, Wrong> {
    if range.contains(&number) { Ok(number) } else { Err(Wrong::OutOfRange(what)) }
}

fn name(rest: &mut &str, names: &[&'static str], is_short: bool) -> Result<i64, Wrong> {
    for (index, name) in names.iter().enumerate() {
        let name = if is_short { &name[..3] } else { name };
        if rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)) {
            *rest = &rest[name.len()..];
            return i64::try_from(index).map_err(|_| Wrong::Unreadable);
        }
    }
    Err(Wrong::Unreadable)
}

/// A point or comma and digits, of which nine count.
fn fraction(rest: &mut &str, count: usize) -> Result<i64, Wrong> {
    let digits = rest.get(1..=count).filter(|_| rest.starts_with(['.', ','])).ok_or(Wrong::Unreadable)?;
    if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(Wrong::Unreadable);
    }
    *rest = &rest[count + 1..];
    format!("{:0<9}", &digits[..count.min(9)]).parse().map_err(|_| Wrong::Unreadable)
}

/// How many digits stand behind a point or comma.
fn fraction_digits(rest: &str) -> usize {
    match rest.strip_prefix(['.', ',']) {
        Some(digits) => digits.bytes().take_while(u8::is_ascii_digit).count(),
        None => 0,
    }
}

fn offset(rest: &mut &str, piece: &str) -> Result<i64, Wrong> {
    let is_colon = piece.contains(':');
    let parts = piece.bytes().filter(u8::is_ascii_digit).count() / 2;
    let length = 1 + 2 * parts + if is_colon { parts - 1 } else { 0 };
    let source = rest.get(..length).ok_or(Wrong::Unreadable)?;
    *rest = &rest[length..];
    let mut digits = &source[1..];
    let mut all = [0; 3];
    for (index, part) in all.iter_mut().take(parts).enumerate() {
        if index > 0 && is_colon {
            digits = digits.strip_prefix(':').ok_or(Wrong::Unreadable)?;
        }
        *part = number(&mut digits, 2, 2)?;
    }
    within(all[0], 0..=24, "time zone offset hour")?;
    within(all[1], 0..=60, "time zone offset minute")?;
    within(all[2], 0..=60, "time zone offset second")?;
    let seconds = (all[0] * 60 + all[1]) * 60 + all[2];
    match source.as_bytes()[0] {
        b'+' => Ok(seconds),
        b'-' => Ok(-seconds),
        _ => Err(Wrong::Unreadable),
    }
}

/// A zone's abbreviation, as far as one can be told from a word.
fn zone_name(text: &str) -> Option<&str> {
    let signed = |text: &str| -> usize {
        let Some(digits) = text.strip_prefix(['+', '-']) else { return 0 };
        let count = digits.bytes().take_while(u8::is_ascii_digit).count();
        let is_hour = digits[..count].parse::<u64>().is_ok_and(|hour| hour <= 23);
        if is_hour { count + 1 } else { 0 }
    };
    if text.len() < 3 {
        return None;
    }
    if text.starts_with("ChST") || text.starts_with("MeST") {
        return text.get(..4);
    }
    if let Some(tail) = text.strip_prefix("GMT") {
        return text.get(..3 + signed(tail));
    }
    if text.starts_with(['+', '-']) {
        return text.get(..signed(text)).filter(|name| !name.is_empty());
    }
    let capitals = text.bytes().take(6).take_while(u8::is_ascii_uppercase).count();
    let is_name = match capitals {
        3 => true,
        4 => text.as_bytes()[3] == b'T' || text.starts_with("WITA"),
        5 => text.as_bytes()[4] == b'T',
        _ => false,
    };
    is_name.then(|| &text[..capitals])
}

impl Read {
    fn piece(&mut self, rest: &mut &str, piece: &Piece, layout: &str) -> Result<(), Wrong> {
        let named = match piece {
            Piece::Fraction { digits, trims: false, .. } => {
                self.nanosecond = fraction(rest, *digits)?;
                return Ok(());
            }
            Piece::Fraction { .. } => {
                let count = fraction_digits(rest);
                if count > 0 {
                    self.nanosecond = fraction(rest, count)?;
                }
                return Ok(());
            }
            Piece::Named(named) => *named,
        };
        match named {
            "January" | "Jan" => self.month = Some(name(rest, &MONTHS, named.len() == 3)? + 1),
            "Monday" | "Mon" => drop(name(rest, &DAYS, named.len() == 3)?),
            "MST" => {
                if let Some(tail) = rest.strip_prefix("UTC") {
                    self.is_utc = true;
                    *rest = tail;
                } else {
                    zone_name(rest).ok_or(Wrong::Unreadable)?.clone_into(&mut self.zone_name);
                    *rest = &rest[self.zone_name.len()..];
                }
            }
            "2006" => self.year = number(rest, 4, 4)?,
            "06" => {
                let short = number(rest, 2, 2)?;
                self.year = if short >= 69 { 1900 + short } else { 2000 + short };
            }
            "01" => self.month = Some(within(number(rest, 2, 2)?, 1..=12, "month")?),
            "1" => self.month = Some(within(number(rest, 1, 2)?, 1..=12, "month")?),
            "02" => self.day = Some(number(rest, 2, 2)?),
            "_2" | "2" => {
                if named == "_2" {
                    *rest = rest.strip_prefix(' ').unwrap_or(rest);
                }
                self.day = Some(number(rest, 1, 2)?);
            }
            "002" => self.day_of_year = Some(number(rest, 3, 3)?),
            "__2" => {
                for _ in 0..2 {
                    *rest = rest.strip_prefix(' ').unwrap_or(rest);
                }
                self.day_of_year = Some(number(rest, 1, 3)?);
            }
            "15" => self.hour = within(number(rest, 1, 2)?, 0..=23, "hour")?,
            "03" => self.hour = within(number(rest, 2, 2)?, 0..=12, "hour")?,
            "3" => self.hour = within(number(rest, 1, 2)?, 0..=12, "hour")?,
            "04" => self.minute = within(number(rest, 2, 2)?, 0..=59, "minute")?,
            "4" => self.minute = within(number(rest, 1, 2)?, 0..=59, "minute")?,
            "05" | "5" => self.second(rest, named, layout)?,
            "PM" | "pm" => {
                let afternoon = rest.get(..2).ok_or(Wrong::Unreadable)?;
                self.is_afternoon = match (named, afternoon) {
                    ("PM", "PM") | ("pm", "pm") => Some(true),
                    ("PM", "AM") | ("pm", "am") => Some(false),
                    _ => return Err(Wrong::Unreadable),
                };
                *rest = &rest[2..];
            }
            zone if zone.starts_with('Z') && rest.starts_with('Z') => {
                self.is_utc = true;
                *rest = &rest[1..];
            }
            zone => self.offset = Some(offset(rest, zone)?),
        }
        Ok(())
    }

    /// Seconds, and a fraction behind them also when the layout has none.
    fn second(&mut self, rest: &mut &str, piece: &str, layout: &str) -> Result<(), Wrong> {
        self.second = within(number(rest, piece.len(), 2)?, 0..=59, "second")?;
        let count = fraction_digits(rest);
        let is_in_layout = matches!(next_piece(layout).1, Some(Piece::Fraction { .. }));
        if count > 0 && !is_in_layout {
            self.nanosecond = fraction(rest, count)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Time, &'static str> {
        match self.is_afternoon {
            Some(true) if self.hour < 12 => self.hour += 12,
            Some(false) if self.hour == 12 => self.hour = 0,
            _ => {}
        }
        if let Some(day_of_year) = self.day_of_year {
            let date = Moment::from_date(self.year, 1, 1).plus_date(0, 0, day_of_year - 1).civil();
            if day_of_year < 1 || date.year != self.year {
                return Err("day-of-year out of range");
            }
            if self.month.is_some_and(|month| month != date.month) {
                return Err("day-of-year does not match month");
            }
            if self.day.is_some_and(|day| day != date.day) {
                return Err("day-of-year does not match day");
            }
            (self.month, self.day) = (Some(date.month), Some(date.day));
        }
        let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        let date = Moment::from_date(self.year, month, day);
        if day < 1 || date.civil().month != month {
            return Err("day out of range");
        }
        let seconds = date.seconds() + self.hour * 3600 + self.minute * 60 + self.second;
        let clock = Moment::from_seconds(seconds);
        let clock = Moment { nanoseconds: clock.nanoseconds + i128::from(self.nanosecond) };
        if self.is_utc {
            return Ok(Time::utc(clock));
        }
        if let Some(offset) = self.offset {
            let moment = Moment { nanoseconds: clock.nanoseconds - i128::from(offset) * 1_000_000_000 };
            let is_local = offset == 0 && matches!(self.zone_name.as_str(), "" | "UTC");
            let zone = if is_local { Zone::Local } else { Zone::Fixed(self.zone_name.into(), offset) };
            return Ok(Time { moment, zone });
        }
        if !self.zone_name.is_empty() {
            // Only GMT says how far it is away; others are kept by name, and count as UTC.
            let hours = self.zone_name.strip_prefix("GMT").and_then(|hours| hours.parse::<i64>().ok());
            let zone = Zone::Fixed(self.zone_name.into(), hours.unwrap_or(0) * 3600);
            return Ok(Time { moment: clock, zone });
        }
        Ok(Time { moment: clock, zone: Zone::Local })
    }
}

impl Layout<'_> {
    /// Reads a date; the error is Go's text.
    pub fn parse(&self, text: &str) -> Result<Time, String> {
        parse(self.0, text)
    }
}
