//! Pipelines, commands and operands: what a node's value is.
//!
//! Models Go's rules for fields of nothing, of nil, of maps and of values with methods, and the checks of arguments
//! against a function's parameters. It never converts an argument: `nindent 2.5` is refused as in Go.

use super::methods;
use crate::error::CallError;
use crate::execute::failure::Interrupt;
use crate::execute::{Call, State};
use crate::functions::{Function, Parameter, Parameters};
use crate::parse::{Command, Expression, Pipe};
use crate::printf::quote;
use crate::template::MissingKey;
use crate::value::{Face, Value};

type Evaluated = Result<Value, Interrupt>;

impl<'s> State<'s> {
    /// The value of a pipeline; its variables are declared or set.
    pub(super) fn pipeline(&mut self, dot: &Value, pipe: &'s Pipe) -> Evaluated {
        self.deeper()?;
        let value = self.pipeline_here(dot, pipe);
        self.shallower();
        value
    }

    fn pipeline_here(&mut self, dot: &Value, pipe: &'s Pipe) -> Evaluated {
        self.at = Some((pipe.position, pipe));
        let mut last = None;
        for command in &pipe.commands {
            let value = self.command(dot, command, last)?;
            // A nil in an interface becomes nothing at the end of each command.
            last = Some(if value.is_nil() { Value::Missing } else { value });
        }
        let value = last.unwrap_or_default();
        for name in &pipe.variables {
            if pipe.is_assignment {
                self.set_variable(name, value.clone())?;
            } else {
                self.variables.push((name.clone(), value.clone()));
            }
        }
        Ok(value)
    }

    fn command(&mut self, dot: &Value, command: &'s Command, last: Option<Value>) -> Evaluated {
        if let Err(error) = self.run.step() {
            return self.fail(&error.0);
        }
        let arguments = &command.operands[1..];
        let first = &command.operands[0];
        match first {
            Expression::Field(position, names) => {
                self.at = Some((*position, first));
                self.fields(dot, dot.clone(), first, names, arguments, last)
            }
            Expression::Chain(_, inner, names) => self.chain(dot, first, inner, names, arguments, last),
            Expression::Function(position, name) => {
                self.at = Some((*position, first));
                self.function(dot, name, (command.position, command), arguments, last)
            }
            Expression::Parenthesis(pipe) => {
                self.is_no_function(first, arguments, last.as_ref())?;
                self.pipeline(dot, pipe)
            }
            Expression::Variable(position, names) => {
                self.at = Some((*position, first));
                let value = self.variable(&names[0]);
                if names.len() == 1 {
                    self.is_no_function(first, arguments, last.as_ref())?;
                    return Ok(value);
                }
                self.fields(dot, value, first, &names[1..], arguments, last)
            }
            Expression::Dot(position) | Expression::Nil(position) | Expression::Literal(position, ..) => {
                self.at = Some((*position, first));
                self.is_no_function(first, arguments, last.as_ref())?;
                match first {
                    Expression::Dot(_) => Ok(dot.clone()),
                    Expression::Literal(_, value, _) => Ok(value.clone()),
                    _ => self.fail("nil is not a command"),
                }
            }
        }
    }

    fn is_no_function(
        &self,
        first: &Expression,
        arguments: &[Expression],
        last: Option<&Value>,
    ) -> Result<(), Interrupt> {
        if !arguments.is_empty() || last.is_some() {
            return self.fail(&format!("can't give argument to non-function {first}"));
        }
        Ok(())
    }

