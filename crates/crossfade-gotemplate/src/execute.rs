//! Carries out the trees of a template, as Go's `text/template` does, with its error texts.
//!
//! Keeps to [`limits`](crate::limits): steps, depth, lengths. Never reads anything but the data and the
//! [`Sources`](crate::template::Sources) it is given.

mod evaluate;
mod failure;
mod methods;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::rc::Rc;

use crate::error::CallError;
use crate::functions::Functions;
use crate::limits::{
    EVALUATION_DEPTH_MAX, OUTPUT_BYTES_MAX, STEPS_MAX, TEMPLATE_DEPTH_MAX, TEXT_BYTES_MAX,
    TEXT_BYTES_TOTAL_MAX,
};
use crate::parse::{Branch, List, Node, Pipe, Tree};
use crate::printf::quote;
use crate::random::Random;
use crate::template::{MissingKey, Sources};
use crate::value::{Element, Map, Value};

pub(crate) use failure::ExecutionFailure;
use failure::Interrupt;

/// Named templates. What `tpl` defines lies over what it was called from.
#[derive(Default)]
pub(crate) struct Templates {
    own: HashMap<Rc<str>, Rc<Tree>>,
    below: Option<Rc<Templates>>,
}

impl Templates {
    /// No templates of its own, over others.
    pub fn over(below: Rc<Self>) -> Self {
        Self { own: HashMap::new(), below: Some(below) }
    }

    /// The template of a name.
    pub fn get(&self, name: &str) -> Option<Rc<Tree>> {
        match self.own.get(name) {
            Some(tree) => Some(tree.clone()),
            None => self.below.as_ref().and_then(|below| below.get(name)),
        }
    }

    /// Adds a template; an empty one does not replace another.
    pub fn add(&mut self, tree: Rc<Tree>) {
        if tree.is_empty() && self.get(&tree.name).is_some() {
            return;
        }
        self.own.insert(tree.name.clone(), tree);
    }
}

/// One rendering: what it may use, and what it has used up.
pub(crate) struct Run<'r> {
    pub functions: &'r Functions,
    pub missing: MissingKey,
    pub sources: &'r Sources,
    pub random: RefCell<Random>,
    steps: Cell<u64>,
    text: Cell<u64>,
    output: Cell<u64>,
    depth: Cell<usize>,
    included: RefCell<BTreeMap<Rc<str>, usize>>,
    /// Maps that were changed in place: a circle of maps always has one of them in it, and is broken at the end.
    changed: RefCell<Vec<Map>>,
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        for map in self.changed.take() {
            map.clear();
        }
    }
}

impl<'r> Run<'r> {
    pub fn new(functions: &'r Functions, missing: MissingKey, sources: &'r Sources) -> Self {
        Self {
            functions,
            missing,
            sources,
            random: RefCell::new(Random::new(sources.seed)),
            steps: Cell::new(0),
            text: Cell::new(0),
            output: Cell::new(0),
            depth: Cell::new(0),
            included: RefCell::default(),
            changed: RefCell::default(),
        }
    }

    /// Executes a template by name.
    pub fn execute(
        &self,
        templates: &Rc<Templates>,
        name: &str,
        data: &Value,
    ) -> Result<String, ExecutionFailure> {
        let out = self.execute_at(templates, name, data, 0)?;
        let printed = self.output.get() + out.len() as u64;
        self.output.set(printed);
        if printed > OUTPUT_BYTES_MAX {
            return Err(ExecutionFailure::other(format!(
                "templates print more than {OUTPUT_BYTES_MAX} bytes"
            )));
        }
        Ok(out)
    }

    fn execute_at(
        &self,
        templates: &Rc<Templates>,
        name: &str,
        data: &Value,
        depth: usize,
    ) -> Result<String, ExecutionFailure> {
        let Some(tree) = templates.get(name) else {
            let message = format!("template: no template {} associated with template \"gotpl\"", quote(name));
            return Err(ExecutionFailure::other(message));
        };
        let mut state = State::new(self, templates, &tree, data.clone(), depth);
        match state.list(data, &tree.root) {
            Ok(()) | Err(Interrupt::Break | Interrupt::Continue) => Ok(state.out),
            Err(Interrupt::Failed(failure)) => Err(failure),
        }
    }

