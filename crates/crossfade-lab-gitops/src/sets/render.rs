//! The two template languages of ApplicationSets, over texts and over whole objects.
//!
//! `goTemplate: true` is Go's with Sprig; otherwise `{{key}}` is looked up among flat parameters, and what is not known
//! stays as it is written.

use crossfade_gotemplate::{Functions, MissingKey, Moment, Sources, Template};
use serde_json::{Map, Value};

use crate::object::{list, text, truth};

/// What Argo CD calls its templates; errors name it.
const TEMPLATE_NAME: &str = "base";

/// Parameters by name: flat texts for the plain language, any JSON for Go's.
pub(crate) type Params = Map<String, Value>;

/// A template language with its options.
#[derive(Clone)]
pub(crate) enum Engine {
    Go(MissingKey, Box<Functions>),
    Plain,
}

impl Engine {
    /// The language of an ApplicationSet.
    pub(crate) fn of(set: &Value) -> Result<Engine, String> {
        if !truth(&set["spec"]["goTemplate"]) {
            return Ok(Engine::Plain);
        }
        let mut missing = MissingKey::default();
        for option in list(&set["spec"]["goTemplateOptions"]).iter().map(text) {
            missing =
                MissingKey::from_option(option).ok_or_else(|| format!("unrecognized option: {option}"))?;
        }
        Ok(Engine::Go(missing, Box::new(Functions::argo_application_sets())))
    }

    pub(crate) fn is_go(&self) -> bool {
        matches!(self, Engine::Go(..))
    }

    /// Renders one text.
    pub(crate) fn render(&self, template: &str, params: &Params) -> Result<String, String> {
        if !template.contains("{{") {
            return Ok(template.to_owned());
        }
        match self {
            Engine::Plain => plain(template, params),
            Engine::Go(missing, functions) => {
                let parsed = Template::parse(TEMPLATE_NAME, template, functions, *missing)
                    .map_err(|error| format!("failed to parse template {template}: {error}"))?;
                let now = Moment::from_seconds(jiff::Timestamp::now().as_second());
                parsed
                    .render(&Value::Object(params.clone()), &Sources { now, ..Sources::default() })
                    .map_err(|error| format!("failed to execute go template {template}: {error}"))
            }
        }
    }

    /// Renders every text in a value, keys too.
    pub(crate) fn render_all(&self, value: &Value, params: &Params) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => self.render(text, params)?.into(),
            Value::Array(items) => {
                let items: Result<Vec<Value>, String> =
                    items.iter().map(|item| self.render_all(item, params)).collect();
                items?.into()
            }
            Value::Object(map) => {
                let mut rendered = Map::new();
                for (key, value) in map {
                    rendered.insert(self.render(key, params)?, self.render_all(value, params)?);
                }
                rendered.into()
            }
            other => other.clone(),
        })
    }
}

fn plain(template: &str, params: &Params) -> Result<String, String> {
    let mut rendered = String::new();
    let mut rest = template;
    while let Some(start) = rest.find("{{") {
        let after = &rest[start + 2..];
        let Some(end) = after.find("}}") else {
            return Err(format!(
                "invalid template: Cannot find end tag=\"}}}}\" in the template=\"{template}\""
            ));
        };
        let tag = &after[..end];
        rendered.push_str(&rest[..start]);
        match params.get(tag.trim()) {
            Some(Value::String(value)) if !tag.trim().is_empty() => rendered.push_str(value),
            _ => {
                rendered.push_str("{{");
                rendered.push_str(tag);
                rendered.push_str("}}");
            }
        }
        rest = &after[end + 2..];
    }
    rendered.push_str(rest);
    Ok(rendered)
}

/// The values of a generator, rendered with its other parameters, which they then join.
pub(crate) fn add_values(engine: &Engine, values: &Value, params: &mut Params) -> Result<(), String> {
    let mut rendered = Map::new();
    for (key, value) in crate::object::entries(values) {
        let value = engine.render(text(value), params).map_err(|error| {
            format!("failed to replace templated string: failed to replace templated string with rendered values: {error}")
        })?;
        rendered.insert(key.clone(), value.into());
    }
    if rendered.is_empty() {
        return Ok(());
    }
    if engine.is_go() {
        params.insert("values".to_owned(), rendered.into());
    } else {
        params.extend(rendered.into_iter().map(|(key, value)| (format!("values.{key}"), value)));
    }
    Ok(())
}
