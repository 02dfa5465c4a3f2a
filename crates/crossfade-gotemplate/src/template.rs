//! Bare templates: a text, functions to choose, data as JSON. What ApplicationSets need.
//!
//! Rendering runs on a thread of its own with a stack of a known size, so that a template that nests deeply is refused
//! at a limit instead of ending the process.

use std::rc::Rc;

use crate::certificates::CertificateIssuer;
use crate::dates::Moment;
use crate::error::Error;
use crate::execute::{Run, Templates};
use crate::functions::Functions;
use crate::json::from_serde;
use crate::limits::STACK_BYTES;

/// What a key that is not there means, Go's option `missingkey`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingKey {
    /// `default` and `invalid`: nothing, printed as `<no value>`; a key of nothing is nothing.
    #[default]
    Default,
    /// `zero`: nil, and a key of it is an error. What helm takes.
    Zero,
    /// `error`: an error. What `goTemplateOptions: ["missingkey=error"]` asks for.
    Error,
}

impl MissingKey {
    /// Reads an option of an ApplicationSet's `goTemplateOptions`.
    pub fn from_option(option: &str) -> Option<Self> {
        match option.strip_prefix("missingkey=")? {
            "default" | "invalid" => Some(Self::Default),
            "zero" => Some(Self::Zero),
            "error" => Some(Self::Error),
            _ => None,
        }
    }
}

/// What functions would otherwise take from the machine.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// What `now` returns.
    pub now: Moment,
    /// What `randAlphaNum`, `uuidv4`, `shuffle` and their like draw from. Never a source of secrets.
    pub seed: u64,
    /// Who makes certificates, if anyone does.
    pub certificates: Option<CertificateIssuer>,
}

/// A text that is known to be a template.
#[derive(Clone)]
pub struct Template {
    name: String,
    text: String,
    functions: Functions,
    missing: MissingKey,
}

impl Template {
    /// Parses a text; fails with Go's message when it is no template or calls unknown functions.
    pub fn parse(name: &str, text: &str, functions: &Functions, missing: MissingKey) -> Result<Self, Error> {
        on_deep_stack(|| crate::parse::parse(name, text, &|name| functions.has(name)).map(drop))?;
        Ok(Self { name: name.to_owned(), text: text.to_owned(), functions: functions.clone(), missing })
    }

    /// Renders it with data as its dot.
    pub fn render(&self, data: &serde_json::Value, sources: &Sources) -> Result<String, Error> {
        on_deep_stack(|| {
            let mut templates = Templates::default();
            for tree in crate::parse::parse(&self.name, &self.text, &|name| self.functions.has(name))? {
                templates.add(tree);
            }
            let run = Run::new(&self.functions, self.missing, sources);
            let printed = run.execute(&Rc::new(templates), &self.name, &from_serde(data));
            printed.map(crate::bytes::shown).map_err(|failure| Error::Execution(failure.text))
        })
    }
}

/// Runs something that may nest deeply.
pub(crate) fn on_deep_stack<T: Send>(work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("template".to_owned()).stack_size(STACK_BYTES);
        match thread.spawn_scoped(scope, work).map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => Err(Error::Execution(format!("cannot start a thread to render on: {error}"))),
        }
    })
}