    /// Remembers a map that was changed in place.
    pub fn note_change(&self, map: &Map) {
        let mut changed = self.changed.borrow_mut();
        if !changed.iter().rev().take(8).any(|known| known.is_same(map)) {
            changed.push(map.clone());
        }
    }

    /// Counts a piece of work.
    pub fn step(&self) -> Result<(), CallError> {
        self.steps(1)
    }

    /// Counts several.
    pub fn steps(&self, count: u64) -> Result<(), CallError> {
        let steps = self.steps.get().saturating_add(count);
        self.steps.set(steps);
        if steps > STEPS_MAX {
            return Err(CallError::new(format!("takes more than {STEPS_MAX} steps")));
        }
        Ok(())
    }

    /// Counts a text that was made.
    pub fn count_text(&self, bytes: usize) -> Result<(), CallError> {
        let total = self.text.get() + bytes as u64;
        self.text.set(total);
        if bytes > TEXT_BYTES_MAX {
            return Err(CallError::new(format!("text of more than {TEXT_BYTES_MAX} bytes")));
        }
        if total > TEXT_BYTES_TOTAL_MAX {
            return Err(CallError::new(format!("makes more than {TEXT_BYTES_TOTAL_MAX} bytes of text")));
        }
        Ok(())
    }
}

/// What a function may use besides its arguments.
pub(crate) struct Call<'c> {
    pub run: &'c Run<'c>,
    templates: &'c Rc<Templates>,
    depth: usize,
}

impl Call<'_> {
    /// `include`, counted by name as helm does.
    pub fn include(&self, name: &str, data: &Value) -> Result<String, CallError> {
        let key: Rc<str> = Rc::from(name);
        let level = self.run.included.borrow().get(&key).copied().unwrap_or(0);
        if level > TEMPLATE_DEPTH_MAX || self.depth >= TEMPLATE_DEPTH_MAX {
            return Err(CallError::new(format!(
                "rendering template has a nested reference name: {name}: unable to execute template"
            )));
        }
        self.run.included.borrow_mut().insert(key.clone(), level + 1);
        let out = self.run.execute_at(self.templates, name, data, self.depth + 1);
        self.run.included.borrow_mut().insert(key, level);
        out.map_err(|failure| CallError(failure.text))
    }

    /// `tpl`: parses a text in the middle of everything that is defined here, and executes it.
    pub fn tpl(&self, text: &str, data: &Value) -> Result<String, CallError> {
        const NAME: &str = "gotpl";
        if self.depth >= TEMPLATE_DEPTH_MAX {
            return Err(CallError::new(format!("exceeded maximum template depth ({TEMPLATE_DEPTH_MAX})")));
        }
        let trees = crate::parse::parse(NAME, text, &|name| self.run.functions.has(name))
            .map_err(|error| CallError::new(format!("cannot parse template {}: {error}", quote(text))))?;
        let mut templates = Templates::over(self.templates.clone());
        for tree in trees {
            // The text itself is always the one that runs, also when it is blank.
            if &*tree.name == NAME {
                templates.own.insert(tree.name.clone(), tree);
            } else {
                templates.add(tree);
            }
        }
        let out =
            self.run.execute_at(&Rc::new(templates), NAME, data, self.depth + 1).map_err(|failure| {
                CallError::new(format!(
                    "error during tpl function execution for {}: {}",
                    quote(text),
                    failure.text
                ))
            })?;
        Ok(if out.contains(NO_VALUE) { out.replace(NO_VALUE, "") } else { out })
    }
}

/// How nothing prints.
pub(crate) const NO_VALUE: &str = "<no value>";

type Walked = Result<(), Interrupt>;

/// One template being executed.
struct State<'s> {
    run: &'s Run<'s>,
    templates: &'s Rc<Templates>,
    tree: &'s Tree,
    depth: usize,
    variables: Vec<(Rc<str>, Value)>,
    out: String,
    /// The node an error is about: where it stands, and its text.
    at: Option<(usize, &'s dyn fmt::Display)>,
    /// Whether the dot stood in an interface: then messages name that type.
    dot_is_boxed: bool,
    /// Variables of loops that stand in interfaces.
    boxed_variables: Vec<Rc<str>>,
}

