//! From an ApplicationSet's generators to parameters, each with the template that they are for.

use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::combine::{cell, is_selected, merged};
use super::params::is_zero;
use super::render::{Engine, Params};
use super::{clusters, files};
use crate::git::{Fresh, Git};
use crate::object::{list, text};

/// Generators inside of generators: Argo CD takes two levels.
const DEPTH_MAX: usize = 3;
/// A matrix can multiply: more Applications than this are a mistake.
const PARAMS_MAX: usize = 10_000;

/// The generators, in the order Argo CD looks at them, and whether the agent has them.
const GENERATORS: [(&str, bool); 9] = [
    ("list", true),
    ("clusters", true),
    ("git", true),
    ("scmProvider", false),
    ("clusterDecisionResource", false),
    ("pullRequest", false),
    ("matrix", true),
    ("merge", true),
    ("plugin", false),
];

/// What generators read.
pub(super) struct Inputs<'i> {
    pub(super) engine: Engine,
    pub(super) secrets: Vec<Arc<Value>>,
    pub(super) git: &'i Git,
    pub(super) fresh: Fresh,
}

/// Parameters and the template they are put into.
pub(super) struct Generated {
    pub(super) template: Value,
    pub(super) params: Vec<Params>,
}

type Boxed<'f, T> = Pin<Box<dyn Future<Output = T> + Send + 'f>>;

impl Inputs<'_> {
    /// What one of `spec.generators` makes; `known` are parameters that it may use itself.
    pub(super) fn transform<'f>(
        &'f self,
        generator: &'f Value,
        base_template: &'f Value,
        known: Option<&'f Params>,
        depth: usize,
    ) -> Boxed<'f, Result<Vec<Generated>, String>> {
        Box::pin(async move {
            if depth > DEPTH_MAX {
                return Err(format!("generators inside of generators, more than {DEPTH_MAX} levels"));
            }
            let mut found = Vec::new();
            for (kind, is_known) in GENERATORS {
                let Some(own) = generator.get(kind).filter(|own| !own.is_null()) else { continue };
                if !is_known {
                    return Err(format!("the {kind} generator is not one of those that the lab's agent has"));
                }
                let mut template = own["template"].clone();
                overlay(&mut template, base_template);
                let interpolated = match known.filter(|known| !known.is_empty()) {
                    Some(known) => self.interpolated(kind, own, known)?,
                    None => own.clone(),
                };
                let all = self.params(kind, &interpolated, depth).await?;
                let mut params = Vec::new();
                let selector = generator.get("selector").filter(|selector| !selector.is_null());
                for one in all {
                    if selector.map_or(Ok(true), |selector| is_selected(selector, &one))? {
                        params.push(one);
                    }
                }
                if params.len() > PARAMS_MAX {
                    return Err(format!(
                        "a generator made {} sets of parameters, more than {PARAMS_MAX}",
                        params.len()
                    ));
                }
                found.push(Generated { template, params });
            }
            Ok(found)
        })
    }

    fn interpolated(&self, kind: &str, own: &Value, known: &Params) -> Result<Value, String> {
        // Values and templates are rendered later, with the generator's own parameters as well; what is nested sees the
        // parameters of its own level.
        const LATER: [&str; 2] = ["template", "generators"];
        let mut interpolated = Map::new();
        for (key, value) in crate::object::entries(own) {
            let is_later = LATER.contains(&key.as_str()) || (key == "values" && kind != "list");
            let value = if is_later { value.clone() } else { self.engine.render_all(value, known)? };
            interpolated.insert(key.clone(), value);
        }
        let mut interpolated = Value::Object(interpolated);
        if let Some(values) = own.get("values").filter(|_| kind != "list") {
            interpolated["values"] = self.partly_rendered(values, known);
        }
        Ok(interpolated)
    }

    /// Values may use parameters of both generators: what the first cannot say yet stays a template.
    fn partly_rendered(&self, values: &Value, known: &Params) -> Value {
        let one = |value: &Value| {
            self.engine.render(text(value), known).map_or_else(|_| value.clone(), Value::from)
        };
        crate::object::entries(values)
            .map(|(key, value)| (key.clone(), one(value)))
            .collect::<Map<_, _>>()
            .into()
    }

    async fn params(&self, kind: &str, own: &Value, depth: usize) -> Result<Vec<Params>, String> {
        match kind {
            "list" => clusters::generate_list(own, &self.engine),
            "clusters" => clusters::generate(own, &self.secrets, &self.engine),
            "git" => files::generate(own, self.git, &self.engine, self.fresh).await,
            "matrix" => self.matrix(own, depth).await,
            _ => self.merge(own, depth).await,
        }
    }

    async fn matrix(&self, own: &Value, depth: usize) -> Result<Vec<Params>, String> {
        let [first, second] = list(&own["generators"]) else {
            let is_few = list(&own["generators"]).len() < 2;
            let problem = if is_few {
                "found less than two generators, Matrix support only two"
            } else {
                "found more than two generators, Matrix support only two"
            };
            return Err(problem.to_owned());
        };
        let firsts = self.nested(first, None, depth).await.map_err(|error| {
            format!("error failed to get params for first generator in matrix generator: {error}")
        })?;
        let mut cells = Vec::new();
        for first in firsts {
            let seconds = self.nested(second, Some(&first), depth).await.map_err(|error| {
                format!("failed to get params for second generator in the matrix generator: {error}")
            })?;
            for second in seconds {
                cells.push(cell(&self.engine, &first, &second)?);
            }
            if cells.len() > PARAMS_MAX {
                return Err(format!("a matrix of more than {PARAMS_MAX} cells"));
            }
        }
        Ok(cells)
    }

    async fn merge(&self, own: &Value, depth: usize) -> Result<Vec<Params>, String> {
        let generators = list(&own["generators"]);
        if generators.len() < 2 {
            return Err("found less than two generators, Merge requires two or more".to_owned());
        }
        let mut generated = Vec::new();
        for (index, generator) in generators.iter().enumerate() {
            let params = self.nested(generator, None, depth).await.map_err(|error| {
                let of = generators.len();
                format!("error getting param sets from generators: error getting params from generator {} of {of}: {error}", index + 1)
            })?;
            generated.push(params);
        }
        let keys: Vec<&str> = list(&own["mergeKeys"]).iter().map(text).collect();
        merged(&self.engine, &keys, &generated)
    }

    async fn nested(
        &self,
        generator: &Value,
        known: Option<&Params>,
        depth: usize,
    ) -> Result<Vec<Params>, String> {
        let made = self
            .transform(generator, &Value::Null, known, depth + 1)
            .await
            .map_err(|error| format!("child generator returned an error on parameter generation: {error}"))?;
        let mut made = made.into_iter();
        match (made.next(), made.next()) {
            (None, _) => Err("child generator generated no parameters".to_owned()),
            (Some(one), None) => Ok(one.params),
            (Some(_), Some(_)) => Err("found more than one generator in matrix.Generators".to_owned()),
        }
    }
}

/// A generator's template wins where it says something; the set's fills the rest.
fn overlay(template: &mut Value, base: &Value) {
    if !template.is_object() {
        *template = base.clone();
        return;
    }
    for (key, value) in crate::object::entries(base) {
        let own = &mut template[key.as_str()];
        match (&*own, value) {
            (Value::Object(_), Value::Object(_)) => overlay(own, value),
            (own_value, _) if is_zero(own_value) => *own = value.clone(),
            _ => {}
        }
    }
}
