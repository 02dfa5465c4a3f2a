//! Points in time, Go's layouts for them, time zones, and Go's durations. Gregorian calendar.

mod layout;
mod parse;
mod time;
mod zone;

pub(crate) use layout::Layout;
pub(crate) use time::{Time, duration, unsigned};
pub(crate) use zone::Zone;

const NANOSECONDS_PER_SECOND: i128 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// A point in time. Years from 1 to 9999 make sense.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub nanoseconds: i128,
}

/// Date and clock of a moment.
#[derive(Clone, Copy)]
pub(crate) struct Civil {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    pub nanosecond: i64,
    /// 0 is Sunday.
    pub weekday: i64,
    pub day_of_year: i64,
}

impl Moment {
    /// Go's zero time: the year 1.
    pub(crate) const GO_ZERO: Self = Self { nanoseconds: -62_135_596_800 * NANOSECONDS_PER_SECOND };

    /// Seconds since 1970.
    pub fn from_seconds(seconds: i64) -> Self {
        Self { nanoseconds: i128::from(seconds) * NANOSECONDS_PER_SECOND }
    }

    pub(crate) fn seconds(self) -> i64 {
        i64::try_from(self.nanoseconds.div_euclid(NANOSECONDS_PER_SECOND)).unwrap_or(0)
    }

    pub(crate) fn from_date(year: i64, month: i64, day: i64) -> Self {
        Self::from_seconds(days_from_civil(year, month, day).saturating_mul(SECONDS_PER_DAY))
    }

    pub(crate) fn civil(self) -> Civil {
        let seconds = self.seconds();
        let days = seconds.div_euclid(SECONDS_PER_DAY);
        let clock = seconds.rem_euclid(SECONDS_PER_DAY);
        let (year, month, day) = civil_from_days(days);
        Civil {
            year,
            month,
            day,
            hour: clock / 3600,
            minute: clock / 60 % 60,
            second: clock % 60,
            nanosecond: i64::try_from(self.nanoseconds.rem_euclid(NANOSECONDS_PER_SECOND)).unwrap_or(0),
            weekday: (days + 4).rem_euclid(7),
            day_of_year: days - days_from_civil(year, 1, 1) + 1,
        }
    }

    /// `AddDate`: what overflows goes on in the next month.
    pub(crate) fn plus_date(self, years: i64, months: i64, days: i64) -> Self {
        const MOST: i64 = 1_000_000;
        let civil = self.civil();
        let month = civil.month - 1 + months.clamp(-MOST, MOST);
        let year = civil.year + years.clamp(-MOST, MOST) + month.div_euclid(12);
        let start = days_from_civil(year, month.rem_euclid(12) + 1, 1);
        let day = start + civil.day - 1 + days.clamp(-MOST, MOST);
        let clock = self.nanoseconds.rem_euclid(i128::from(SECONDS_PER_DAY) * NANOSECONDS_PER_SECOND);
        Self { nanoseconds: i128::from(day) * i128::from(SECONDS_PER_DAY) * NANOSECONDS_PER_SECOND + clock }
    }
}

/// Days since 1970 of a date; the year is taken to begin in March, so that the leap day is its last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// `time.ParseDuration`, in nanoseconds; the error is Go's text.
pub(crate) fn parse_duration(text: &str) -> Result<i128, String> {
    const LIMIT: i128 = 1 << 63;
    let quoted = || crate::printf::quote(text);
    let invalid = || format!("time: invalid duration {}", quoted());
    let (is_negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0_i128;
    while !rest.is_empty() {
        let is_number = |letter: char| letter.is_ascii_digit() || letter == '.';
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let (whole, mut tail) = rest.split_at(digits);
        let mut fraction = "";
        if let Some(behind) = tail.strip_prefix('.') {
            let digits = behind.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(behind.len());
            (fraction, tail) = behind.split_at(digits);
        }
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let (unit, behind) = tail.split_at(tail.find(is_number).unwrap_or(tail.len()));
        let nanoseconds = match unit {
            "" => return Err(format!("time: missing unit in duration {}", quoted())),
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            other => {
                let other = crate::printf::quote(other);
                return Err(format!("time: unknown unit {other} in duration {}", quoted()));
            }
        };
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        // Eighteen digits of a fraction are more than any unit has.
        let fraction = &fraction[..fraction.len().min(18)];
        let scale = 10_i128.pow(u32::try_from(fraction.len()).unwrap_or(0));
        let part: i128 = if fraction.is_empty() { 0 } else { fraction.parse().map_err(|_| invalid())? };
        if whole > LIMIT {
            return Err(invalid());
        }
        total += whole * nanoseconds + part * nanoseconds / scale;
        if total > LIMIT || (total == LIMIT && !is_negative) {
            return Err(invalid());
        }
        rest = behind;
    }
    Ok(if is_negative { -total } else { total })
}

/// `time.Duration.String`
pub(crate) fn duration_text(nanoseconds: i128) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let magnitude = nanoseconds.unsigned_abs();
    if magnitude == 0 {
        return "0s".to_owned();
    }
    let fraction = |whole: u128, part: u128, digits: usize| {
        let part = format!("{part:0digits$}");
        match part.trim_end_matches('0') {
            "" => whole.to_string(),
            part => format!("{whole}.{part}"),
        }
    };
    match magnitude {
        0..1_000 => return format!("{sign}{magnitude}ns"),
        1_000..1_000_000 => return format!("{sign}{}µs", fraction(magnitude / 1_000, magnitude % 1_000, 3)),
        1_000_000..1_000_000_000 => {
            return format!("{sign}{}ms", fraction(magnitude / 1_000_000, magnitude % 1_000_000, 6));
        }
        _ => {}
    }
    let seconds = magnitude / 1_000_000_000;
    let last = fraction(seconds % 60, magnitude % 1_000_000_000, 9);
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{sign}{last}s"),
        (0, minutes) => format!("{sign}{minutes}m{last}s"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{last}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_days_agree() {
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            let moment = Moment::from_seconds(seconds);
            let layout = Layout("2006-01-02T15:04:05Z07:00");
            assert_eq!(layout.format(&Time::utc(moment)), date);
            assert_eq!(layout.parse(date), Ok(Time::utc(moment)));
        }
    }

    #[test]
    fn durations_are_gos() {
        for (text, shown) in
            [("90m", "1h30m0s"), ("1.5h", "1h30m0s"), ("-2s", "-2s"), ("1ms", "1ms"), ("1m1.5s", "1m1.5s")]
        {
            assert_eq!(parse_duration(text).map(duration_text).as_deref(), Ok(shown), "{text}");
        }
        let unknown = "time: unknown unit \" day\" in duration \"1 day\"";
        assert_eq!(parse_duration("1 day"), Err(unknown.to_owned()));
    }
}
