//! Go's `time.Time` and its named numbers as templates see them: methods, prints, JSON.
//!
//! `In`, `AppendFormat` and the methods that marshal are not there.

use std::rc::Rc;

use super::layout::{DAYS, Layout, MONTHS};
use super::{Civil, Moment, Zone, duration_text};
use crate::error::CallError;
use crate::value::{Map, Object, Value};

const NANOSECONDS_PER_SECOND: i128 = 1_000_000_000;

/// A point in time and where it is looked at from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Time {
    pub moment: Moment,
    pub zone: Zone,
}

impl Time {
    pub fn utc(moment: Moment) -> Self {
        Self { moment, zone: Zone::Utc }
    }

    /// Date and clock where it is.
    pub fn civil(&self) -> Civil {
        let offset = self.zone.at(self.moment).0;
        Moment { nanoseconds: self.moment.nanoseconds + i128::from(offset) * NANOSECONDS_PER_SECOND }.civil()
    }

    /// The moment at which a clock there shows what this one shows in UTC.
    pub fn from_clock(clock: Moment, zone: Zone) -> Self {
        let at = |offset: i64| Moment {
            nanoseconds: clock.nanoseconds - i128::from(offset) * NANOSECONDS_PER_SECOND,
        };
        // The offset of a nearby time is right but around a change; then that of the time it leads to is.
        let guess = zone.at(clock).0;
        let better = zone.at(at(guess)).0;
        let moment = if zone.at(at(better)).0 == better { at(better) } else { at(guess) };
        Self { moment, zone }
    }

    /// `AddDate`
    fn plus_date(&self, years: i64, months: i64, days: i64) -> Self {
        let offset = i128::from(self.zone.at(self.moment).0) * NANOSECONDS_PER_SECOND;
        let clock = Moment { nanoseconds: self.moment.nanoseconds + offset };
        Self::from_clock(clock.plus_date(years, months, days), self.zone.clone())
    }

    /// Rounded to a multiple of a duration since the year 1.
    fn rounded(&self, unit: i128, is_down: bool) -> Self {
        if unit <= 0 {
            return self.clone();
        }
        let since = self.moment.nanoseconds - Moment::GO_ZERO.nanoseconds;
        let rest = since.rem_euclid(unit);
        let up = if is_down || rest * 2 < unit { 0 } else { unit };
        let nanoseconds = self.moment.nanoseconds - rest + up;
        Self { moment: Moment { nanoseconds }, zone: self.zone.clone() }
    }

    pub fn into_value(self) -> Value {
        Value::Object(Rc::new(self))
    }
}

fn number(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

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
            "Unix" | "UnixNano" | "UnixMilli" | "UnixMicro" | "Year" | "Month" | "Day" | "Hour"
            | "Minute" | "Second" | "Nanosecond" | "YearDay" | "Weekday" | "UTC" | "Local" | "Location"
            | "String" | "IsZero" | "IsDST" => Some(""),
            "AddDate" => Some("iii"),
            "Add" | "Round" | "Truncate" => Some("d"),
            "Sub" | "After" | "Before" | "Equal" | "Compare" => Some("t"),
            _ => None,
        }
    }

    fn refused_method(&self, name: &str) -> Option<&'static str> {
        Some(match name {
            "Date" => "function Date has 3 return values; should be 1 or 2",
            "Clock" => "function Clock has 3 return values; should be 1 or 2",
            "ISOWeek" => {
                "invalid function signature for ISOWeek: second return value should be error; is int"
            }
            "Zone" => "invalid function signature for Zone: second return value should be error; is int",
            _ => return None,
        })
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, CallError> {
        let int = |number: i64| Ok(Value::Int(number));
        let argument = |index: usize| arguments.get(index).and_then(Value::as_integer).unwrap_or_default();
        let seen_in = |zone: Zone| Self { moment: self.moment, zone }.into_value();
        let nanoseconds = self.moment.nanoseconds;
        let other = match arguments.first() {
            Some(Value::Object(object)) => object.time().map(|time| time.moment),
            _ => None,
        };
        let other = other.unwrap_or(Moment::GO_ZERO);
        match name {
            "Format" => {
                let layout = arguments.first().and_then(Value::as_str).unwrap_or_default();
                Ok(Layout(layout).format(self).into())
            }
            "Unix" => Ok(Value::Int64(self.moment.seconds())),
            "UnixMilli" => Ok(Value::Int64(number(nanoseconds.div_euclid(1_000_000)))),
            "UnixMicro" => Ok(Value::Int64(number(nanoseconds.div_euclid(1_000)))),
            "UnixNano" => Ok(Value::Int64(number(nanoseconds))),
            "Year" => int(self.civil().year),
            "Month" => Ok(named("time.Month", &MONTHS, self.civil().month, 1)),
            "Weekday" => Ok(named("time.Weekday", &DAYS, self.civil().weekday, 0)),
            "Day" => int(self.civil().day),
            "Hour" => int(self.civil().hour),
            "Minute" => int(self.civil().minute),
            "Second" => int(self.civil().second),
            "Nanosecond" => int(self.civil().nanosecond),
            "YearDay" => int(self.civil().day_of_year),
            "IsZero" => Ok((self.moment == Moment::GO_ZERO).into()),
            "IsDST" => Ok(self.zone.at(self.moment).2.into()),
            "AddDate" => Ok(self.plus_date(argument(0), argument(1), argument(2)).into_value()),
            "Add" => {
                let nanoseconds = nanoseconds + i128::from(argument(0));
                Ok(Self { moment: Moment { nanoseconds }, zone: self.zone.clone() }.into_value())
            }
            "Round" => Ok(self.rounded(argument(0).into(), false).into_value()),
            "Truncate" => Ok(self.rounded(argument(0).into(), true).into_value()),
            "Sub" => Ok(duration(nanoseconds - other.nanoseconds)),
            "After" => Ok((self.moment > other).into()),
            "Before" => Ok((self.moment < other).into()),
            "Equal" => Ok((self.moment == other).into()),
            "Compare" => int(self.moment.cmp(&other) as i64),
            "Local" => Ok(seen_in(Zone::Local)),
            "UTC" => Ok(seen_in(Zone::Utc)),
            "Location" => Ok(Value::Object(Rc::new(Location(self.zone.name().into())))),
            _ => Ok(self.text().into()),
        }
    }

    fn plain(&self) -> Value {
        Map::new().into()
    }

    fn json(&self) -> Value {
        Layout("2006-01-02T15:04:05.999999999Z07:00").format(self).into()
    }

    fn text(&self) -> String {
        Layout("2006-01-02 15:04:05.999999999 -0700 MST").format(self)
    }

    fn same(&self, other: &dyn Object) -> Option<bool> {
        Some(other.time().as_ref() == Some(self))
    }

    fn time(&self) -> Option<Time> {
        Some(self.clone())
    }
}

