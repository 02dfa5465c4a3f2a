//! Sprig's dates, with Go's layouts (`2006-01-02T15:04:05Z07:00`).
//!
//! `now` is the time the caller gives. Every zone is UTC: there is no zone database here, and the local zone of a
//! machine has no place in a rendering.

use std::rc::Rc;

use super::{Arguments, Entry, Returned, refuse, text};
use crate::dates::{Layout, Moment, duration_text, parse_duration};
use crate::error::CallError;
use crate::execute::Call;
use crate::value::{Map, Object, Value};

pub(super) const TABLE: &[Entry] = &[
    ("now", "", |call, _| Ok(moment(call.run.sources.now))),
    ("date", "sa", |call, values| format(call, values.text(0), values.any(1))),
    ("dateInZone", "sas", |call, values| format(call, values.text(0), values.any(1))),
    ("date_in_zone", "sas", |call, values| format(call, values.text(0), values.any(1))),
    ("htmlDate", "a", |call, values| format(call, "2006-01-02", values.any(0))),
    ("htmlDateInZone", "as", |call, values| format(call, "2006-01-02", values.any(0))),
    ("dateModify", "sa", |_, values| Ok(modify(values)?.unwrap_or_else(|| values.any(1).clone()))),
    ("date_modify", "sa", |_, values| Ok(modify(values)?.unwrap_or_else(|| values.any(1).clone()))),
    ("mustDateModify", "sa", must_modify),
    ("must_date_modify", "sa", must_modify),
    ("toDate", "ss", |_, values| {
        Ok(moment(Layout(values.text(0)).parse(values.text(1)).unwrap_or(Moment::GO_ZERO)))
    }),
    ("mustToDate", "ss", must_to_date),
    ("unixEpoch", "a", |_, values| text(time_of(values.any(0))?.seconds().to_string())),
    ("ago", "a", |call, values| {
        let elapsed = call.run.sources.now.nanoseconds - when(call, values.any(0)).nanoseconds;
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

/// A point in time, with the methods templates use.
struct Time(Moment);

impl Object for Time {
    fn type_name(&self) -> &'static str {
        "time.Time"
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn method(&self, name: &str) -> Option<&'static str> {
        match name {
            "Format" => Some("s"),
            "Unix" | "UnixNano" | "UnixMilli" | "Year" | "Day" | "Hour" | "Minute" | "Second" | "YearDay"
            | "UTC" | "Local" | "String" | "IsZero" => Some(""),
            "AddDate" => Some("iii"),
            _ => None,
        }
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, CallError> {
        let civil = self.0.civil();
        let int = |number: i64| Ok(Value::Int(number));
        match name {
            "Format" => text(Layout(arguments.text(0)).format(self.0)),
            "Unix" => Ok(Value::Int64(self.0.seconds())),
            "UnixMilli" => Ok(Value::Int64(i64::try_from(self.0.nanoseconds / 1_000_000).unwrap_or(0))),
            "UnixNano" => Ok(Value::Int64(i64::try_from(self.0.nanoseconds).unwrap_or(0))),
            "Year" => int(civil.year),
            "Day" => int(civil.day),
            "Hour" => int(civil.hour),
            "Minute" => int(civil.minute),
            "Second" => int(civil.second),
            "YearDay" => int(civil.day_of_year),
            "IsZero" => Ok((self.0 == Moment::GO_ZERO).into()),
            "AddDate" => Ok(moment(self.0.plus_date(arguments.int(0), arguments.int(1), arguments.int(2)))),
            "String" => text(self.text()),
            _ => Ok(moment(self.0)),
        }
    }

    fn plain(&self) -> Value {
        Map::new().into()
    }

    fn json(&self) -> Value {
        Layout("2006-01-02T15:04:05.999999999Z07:00").format(self.0).into()
    }

    fn text(&self) -> String {
        Layout("2006-01-02 15:04:05.999999999 -0700 MST").format(self.0)
    }

    fn time(&self) -> Option<Moment> {
        Some(self.0)
    }
}

fn moment(moment: Moment) -> Value {
    Value::Object(Rc::new(Time(moment)))
}

/// A time, or seconds since 1970, or else now.
fn when(call: &Call<'_>, value: &Value) -> Moment {
    match value {
        Value::Object(object) => object.time().unwrap_or(call.run.sources.now),
        other => other.as_integer().map_or(call.run.sources.now, Moment::from_seconds),
    }
}

fn format(call: &Call<'_>, layout: &str, value: &Value) -> Returned {
    text(Layout(layout).format(when(call, value)))
}

fn time_of(value: &Value) -> Result<Moment, CallError> {
    match value {
        Value::Object(object) if object.time().is_some() => Ok(object.time().unwrap_or(Moment::GO_ZERO)),
        other => refuse(format!("wrong type for value; expected time.Time; got {}", other.type_name())),
    }
}

fn modify(values: &[Value]) -> Result<Option<Value>, CallError> {
    let time = time_of(values.any(1))?;
    let Some(shift) = parse_duration(values.text(0)) else { return Ok(None) };
    Ok(Some(moment(Moment { nanoseconds: time.nanoseconds + shift })))
}

fn must_modify(_: &Call<'_>, values: &[Value]) -> Returned {
    match modify(values)? {
        Some(value) => Ok(value),
        None => refuse(format!("time: invalid duration {}", crate::printf::quote(values.text(0)))),
    }
}

fn must_to_date(_: &Call<'_>, values: &[Value]) -> Returned {
    if let Some(parsed) = Layout(values.text(0)).parse(values.text(1)) {
        return Ok(moment(parsed));
    }
    let (layout, source) = (crate::printf::quote(values.text(0)), crate::printf::quote(values.text(1)));
    refuse(format!("parsing time {source} as {layout}: cannot parse {source} as {layout}"))
}

fn round_duration(call: &Call<'_>, value: &Value) -> String {
    let nanoseconds = match value {
        Value::String(source) => parse_duration(source).unwrap_or(0),
        Value::Int64(nanoseconds) => i128::from(*nanoseconds),
        Value::Object(object) => {
            object.time().map_or(0, |time| call.run.sources.now.nanoseconds - time.nanoseconds)
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
