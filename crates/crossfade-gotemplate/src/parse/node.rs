//! The tree of a template, and its text as Go prints it in messages (`at <include "name" .>`).

use std::fmt;
use std::rc::Rc;

use crate::value::Value;

/// A named template.
#[derive(Debug)]
pub struct Tree {
    /// The name it is called by.
    pub name: Rc<str>,
    /// The name of the text it stands in, for messages.
    pub text_name: Rc<str>,
    /// The whole text it stands in, from which lines and columns are counted.
    pub text: Rc<str>,
    /// What it does.
    pub root: List,
}

impl Tree {
    /// `NAME:LINE:COLUMN` of a position, the column counted in bytes from 0 as Go does.
    pub fn location(&self, position: usize) -> String {
        let before = &self.text[..position.min(self.text.len())];
        let line = 1 + before.matches('\n').count();
        let column = before.len() - before.rfind('\n').map_or(0, |index| index + 1);
        format!("{}:{line}:{column}", self.text_name)
    }

    /// Whether it is only blanks and comments: such a tree does not replace one of the same name.
    pub fn is_empty(&self) -> bool {
        self.root.iter().all(|node| matches!(node, Node::Text(text) if text.trim().is_empty()))
    }
}

/// Nodes one after another.
pub type List = Vec<Node>;

/// One piece of a template.
#[derive(Debug)]
pub enum Node {
    /// Literal text.
    Text(Rc<str>),
    /// `{{ pipeline }}`
    Action(Pipe),
    /// `{{ if }}`
    If(Branch),
    /// `{{ with }}`
    With(Branch),
    /// `{{ range }}`
    Range(Branch),
    /// `{{ template "name" pipeline }}`
    Template {
        /// Where it stands.
        position: usize,
        /// Which one.
        name: Rc<str>,
        /// Its dot.
        pipe: Option<Pipe>,
    },
    /// `{{ break }}`
    Break,
    /// `{{ continue }}`
    Continue,
}

/// A condition or loop with its two bodies.
#[derive(Debug)]
pub struct Branch {
    /// What is tested, or ranged over.
    pub pipe: Pipe,
    /// When it holds.
    pub body: List,
    /// When it does not.
    pub otherwise: List,
}

/// Commands joined by `|`, perhaps assigned.
#[derive(Debug)]
pub struct Pipe {
    /// Where it starts.
    pub position: usize,
    /// Whether variables are set (`=`) rather than declared (`:=`).
    pub is_assignment: bool,
    /// The variables, with their `$`.
    pub variables: Vec<Rc<str>>,
    /// The commands.
    pub commands: Vec<Command>,
}

/// A function, method or value with its arguments.
#[derive(Debug)]
pub struct Command {
    /// Where it starts.
    pub position: usize,
    /// The operands; the first one is what is called.
    pub operands: Vec<Expression>,
}

/// An operand.
#[derive(Debug)]
pub enum Expression {
    /// `.`
    Dot(usize),
    /// `nil`
    Nil(usize),
    /// `.A.B`
    Field(usize, Vec<Rc<str>>),
    /// `$x.A.B`; the first name is the variable's.
    Variable(usize, Vec<Rc<str>>),
    /// A function's name.
    Function(usize, Rc<str>),
    /// A bool, number, character or string, with the text it was written as.
    Literal(usize, Value, Rc<str>),
    /// `(pipeline)`
    Parenthesis(Box<Pipe>),
    /// `(pipeline).A.B`
    Chain(usize, Box<Expression>, Vec<Rc<str>>),
}

impl Expression {
    /// Where Go says it stands.
    pub fn position(&self) -> usize {
        match self {
            Self::Dot(position)
            | Self::Nil(position)
            | Self::Field(position, _)
            | Self::Variable(position, _)
            | Self::Function(position, _)
            | Self::Literal(position, ..)
            | Self::Chain(position, ..) => *position,
            Self::Parenthesis(pipe) => pipe.position,
        }
    }
}

/// Only templates are named in messages; other nodes are so by what is in them.
impl fmt::Display for Node {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template { name, pipe, .. } => {
                write!(out, "{{{{template {}", crate::printf::quote(name))?;
                if let Some(pipe) = pipe {
                    write!(out, " {pipe}")?;
                }
                out.write_str("}}")
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dot(_) => out.write_str("."),
            Self::Nil(_) => out.write_str("nil"),
            Self::Field(_, names) => names.iter().try_for_each(|name| write!(out, ".{name}")),
            Self::Variable(_, names) => out.write_str(&names.join(".")),
            Self::Function(_, name) => out.write_str(name),
            Self::Literal(_, _, text) => out.write_str(text),
            Self::Parenthesis(pipe) => write!(out, "{pipe}"),
            Self::Chain(_, inner, names) => {
                match **inner {
                    Self::Parenthesis(_) => write!(out, "({inner})")?,
                    _ => write!(out, "{inner}")?,
                }
                names.iter().try_for_each(|name| write!(out, ".{name}"))
            }
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, operand) in self.operands.iter().enumerate() {
            if index > 0 {
                out.write_str(" ")?;
            }
            match operand {
                Expression::Parenthesis(_) => write!(out, "({operand})")?,
                _ => write!(out, "{operand}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.variables.is_empty() {
            let sign = if self.is_assignment { "=" } else { ":=" };
            write!(out, "{} {sign} ", self.variables.join(", "))?;
        }
        for (index, command) in self.commands.iter().enumerate() {
            if index > 0 {
                out.write_str(" | ")?;
            }
            write!(out, "{command}")?;
        }
        Ok(())
    }
}