/// `*time.Location`
struct Location(Rc<str>);

impl Object for Location {
    fn type_name(&self) -> &'static str {
        "*time.Location"
    }

    fn kind(&self) -> &'static str {
        "ptr"
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn method(&self, name: &str) -> Option<&'static str> {
        (name == "String").then_some("")
    }

    fn call(&self, _: &str, _: &[Value]) -> Result<Value, CallError> {
        Ok(self.text().into())
    }

    fn plain(&self) -> Value {
        Map::new().into()
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}

/// A number with a type of its own that prints as a word.
struct Named {
    type_name: &'static str,
    kind: &'static str,
    number: i64,
    text: String,
}

fn named(type_name: &'static str, names: &[&'static str], number: i64, first: i64) -> Value {
    let index = usize::try_from(number - first).ok();
    let text = index.and_then(|index| names.get(index)).copied().unwrap_or_default().to_owned();
    Value::Object(Rc::new(Named { type_name, kind: "int", number, text }))
}

/// `uint64`
pub(crate) fn unsigned(number: u64) -> Value {
    let limited = i64::try_from(number).unwrap_or(i64::MAX);
    let text = number.to_string();
    Value::Object(Rc::new(Named { type_name: "uint64", kind: "uint64", number: limited, text }))
}

/// `time.Duration`
pub(crate) fn duration(nanoseconds: i128) -> Value {
    let limited = number(nanoseconds);
    let text = duration_text(i128::from(limited));
    Value::Object(Rc::new(Named { type_name: "time.Duration", kind: "int64", number: limited, text }))
}

impl Named {
    fn is_duration(&self) -> bool {
        self.type_name == "time.Duration"
    }
}

impl Object for Named {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn kind(&self) -> &'static str {
        self.kind
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn method(&self, name: &str) -> Option<&'static str> {
        match name {
            "String" if self.kind != "uint64" => Some(""),
            "Hours" | "Minutes" | "Seconds" | "Milliseconds" | "Microseconds" | "Nanoseconds" | "Abs"
                if self.is_duration() =>
            {
                Some("")
            }
            "Round" | "Truncate" if self.is_duration() => Some("d"),
            _ => None,
        }
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, CallError> {
        let nanoseconds = i128::from(self.number);
        let unit = i128::from(arguments.first().and_then(Value::as_integer).unwrap_or_default());
        let float = |unit: f64| Ok(Value::Float(self.number as f64 / unit));
        let int = |unit: i64| Ok(Value::Int64(self.number / unit));
        match name {
            "Hours" => float(3.6e12),
            "Minutes" => float(6e10),
            "Seconds" => float(1e9),
            "Milliseconds" => int(1_000_000),
            "Microseconds" => int(1_000),
            "Nanoseconds" => int(1),
            "Abs" => Ok(duration(nanoseconds.abs())),
            "Truncate" | "Round" if unit <= 0 => Ok(duration(nanoseconds)),
            "Truncate" => Ok(duration(nanoseconds - nanoseconds % unit)),
            // Halves go away from zero.
            "Round" => {
                let half = if nanoseconds < 0 { -unit / 2 } else { unit / 2 };
                let shifted = nanoseconds + half;
                let shifted = if unit % 2 != 0 && nanoseconds % unit == half { nanoseconds } else { shifted };
                Ok(duration(shifted - shifted % unit))
            }
            _ => Ok(self.text().into()),
        }
    }

    fn integer(&self) -> Option<i64> {
        Some(self.number)
    }

    fn plain(&self) -> Value {
        Value::Int64(self.number)
    }

    fn text(&self) -> String {
        self.text.clone()
    }
}
