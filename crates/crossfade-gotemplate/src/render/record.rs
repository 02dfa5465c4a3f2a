//! Go structs as templates see them: named fields, a few methods, another face as JSON.

use std::rc::Rc;

use super::version::KubeVersion;
use crate::chart::Metadata;
use crate::error::CallError;
use crate::value::{Map, Object, Value};

/// A struct.
pub(super) struct Record {
    type_name: &'static str,
    /// Go's names.
    fields: Vec<(&'static str, Value)>,
    /// Names and values in JSON, in Go's order; our maps sort them.
    json: Map,
    /// `String()`
    text: Option<String>,
}

impl Object for Record {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn kind(&self) -> &'static str {
        if self.type_name.starts_with('*') { "ptr" } else { "struct" }
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    }

    fn method(&self, name: &str) -> Option<&'static str> {
        (self.text.is_some() && matches!(name, "String" | "GitVersion")).then_some("")
    }

    fn call(&self, _: &str, _: &[Value]) -> Result<Value, CallError> {
        Ok(self.text().into())
    }

    fn plain(&self) -> Value {
        self.fields.iter().map(|(name, value)| (*name, value.clone())).collect::<Map>().into()
    }

    fn json(&self) -> Value {
        self.json.clone().into()
    }

    fn text(&self) -> String {
        if let Some(text) = &self.text {
            return text.clone();
        }
        let values: Vec<_> = self.fields.iter().map(|(_, value)| value.to_string()).collect();
        format!("{{{}}}", values.join(" "))
    }
}

fn texts(items: &[String]) -> Value {
    Value::list(items.iter().map(|item| item.as_str().into()))
}

/// `.Chart`
pub(super) fn chart(metadata: &Metadata, is_root: bool) -> Value {
    let maintainers = Value::list(metadata.maintainers.iter().map(maintainer));
    let annotations: Map =
        metadata.annotations.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let dependencies = Value::list(metadata.dependencies.iter().map(dependency));
    let deprecated = Value::Bool(metadata.deprecated);
    let all: [(&'static str, &'static str, Value); 17] = [
        ("Name", "name", metadata.name.as_str().into()),
        ("Home", "home", metadata.home.as_str().into()),
        ("Sources", "sources", texts(&metadata.sources)),
        ("Version", "version", metadata.version.as_str().into()),
        ("Description", "description", metadata.description.as_str().into()),
        ("Keywords", "keywords", texts(&metadata.keywords)),
        ("Maintainers", "maintainers", maintainers),
        ("Icon", "icon", metadata.icon.as_str().into()),
        ("APIVersion", "apiVersion", metadata.api_version.as_str().into()),
        ("Condition", "condition", metadata.condition.as_str().into()),
        ("Tags", "tags", metadata.tags.as_str().into()),
        ("AppVersion", "appVersion", metadata.app_version.as_str().into()),
        ("Deprecated", "deprecated", deprecated),
        ("Annotations", "annotations", annotations.into()),
        ("KubeVersion", "kubeVersion", metadata.kube_version.as_str().into()),
        ("Dependencies", "dependencies", dependencies),
        ("Type", "type", metadata.kind.as_str().into()),
    ];
    let mut record = of("struct { chart.Metadata; IsRoot bool }", &all);
    record.fields.push(("IsRoot", is_root.into()));
    record.json.set("IsRoot", is_root);
    Value::Object(Rc::new(record))
}

/// A struct whose empty fields are left out of JSON.
fn of(type_name: &'static str, all: &[(&'static str, &'static str, Value)]) -> Record {
    let fields = all.iter().map(|(name, _, value)| (*name, value.clone())).collect();
    let filled = all.iter().filter(|(_, _, value)| value.is_true());
    let json = filled.map(|(_, key, value)| (*key, value.clone())).collect();
    Record { type_name, fields, json, text: None }
}

fn maintainer([name, email, url]: &[String; 3]) -> Value {
    let all = [
        ("Name", "name", name.as_str().into()),
        ("Email", "email", email.as_str().into()),
        ("URL", "url", url.as_str().into()),
    ];
    Value::Object(Rc::new(of("*chart.Maintainer", &all)))
}

fn dependency(dependency: &crate::chart::Dependency) -> Value {
    let all = [
        ("Name", "name", dependency.effective_name().into()),
        ("Version", "version", dependency.version.as_str().into()),
        ("Repository", "repository", dependency.repository.as_str().into()),
        ("Condition", "condition", dependency.condition.as_str().into()),
        ("Tags", "tags", texts(&dependency.tags)),
        ("Enabled", "enabled", dependency.is_enabled.into()),
        ("Alias", "alias", dependency.alias.as_str().into()),
    ];
    let record = of("*chart.Dependency", &all);
    // JSON has this field also when it is empty.
    record.json.set("repository", dependency.repository.as_str());
    Value::Object(Rc::new(record))
}

/// `.Capabilities`
pub(super) fn capabilities(kube_version: &KubeVersion, api_versions: Vec<String>) -> Value {
    let numbers = [
        ("Version", "Version", kube_version.text.as_str().into()),
        ("Major", "Major", kube_version.major.as_str().into()),
        ("Minor", "Minor", kube_version.minor.as_str().into()),
    ];
    let mut kube = of("chartutil.KubeVersion", &numbers);
    kube.text = Some(kube_version.text.clone());
    let helm = [
        ("Version", "version", super::HELM_VERSION.into()),
        ("GitCommit", "git_commit", "".into()),
        ("GitTreeState", "git_tree_state", "".into()),
        ("GoVersion", "go_version", "".into()),
    ];
    let all = [
        ("KubeVersion", "KubeVersion", Value::Object(Rc::new(kube))),
        ("APIVersions", "APIVersions", Value::Object(Rc::new(Versions(api_versions)))),
        ("HelmVersion", "HelmVersion", Value::Object(Rc::new(of("version.BuildInfo", &helm)))),
    ];
    Value::Object(Rc::new(of("*chartutil.Capabilities", &all)))
}

/// `.Capabilities.APIVersions`
struct Versions(Vec<String>);

impl Object for Versions {
    fn type_name(&self) -> &'static str {
        "chartutil.VersionSet"
    }

    fn kind(&self) -> &'static str {
        "slice"
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn method(&self, name: &str) -> Option<&'static str> {
        (name == "Has").then_some("s")
    }

    fn call(&self, _: &str, arguments: &[Value]) -> Result<Value, CallError> {
        let wanted = arguments.first().and_then(Value::as_str).unwrap_or_default();
        Ok(self.0.iter().any(|version| version == wanted).into())
    }

    fn plain(&self) -> Value {
        texts(&self.0)
    }
}
