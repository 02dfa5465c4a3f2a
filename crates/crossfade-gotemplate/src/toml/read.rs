//! From TOML to values. The words of what is wrong with a text are the reader's own, not Go's.
//!
//! Integers stay `int64`, and dates become times: those without an offset are taken as UTC, in zones whose names say what
//! was left out.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::dates::{Layout, Time, Zone};
use crate::error::Error;
use crate::limits::VALUE_DEPTH_MAX;
use crate::value::{Element, Map, Value};

/// The zones BurntSushi/toml marks times without an offset by.
pub(super) const LOCAL_DATETIME: &str = "datetime-local";
pub(super) const LOCAL_DATE: &str = "date-local";
pub(super) const LOCAL_TIME: &str = "time-local";

/// Reads a document.
pub(crate) fn read(text: &str) -> Result<Value, Error> {
    let document = DeTable::parse(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = 1 + text.get(..start).unwrap_or(text).matches('\n').count();
        Error::Json(format!("toml: line {line}: {}", error.message()))
    })?;
    Ok(Reader { text }.table(document.get_ref(), 0)?.into())
}

fn refuse<T>(message: impl Into<String>) -> Result<T, Error> {
    Err(Error::Json(format!("toml: {}", message.into())))
}

struct Reader<'t> {
    text: &'t str,
}

impl Reader<'_> {
    fn table(&self, table: &DeTable<'_>, depth: usize) -> Result<Map, Error> {
        let map = Map::new();
        for (key, item) in table {
            map.set(key.get_ref().as_ref(), self.value(item.get_ref(), depth + 1)?);
        }
        Ok(map)
    }

    fn value(&self, item: &DeValue<'_>, depth: usize) -> Result<Value, Error> {
        if depth > VALUE_DEPTH_MAX {
            return refuse("value is too deep");
        }
        Ok(match item {
            DeValue::String(text) => text.as_ref().into(),
            DeValue::Boolean(truth) => (*truth).into(),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Value::Int64(number),
                Err(_) => return refuse(format!("{number} is out of range for int64")),
            },
            DeValue::Float(number) => match number.as_str().parse() {
                Ok(number) => Value::Float(number),
                Err(_) => return refuse(format!("{number} is out of range for float64")),
            },
            DeValue::Datetime(datetime) => time(&datetime.to_string())?.into_value(),
            DeValue::Array(items) => {
                let are_tables = !items.is_empty() && items.iter().all(|item| self.has_header(item));
                let element = if are_tables { Element::Map } else { Element::Any };
                let items = items.iter().map(|item| self.value(item.get_ref(), depth + 1));
                Value::list_of(element, items.collect::<Result<Vec<_>, _>>()?)
            }
            DeValue::Table(inner) => self.table(inner, depth)?.into(),
        })
    }

    /// Whether an item is a table under a header `[[…]]`, rather than one in braces.
    fn has_header(&self, item: &Spanned<DeValue<'_>>) -> bool {
        let is_table = matches!(item.get_ref(), DeValue::Table(_));
        is_table && self.text.as_bytes().get(item.span().start) != Some(&b'{')
    }
}

fn time(text: &str) -> Result<Time, Error> {
    let layouts = [
        ("2006-01-02T15:04:05Z07:00", ""),
        ("2006-01-02T15:04:05", LOCAL_DATETIME),
        ("2006-01-02", LOCAL_DATE),
        ("15:04:05", LOCAL_TIME),
        ("2006-01-02T15:04Z07:00", ""),
        ("2006-01-02T15:04", LOCAL_DATETIME),
        ("15:04", LOCAL_TIME),
    ];
    for (layout, zone_name) in layouts {
        if let Ok(time) = Layout(layout).parse(text) {
            let is_local = !zone_name.is_empty();
            return Ok(if is_local { Time { zone: Zone::Fixed(zone_name.into(), 0), ..time } } else { time });
        }
    }
    refuse(format!("invalid datetime: {}", crate::printf::quote(text)))
}