    fn variable(&self, name: &str) -> Value {
        let known = self.variables.iter().rev().find(|(known, _)| &**known == name);
        known.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    fn chain(
        &mut self,
        dot: &Value,
        whole: &'s Expression,
        inner: &'s Expression,
        names: &'s [std::rc::Rc<str>],
        arguments: &'s [Expression],
        last: Option<Value>,
    ) -> Evaluated {
        self.at = Some((whole.position(), whole));
        let receiver = self.argument(dot, inner, Parameter::Any)?;
        let receiver = if receiver.is_nil() { Value::Missing } else { receiver };
        self.fields(dot, receiver, whole, names, arguments, last)
    }

    /// `.A.B.C`: the last may be a method with arguments.
    fn fields(
        &mut self,
        dot: &Value,
        mut receiver: Value,
        node: &'s Expression,
        names: &'s [std::rc::Rc<str>],
        arguments: &'s [Expression],
        last: Option<Value>,
    ) -> Evaluated {
        let Some((final_name, names)) = names.split_last() else { return Ok(receiver) };
        let mut is_boxed = match node {
            Expression::Field(..) => self.dot_is_boxed,
            Expression::Variable(_, names) => self.boxed_variables.contains(&names[0]),
            _ => false,
        };
        for name in names {
            let next = self.field(dot, (&receiver, is_boxed), name, node, &[], None)?;
            is_boxed = matches!(&receiver, Value::Map(map) if !map.holds_text());
            receiver = next;
        }
        self.field(dot, (&receiver, is_boxed), final_name, node, arguments, last)
    }

    /// `is_boxed`: the receiver stood in an interface, whose type is then what messages name.
    fn field(
        &mut self,
        dot: &Value,
        (receiver, is_boxed): (&Value, bool),
        name: &str,
        node: &'s Expression,
        arguments: &'s [Expression],
        last: Option<Value>,
    ) -> Evaluated {
        let has_arguments = !arguments.is_empty() || last.is_some();
        match receiver {
            Value::Missing => match self.run.missing {
                MissingKey::Error => self.fail(&format!("nil data; no entry for key {}", quote(name))),
                _ => Ok(Value::Missing),
            },
            Value::Nil => self.fail(&format!("nil pointer evaluating interface {{}}.{name}")),
            Value::Map(map) if map.face() == Face::Values && methods::is_method(name) => {
                let parameters = Parameters::new(methods::parameters(name));
                let values = self.arguments(dot, name, parameters, arguments, last)?;
                let called = self.run.step().and_then(|()| methods::call(map, name, &values));
                self.called(name, node, called)
            }
            Value::Map(map) => {
                if has_arguments {
                    return self.fail(&format!("{name} is not a method but has arguments"));
                }
                match (map.get(name), self.run.missing) {
                    (Some(value), _) => Ok(value),
                    (None, MissingKey::Default) => Ok(Value::Missing),
                    (None, MissingKey::Zero) => Ok(Value::Nil),
                    (None, MissingKey::Error) => {
                        self.fail(&format!("map has no entry for key {}", quote(name)))
                    }
                }
            }
            Value::Object(object) => {
                if let Some(why) = object.refused_method(name) {
                    return self.fail(why);
                }
                if let Some(parameters) = object.method(name) {
                    let parameters = Parameters::new(parameters);
                    let values = self.arguments(dot, name, parameters, arguments, last)?;
                    let called = self.run.steps(object.cost()).and_then(|()| object.call(name, &values));
                    return self.called(name, node, called);
                }
                match object.field(name) {
                    Some(_) if has_arguments => {
                        self.fail(&format!("{name} has arguments but cannot be invoked as function"))
                    }
                    Some(value) => Ok(value),
                    None if object.kind() == "map" => Ok(Value::Nil),
                    None => {
                        let type_name = if is_boxed { "interface {}" } else { object.type_name() };
                        self.fail(&format!("can't evaluate field {name} in type {type_name}"))
                    }
                }
            }
            other => {
                let type_name = if is_boxed { "interface {}" } else { other.type_name() };
                self.fail(&format!("can't evaluate field {name} in type {type_name}"))
            }
        }
    }

    /// What a method returned.
    fn called(&mut self, name: &str, node: &'s Expression, returned: Result<Value, CallError>) -> Evaluated {
        returned.or_else(|error| {
            self.at = Some((node.position(), node));
            self.fail(&format!("error calling {name}: {error}"))
        })
    }

    fn function(
        &mut self,
        dot: &Value,
        name: &str,
        node: (usize, &'s dyn std::fmt::Display),
        arguments: &'s [Expression],
        last: Option<Value>,
    ) -> Evaluated {
        let Some(function) = self.run.functions.get(name) else {
            return self.fail(&format!("{} is not a defined function", quote(name)));
        };
        if matches!(name, "and" | "or") && (!arguments.is_empty() || last.is_some()) {
            return self.and_or(dot, name == "or", arguments, last);
        }
        let values = self.arguments(dot, name, function.parameters, arguments, last)?;
        let Function { run, .. } = *function;
        let call = Call { run: self.run, templates: self.templates, depth: self.depth };
        let returned = run(&call, &values).and_then(|value| {
            if let Value::String(text) = &value {
                self.run.count_text(text.len())?;
            }
            Ok(value)
        });
        match returned {
            Ok(value) => Ok(value),
            Err(error) => {
                self.at = Some(node);
                self.fail(&format!("error calling {name}: {error}"))
            }
        }
    }

    /// The two that stop at the first operand that decides.
    fn and_or(
        &mut self,
        dot: &Value,
        wanted: bool,
        arguments: &'s [Expression],
        last: Option<Value>,
    ) -> Evaluated {
        let mut value = Value::Missing;
        for argument in arguments {
            value = self.argument(dot, argument, Parameter::Any)?;
            if value.is_true() == wanted {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    /// The values of all arguments, each checked against its parameter.
    fn arguments(
        &mut self,
        dot: &Value,
        name: &str,
        parameters: Parameters,
        arguments: &'s [Expression],
        last: Option<Value>,
    ) -> Result<Vec<Value>, Interrupt> {
        let count = arguments.len() + usize::from(last.is_some());
        let fixed = parameters.fixed_count();
        if parameters.is_variadic() {
            if count < fixed {
                let given = arguments.len();
                return self
                    .fail(&format!("wrong number of args for {name}: want at least {fixed} got {given}"));
            }
        } else if count != fixed {
            return self.fail(&format!("wrong number of args for {name}: want {fixed} got {count}"));
        }
        let mut values = Vec::with_capacity(count);
        for (index, argument) in arguments.iter().enumerate() {
            values.push(self.argument(dot, argument, parameters.at(index))?);
        }
        if let Some(last) = last {
            values.push(self.fitting(last, parameters.at(count - 1))?);
        }
        Ok(values)
    }

    fn argument(&mut self, dot: &Value, node: &'s Expression, parameter: Parameter) -> Evaluated {
        self.at = Some((node.position(), node));
        let value = match node {
            Expression::Dot(_) => dot.clone(),
            Expression::Nil(_) if parameter.can_be_nil() => return Ok(Value::Nil),
            Expression::Nil(_) => return self.fail(&format!("cannot assign nil to {}", parameter.go_name())),
            Expression::Field(_, names) => self.fields(dot, dot.clone(), node, names, &[], None)?,
            Expression::Variable(_, names) => {
                let value = self.variable(&names[0]);
                self.fields(dot, value, node, &names[1..], &[], None)?
            }
            Expression::Parenthesis(pipe) => self.pipeline(dot, pipe)?,
            Expression::Function(position, name) => self.function(dot, name, (*position, node), &[], None)?,
            Expression::Chain(_, inner, names) => self.chain(dot, node, inner, names, &[], None)?,
            Expression::Literal(_, value, text) => return self.literal(value, text, parameter),
        };
        self.fitting(value, parameter)
    }

    /// Constants are checked by how they are written.
    fn literal(&self, value: &Value, text: &str, parameter: Parameter) -> Evaluated {
        let value = match (parameter, value) {
            (Parameter::Any, _)
            | (Parameter::Bool, Value::Bool(_))
            | (Parameter::Text, Value::String(_))
            | (Parameter::Int, Value::Int(_))
            | (Parameter::Float, Value::Float(_)) => value.clone(),
            (Parameter::Int64, Value::Int(number)) => Value::Int64(*number),
            (Parameter::Float, Value::Int(number)) => Value::Float(*number as f64),
            (Parameter::Int | Parameter::Int64, Value::Float(number))
                if number.fract() == 0.0 && number.abs() < 9.0e15 =>
            {
                #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
                let number = *number as i64;
                if parameter == Parameter::Int { Value::Int(number) } else { Value::Int64(number) }
            }
            (
                Parameter::Map
                | Parameter::Writer
                | Parameter::Time
                | Parameter::Version
                | Parameter::Certificate,
                _,
            ) => {
                return self.fail(&format!("can't handle {text} for arg of type {}", parameter.go_name()));
            }
            (Parameter::Unsigned, Value::Int(number)) if *number >= 0 => {
                // What is too large goes round, as in Go.
                Value::Int(number.rem_euclid(1 << 32))
            }
            (Parameter::Duration, Value::Int(number)) => crate::dates::duration(i128::from(*number)),
            _ => return self.fail(&format!("expected {}; found {text}", parameter.literal_name())),
        };
        Ok(value)
    }

    /// A value that can be given to a parameter, or the complaint.
    fn fitting(&self, value: Value, parameter: Parameter) -> Evaluated {
        let fits = match (&value, parameter) {
            (Value::Missing, _) if parameter.can_be_nil() => return Ok(Value::Nil),
            (Value::Missing, _) => {
                return self.fail(&format!("invalid value; expected {}", parameter.go_name()));
            }
            (_, Parameter::Any)
            | (Value::String(_), Parameter::Text)
            | (Value::Bool(_), Parameter::Bool)
            | (Value::Int(_), Parameter::Int)
            | (Value::Int64(_), Parameter::Int64)
            | (Value::Float(_), Parameter::Float) => true,
            (Value::Map(map), Parameter::Map) if !map.holds_text() => {
                return Ok(Value::Map(map.seen_as(Face::Plain)));
            }
            (
                Value::Object(object),
                Parameter::Time | Parameter::Duration | Parameter::Version | Parameter::Certificate,
            ) => object.type_name() == parameter.go_name(),
            _ => false,
        };
        if fits {
            return Ok(value);
        }
        let got = if value.is_nil() { "interface {}" } else { value.type_name() };
        self.fail(&format!("wrong type for value; expected {}; got {got}", parameter.go_name()))
    }
}
