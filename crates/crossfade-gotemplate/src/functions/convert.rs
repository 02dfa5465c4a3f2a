//! Sprig's loose conversions (those of the Go library cast): anything to text, to int64, to float64.
//!
//! They never fail: what cannot be converted is 0.

use crate::error::CallError;
use crate::number::{parse_float, parse_integer};
use crate::printf::bounded;
use crate::value::Value;

/// `fmt.Sprintf("%v")`, with bytes as text.
pub(super) fn to_text(value: &Value) -> Result<String, CallError> {
    match value {
        Value::String(text) => Ok(text.to_string()),
        Value::Object(object) if object.bytes().is_some() => {
            Ok(crate::bytes::text_from(object.bytes().unwrap_or_default()))
        }
        other => bounded(other),
    }
}

/// `cast.ToInt64`
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(number) | Value::Int64(number) => *number,
        // Months and weekdays count, durations do not.
        Value::Object(object) if object.kind() != "int64" => object.integer().unwrap_or(0),
        #[expect(clippy::cast_possible_truncation, reason = "Go cuts as well")]
        Value::Float(number) => *number as i64,
        Value::Bool(truth) => i64::from(*truth),
        Value::String(text) => parse_integer(trim_zero_decimal(text)).unwrap_or(0),
        _ => 0,
    }
}

/// Takes away a decimal part that is only zeros.
fn trim_zero_decimal(text: &str) -> &str {
    match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() && fraction.chars().all(|digit| digit == '0') => {
            whole
        }
        _ => text,
    }
}

/// `cast.ToFloat64`
pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Int(number) | Value::Int64(number) => *number as f64,
        Value::Object(object) if object.kind() != "int64" => object.integer().unwrap_or(0) as f64,
        Value::Float(number) => *number,
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        Value::String(text) => parse_float(text).unwrap_or(0.0),
        _ => 0.0,
    }
}
