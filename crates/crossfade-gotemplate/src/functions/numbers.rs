//! Sprig's arithmetic: on int64, and on decimals for those that end in `f`.

use std::fmt::Write as _;

use super::convert::{to_float, to_int, to_text};
use super::decimal::{Operation, fold};
use super::{Arguments, Entry, Returned, refuse, text};
use crate::error::CallError;
use crate::execute::Call;
use crate::limits::LIST_ITEMS_MAX;
use crate::value::{Element, Value};

pub(super) const TABLE: &[Entry] = &[
    ("int", "a", |_, values| Ok(Value::Int(to_int(values.any(0))))),
    ("int64", "a", |_, values| Ok(Value::Int64(to_int(values.any(0))))),
    ("float64", "a", |_, values| Ok(Value::Float(to_float(values.any(0))))),
    ("atoi", "s", |_, values| Ok(Value::Int(values.text(0).parse().unwrap_or(0)))),
    ("toDecimal", "a", to_decimal),
    ("add1", "a", |_, values| Ok(Value::Int64(to_int(values.any(0)).wrapping_add(1)))),
    ("add", "a*", |_, values| {
        Ok(Value::Int64(values.iter().fold(0, |sum, value| sum.wrapping_add(to_int(value)))))
    }),
    ("sub", "aa", |_, values| Ok(Value::Int64(to_int(values.any(0)).wrapping_sub(to_int(values.any(1)))))),
    ("mul", "aa*", |_, values| {
        Ok(Value::Int64(values.iter().fold(1, |product, value| product.wrapping_mul(to_int(value)))))
    }),
    ("div", "aa", |_, values| divide(values, i64::wrapping_div)),
    ("mod", "aa", |_, values| divide(values, i64::wrapping_rem)),
    ("max", "aa*", |_, values| Ok(Value::Int64(values.iter().map(to_int).max().unwrap_or(0)))),
    ("biggest", "aa*", |_, values| Ok(Value::Int64(values.iter().map(to_int).max().unwrap_or(0)))),
    ("min", "aa*", |_, values| Ok(Value::Int64(values.iter().map(to_int).min().unwrap_or(0)))),
    ("maxf", "aa*", |_, values| {
        Ok(Value::Float(values.iter().map(to_float).fold(f64::NEG_INFINITY, f64::max)))
    }),
    ("minf", "aa*", |_, values| Ok(Value::Float(values.iter().map(to_float).fold(f64::INFINITY, f64::min)))),
    ("add1f", "a", |_, values| decimal(to_float(values.any(0)), &[Value::Int(1)], Operation::Add)),
    ("addf", "a*", |_, values| decimal(0.0, values, Operation::Add)),
    ("subf", "aa*", |_, values| decimal(to_float(values.any(0)), &values[1..], Operation::Subtract)),
    ("mulf", "aa*", |_, values| decimal(to_float(values.any(0)), &values[1..], Operation::Multiply)),
    ("divf", "aa*", |_, values| decimal(to_float(values.any(0)), &values[1..], Operation::Divide)),
    ("floor", "a", |_, values| Ok(Value::Float(to_float(values.any(0)).floor()))),
    ("ceil", "a", |_, values| Ok(Value::Float(to_float(values.any(0)).ceil()))),
    ("round", "aif*", round),
    ("until", "i", |_, values| {
        let count = values.int(0);
        Ok(int_list(integers(0, count, if count < 0 { -1 } else { 1 })?))
    }),
    ("untilStep", "iii", |_, values| Ok(int_list(integers(values.int(0), values.int(1), values.int(2))?))),
    ("seq", "i*", seq),
    ("randInt", "ii", |call, values| {
        let (low, high) = (values.int(0), values.int(1));
        match u64::try_from(high.wrapping_sub(low)) {
            Ok(span) if span > 0 => {
                let drawn = i64::try_from(call.run.random.borrow_mut().below(span)).unwrap_or(0);
                Ok(Value::Int(low + drawn))
            }
            _ => refuse("invalid argument to Intn"),
        }
    }),
];

fn to_decimal(_: &Call<'_>, values: &[Value]) -> Returned {
    let octal = i64::from_str_radix(&to_text(values.any(0))?, 8);
    Ok(Value::Int64(octal.unwrap_or(0)))
}

fn divide(values: &[Value], operation: fn(i64, i64) -> i64) -> Returned {
    let (dividend, divisor) = (to_int(values.any(0)), to_int(values.any(1)));
    if divisor == 0 {
        return refuse("runtime error: integer divide by zero");
    }
    Ok(Value::Int64(operation(dividend, divisor)))
}

fn decimal(start: f64, values: &[Value], operation: Operation) -> Returned {
    fold(start, values.iter().map(to_float), operation).map(Value::Float)
}

/// Rounds at a place; what is a half, or the third argument, goes up.
#[expect(clippy::unnecessary_wraps, reason = "a table of functions wants it")]
fn round(_: &Call<'_>, values: &[Value]) -> Returned {
    let threshold = match values.get(2) {
        Some(Value::Float(threshold)) => *threshold,
        _ => 0.5,
    };
    let power = 10_f64.powi(i32::try_from(values.int(1)).unwrap_or(0));
    let shifted = power * to_float(values.any(0));
    let rounded = if shifted.fract() >= threshold { shifted.ceil() } else { shifted.floor() };
    Ok(Value::Float(rounded / power))
}

/// The integers from `start` to before `stop`.
fn integers(start: i64, stop: i64, step: i64) -> Result<Vec<i64>, CallError> {
    let falls = stop < start;
    if falls && step >= 0 || !falls && step <= 0 {
        return Ok(Vec::new());
    }
    let count = (i128::from(stop) - i128::from(start)) / i128::from(step);
    if count > LIST_ITEMS_MAX as i128 {
        return refuse(format!("list of more than {LIST_ITEMS_MAX} items"));
    }
    let mut numbers = Vec::new();
    let mut next = start;
    while if falls { next > stop } else { next < stop } {
        numbers.push(next);
        let Some(following) = next.checked_add(step) else { break };
        next = following;
    }
    Ok(numbers)
}

/// Go's `[]int`.
fn int_list(numbers: Vec<i64>) -> Value {
    Value::list_of(Element::Int, numbers.into_iter().map(Value::Int))
}

fn seq(_: &Call<'_>, values: &[Value]) -> Returned {
    let (start, step, end) = match values {
        [_] => (1, None, values.int(0)),
        [_, _] => (values.int(0), None, values.int(1)),
        [_, _, _] => (values.int(0), Some(values.int(1)), values.int(2)),
        _ => return text(""),
    };
    let falls = end < start;
    if falls && step.is_some_and(|step| step > 0) {
        return text("");
    }
    let increment = if falls { -1 } else { 1 };
    let numbers = integers(start, end.saturating_add(increment), step.unwrap_or(increment))?;
    let mut out = String::new();
    for (index, number) in numbers.into_iter().enumerate() {
        let blank = if index > 0 { " " } else { "" };
        // Writing to a text cannot fail.
        let _ = write!(out, "{blank}{number}");
    }
    text(out)
}