impl<'s> State<'s> {
    fn new(
        run: &'s Run<'s>,
        templates: &'s Rc<Templates>,
        tree: &'s Tree,
        data: Value,
        depth: usize,
    ) -> Self {
        let variables = vec![(Rc::from("$"), data)];
        Self {
            run,
            templates,
            tree,
            depth,
            variables,
            out: String::new(),
            at: None,
            dot_is_boxed: false,
            boxed_variables: Vec::new(),
        }
    }

    fn fail<T>(&self, message: &str) -> Result<T, Interrupt> {
        let name = &self.tree.name;
        let text = match self.at {
            None => format!("template: {name}: {message}"),
            Some((position, node)) => {
                format!(
                    "template: {}: executing {} at <{node}>: {message}",
                    self.tree.location(position),
                    quote(name)
                )
            }
        };
        Err(Interrupt::Failed(ExecutionFailure { text }))
    }

    fn print(&mut self, text: &str) -> Walked {
        self.out.push_str(text);
        if self.out.len() > TEXT_BYTES_MAX {
            return self.fail(&format!("prints more than {TEXT_BYTES_MAX} bytes"));
        }
        Ok(())
    }

    fn list(&mut self, dot: &Value, nodes: &'s List) -> Walked {
        self.deeper()?;
        let walked = nodes.iter().try_for_each(|node| self.node(dot, node));
        self.shallower();
        walked
    }

    /// One level more on the stack.
    fn deeper(&self) -> Walked {
        let depth = self.run.depth.get() + 1;
        if depth > EVALUATION_DEPTH_MAX {
            return self.fail(&format!("nests deeper than {EVALUATION_DEPTH_MAX} levels"));
        }
        self.run.depth.set(depth);
        Ok(())
    }

    fn shallower(&self) {
        self.run.depth.set(self.run.depth.get() - 1);
    }

    fn node(&mut self, dot: &Value, node: &'s Node) -> Walked {
        if let Err(error) = self.run.step() {
            return self.fail(&error.0);
        }
        match node {
            Node::Text(text) => self.print(text),
            Node::Action(pipe) => {
                let value = self.pipeline(dot, pipe)?;
                if pipe.variables.is_empty() { self.print_value(&value) } else { Ok(()) }
            }
            Node::If(branch) => self.condition(dot, branch, false),
            Node::With(branch) => self.condition(dot, branch, true),
            Node::Range(branch) => self.range(dot, branch),
            Node::Template { position, name, pipe } => {
                self.at = Some((*position, node));
                self.template(dot, name, pipe.as_ref())
            }
            Node::Break => Err(Interrupt::Break),
            Node::Continue => Err(Interrupt::Continue),
        }
    }

    fn print_value(&mut self, value: &Value) -> Walked {
        match value {
            Value::Missing | Value::Nil => self.print(NO_VALUE),
            Value::String(text) => self.print(text),
            other => match crate::printf::bounded(other) {
                Ok(text) => self.print(&text),
                Err(error) => self.fail(&error.0),
            },
        }
    }

    fn condition(&mut self, dot: &Value, branch: &'s Branch, is_with: bool) -> Walked {
        let scope = self.variables.len();
        let value = self.pipeline(dot, &branch.pipe)?;
        let walked = match (value.is_true(), is_with) {
            (true, true) => {
                let was_boxed = std::mem::replace(&mut self.dot_is_boxed, false);
                let walked = self.list(&value, &branch.body);
                self.dot_is_boxed = was_boxed;
                walked
            }
            (true, false) => self.list(dot, &branch.body),
            (false, _) => self.list(dot, &branch.otherwise),
        };
        self.variables.truncate(scope);
        walked
    }

