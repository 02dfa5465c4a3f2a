//! Sprig's dates, with Go's layouts (`2006-01-02T15:04:05Z07:00`).
//!
//! `now` is the time the caller gives, and `Local` is UTC: the zone of a machine has no place in a rendering.

use super::{Arguments, Entry, Returned, refuse, text};
use crate::dates::{Layout, Moment, Time, Zone, duration_text, parse_duration};
use crate::error::CallError;
use crate::execute::Call;
use crate::value::Value;

pub(super) const TABLE: &[Entry] = &[
    ("now", "", |call, _| Ok(now(call).into_value())),
    ("date", "sa", |call, values| format(call, values.text(0), values.any(1), "Local")),
    ("dateInZone", "sas", |call, values| format(call, values.text(0), values.any(1), values.text(2))),
    ("date_in_zone", "sas", |call, values| format(call, values.text(0), values.any(1), values.text(2))),
    ("htmlDate", "a", |call, values| format(call, "2006-01-02", values.any(0), "Local")),
    ("htmlDateInZone", "as", |call, values| format(call, "2006-01-02", values.any(0), values.text(1))),
    ("dateModify", "st", modify),
    ("date_modify", "st", modify),
    ("mustDateModify", "st", |_, values| modified(values)),
    ("must_date_modify", "st", |_, values| modified(values)),
    ("toDate", "ss", |_, values| {
        let read = Layout(values.text(0)).parse(values.text(1));
        Ok(read.unwrap_or_else(|_| Time::utc(Moment::GO_ZERO)).into_value())
    }),
    ("mustToDate", "ss", must_to_date),
    ("unixEpoch", "t", |_, values| text(time_of(values.any(0))?.moment.seconds().to_string())),
    ("ago", "a", |call, values| {
        let elapsed = call.run.sources.now.nanoseconds - when(call, values.any(0)).moment.nanoseconds;
        let second = 1_000_000_000;
        text(duration_text((elapsed + second / 2).div_euclid(second) * second))
    }),
    ("duration", "a", |_, values| {
        let seconds = match values.any(0) {
            Value::Int64(seconds) => *seconds,
            Value::String(source) => source.parse().unwrap_or(0),
            _ => 0,
        };
        text(duration_text(i128::from(seconds) * 1_000_000_000))
    }),
    ("durationRound", "a", |call, values| text(round_duration(call, values.any(0)))),
];

fn now(call: &Call<'_>) -> Time {
    Time { moment: call.run.sources.now, zone: Zone::Local }
}

/// A time, or seconds since 1970, or else now.
fn when(call: &Call<'_>, value: &Value) -> Time {
    match value {
        Value::Object(object) => object.time().unwrap_or_else(|| now(call)),
        other => other.as_integer().map_or_else(|| now(call), |at| Time::utc(Moment::from_seconds(at))),
    }
}

/// An unknown zone is UTC.
fn format(call: &Call<'_>, layout: &str, value: &Value, zone: &str) -> Returned {
    let time = Time { zone: Zone::load(zone).unwrap_or_default(), ..when(call, value) };
    text(Layout(layout).format(&time))
}

fn time_of(value: &Value) -> Result<Time, CallError> {
    let time = if let Value::Object(object) = value { object.time() } else { None };
    time.ok_or_else(|| CallError::new("not a time"))
}

fn modified(values: &[Value]) -> Returned {
    let time = time_of(values.any(1))?;
    let shift = parse_duration(values.text(0)).map_err(CallError)?;
    let moment = Moment { nanoseconds: time.moment.nanoseconds + shift };
    Ok(Time { moment, ..time }.into_value())
}

/// A duration that cannot be read changes nothing.
#[expect(clippy::unnecessary_wraps, reason = "a table of functions wants it")]
fn modify(_: &Call<'_>, values: &[Value]) -> Returned {
    Ok(modified(values).unwrap_or_else(|_| values.any(1).clone()))
}

fn must_to_date(_: &Call<'_>, values: &[Value]) -> Returned {
    Layout(values.text(0)).parse(values.text(1)).map(Time::into_value).or_else(refuse)
}

fn round_duration(call: &Call<'_>, value: &Value) -> String {
    let nanoseconds = match value {
        Value::String(source) => parse_duration(source).unwrap_or(0),
        Value::Int64(nanoseconds) => i128::from(*nanoseconds),
        Value::Object(object) => {
            object.time().map_or(0, |time| call.run.sources.now.nanoseconds - time.moment.nanoseconds)
        }
        _ => 0,
    };
    let seconds = nanoseconds.unsigned_abs() / 1_000_000_000;
    let exactly = |unit: u128| nanoseconds.unsigned_abs() > unit * 1_000_000_000;
    for (unit, name) in
        [(31_536_000, "y"), (2_592_000, "mo"), (86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")]
    {
        if exactly(unit) {
            return format!("{}{name}", seconds / unit);
        }
    }
    "0s".to_owned()
}