    fn range(&mut self, dot: &Value, branch: &'s Branch) -> Walked {
        let scope = self.variables.len();
        let value = self.pipeline(dot, &branch.pipe)?;
        let over = match &value {
            Value::Object(object) if matches!(object.kind(), "map" | "slice") => object.plain(),
            other => other.clone(),
        };
        let ran = match &over {
            Value::Missing | Value::Nil => Ok(false),
            Value::Int(count) | Value::Int64(count) => {
                if branch.pipe.variables.len() > 1 {
                    return self.fail(&format!("can't use {count} to iterate over more than one variable"));
                }
                let is_int = matches!(over, Value::Int(_));
                let number = |index| if is_int { Value::Int(index) } else { Value::Int64(index) };
                self.iterations(branch, false, (0..*count).map(|index| (Value::Missing, number(index))))
            }
            Value::List(items) => {
                let pairs = items.iter().enumerate();
                let pairs = pairs
                    .map(|(index, item)| (Value::Int(index.try_into().unwrap_or(i64::MAX)), item.clone()));
                self.iterations(branch, items.element() == Element::Any, pairs)
            }
            Value::Map(map) => {
                let entries = map.entries().into_iter().map(|(key, item)| (Value::String(key), item));
                self.iterations(branch, !map.holds_text(), entries)
            }
            other => {
                let shown = crate::printf::bounded(other).unwrap_or_default();
                return self.fail(&format!("range can't iterate over {shown}"));
            }
        };
        let walked = match ran {
            Ok(false) => self.list(dot, &branch.otherwise),
            Ok(true) => Ok(()),
            Err(interrupt) => Err(interrupt),
        };
        self.variables.truncate(scope);
        walked
    }

    /// Runs the body for each pair; says whether there was one.
    fn iterations(
        &mut self,
        branch: &'s Branch,
        is_boxed: bool,
        pairs: impl Iterator<Item = (Value, Value)>,
    ) -> Result<bool, Interrupt> {
        let was_boxed = std::mem::replace(&mut self.dot_is_boxed, is_boxed);
        let boxed_before = self.boxed_variables.len();
        if is_boxed {
            self.boxed_variables.extend(branch.pipe.variables.last().cloned());
        }
        let ran = self.iterate(branch, pairs);
        self.boxed_variables.truncate(boxed_before);
        self.dot_is_boxed = was_boxed;
        ran
    }

    fn iterate(
        &mut self,
        branch: &'s Branch,
        pairs: impl Iterator<Item = (Value, Value)>,
    ) -> Result<bool, Interrupt> {
        let scope = self.variables.len();
        let mut ran = false;
        for (index, item) in pairs {
            ran = true;
            if let Err(error) = self.run.step() {
                return self.fail(&error.0);
            }
            match branch.pipe.variables.as_slice() {
                [] => {}
                [one] => self.range_variable(&branch.pipe, 1, one, item.clone())?,
                [first, second, ..] => {
                    self.range_variable(&branch.pipe, 2, first, index)?;
                    self.range_variable(&branch.pipe, 1, second, item.clone())?;
                }
            }
            let walked = self.list(&item, &branch.body);
            self.variables.truncate(scope);
            match walked {
                Ok(()) | Err(Interrupt::Continue) => {}
                Err(Interrupt::Break) => break,
                Err(failed) => return Err(failed),
            }
        }
        Ok(ran)
    }

    /// Sets a loop's variable: by name when it is assigned, by its place on the stack when it is declared.
    fn range_variable(&mut self, pipe: &Pipe, from_top: usize, name: &str, value: Value) -> Walked {
        if pipe.is_assignment {
            return self.set_variable(name, value);
        }
        if let Some(index) = self.variables.len().checked_sub(from_top) {
            self.variables[index].1 = value;
        }
        Ok(())
    }

    fn set_variable(&mut self, name: &str, value: Value) -> Walked {
        match self.variables.iter_mut().rev().find(|(known, _)| &**known == name) {
            Some(variable) => variable.1 = value,
            None => return self.fail(&format!("undefined variable: {name}")),
        }
        Ok(())
    }

    fn template(&mut self, dot: &Value, name: &str, pipe: Option<&'s Pipe>) -> Walked {
        let Some(tree) = self.templates.get(name) else {
            return self.fail(&format!("template {} not defined", quote(name)));
        };
        if self.depth >= TEMPLATE_DEPTH_MAX {
            return self.fail(&format!("exceeded maximum template depth ({TEMPLATE_DEPTH_MAX})"));
        }
        let data = match pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Value::Missing,
        };
        let mut inner = State::new(self.run, self.templates, &tree, data.clone(), self.depth + 1);
        inner.list(&data, &tree.root)?;
        let printed = inner.out;
        self.print(&printed)
    }
}
