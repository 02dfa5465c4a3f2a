//! Go structs as templates see them: named fields, a few methods, another face as JSON.

use std::rc::Rc;

use super::version::KubeVersion;
use crate::chart::{Dependency, Import, Metadata};
use crate::error::CallError;
use crate::value::{Element, Map, Object, Value};

/// A struct.
#[derive(Clone)]
struct Record {
    type_name: &'static str,
    fields: Vec<Field>,
    /// Methods without parameters, and what they return.
    methods: Vec<(&'static str, Value)>,
    /// `String()`
    text: Option<String>,
}

/// A field of a struct.
#[derive(Clone)]
struct Field {
    /// Go's name.
    name: &'static str,
    /// The name in JSON.
    key: &'static str,
    value: Value,
    /// Whether JSON has it also when it is empty.
    stays: bool,
}

fn field(name: &'static str, key: &'static str, value: impl Into<Value>) -> Field {
    Field { name, key, value: value.into(), stays: false }
}

fn record(type_name: &'static str, fields: Vec<Field>) -> Record {
    Record { type_name, fields, methods: Vec::new(), text: None }
}

impl Record {
    fn in_json(&self) -> impl Iterator<Item = (&'static str, Value)> {
        let fields = self.fields.iter().filter(|field| field.stays || field.value.is_true());
        fields.map(|field| (field.key, field.value.clone()))
    }

    fn into_value(self) -> Value {
        Value::Object(Rc::new(self))
    }
}

impl Object for Record {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn kind(&self) -> &'static str {
        if self.type_name.starts_with('*') { "ptr" } else { "struct" }
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields.iter().find(|field| field.name == name).map(|field| field.value.clone())
    }

    fn method(&self, name: &str) -> Option<&'static str> {
        self.methods.iter().any(|(known, _)| *known == name).then_some("")
    }

    fn call(&self, name: &str, _: &[Value]) -> Result<Value, CallError> {
        let method = self.methods.iter().find(|(known, _)| *known == name);
        Ok(method.map(|(_, value)| value.clone()).unwrap_or_default())
    }

    fn plain(&self) -> Value {
        self.fields.iter().map(|field| (field.name, field.value.clone())).collect::<Map>().into()
    }

    fn json(&self) -> Value {
        self.in_json().collect::<Map>().into()
    }

    fn json_fields(&self) -> Option<Vec<(&'static str, Value)>> {
        Some(self.in_json().collect())
    }

    fn shown_fields(&self) -> Option<Vec<(&'static str, Value)>> {
        let fields = self.fields.iter().map(|field| (field.name, field.value.clone()));
        self.text.is_none().then(|| fields.collect())
    }

    fn text(&self) -> String {
        if let Some(text) = &self.text {
            return text.clone();
        }
        let values: Vec<_> = self.fields.iter().map(|field| field.value.to_string()).collect();
        format!("{{{}}}", values.join(" "))
    }
}

/// `.Chart`: the metadata, whose fields count as its own, and whether it is the chart at the top.
struct ChartRecord {
    metadata: Rc<Record>,
    is_root: bool,
}

impl Object for ChartRecord {
    fn type_name(&self) -> &'static str {
        "struct { chart.Metadata; IsRoot bool }"
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "IsRoot" => Some(self.is_root.into()),
            "Metadata" => Some(Value::Object(self.metadata.clone())),
            name => self.metadata.field(name),
        }
    }

    fn plain(&self) -> Value {
        let plain = self.metadata.plain().as_map().unwrap_or_default();
        plain.set("IsRoot", self.is_root);
        plain.into()
    }

    fn json(&self) -> Value {
        self.json_fields().unwrap_or_default().into_iter().collect::<Map>().into()
    }

    fn json_fields(&self) -> Option<Vec<(&'static str, Value)>> {
        Some(self.metadata.in_json().chain([("IsRoot", self.is_root.into())]).collect())
    }

    fn shown_fields(&self) -> Option<Vec<(&'static str, Value)>> {
        Some(vec![("Metadata", Value::Object(self.metadata.clone())), ("IsRoot", self.is_root.into())])
    }

    fn text(&self) -> String {
        format!("{{{} {}}}", self.metadata.text(), self.is_root)
    }
}

/// A slice of a type; nil when nobody gave it.
fn slice(element: Element, items: impl ExactSizeIterator<Item = Value>) -> Value {
    if items.len() == 0 { Value::nil_list(element) } else { Value::list_of(element, items) }
}

fn texts(items: &[String]) -> Value {
    slice(Element::Text, items.iter().map(|item| item.as_str().into()))
}

/// `.Chart`
pub(super) fn chart(metadata: &Metadata, is_root: bool) -> Value {
    let maintainers = slice(Element::Maintainer, metadata.maintainers.iter().map(maintainer));
    let annotations = Map::of_text(metadata.annotations.iter().cloned());
    let dependencies = slice(Element::Dependency, metadata.dependencies.iter().map(dependency));
    let fields = vec![
        field("Name", "name", metadata.name.as_str()),
        field("Home", "home", metadata.home.as_str()),
        field("Sources", "sources", texts(&metadata.sources)),
        field("Version", "version", metadata.version.as_str()),
        field("Description", "description", metadata.description.as_str()),
        field("Keywords", "keywords", texts(&metadata.keywords)),
        field("Maintainers", "maintainers", maintainers),
        field("Icon", "icon", metadata.icon.as_str()),
        field("APIVersion", "apiVersion", metadata.api_version.as_str()),
        field("Condition", "condition", metadata.condition.as_str()),
        field("Tags", "tags", metadata.tags.as_str()),
        field("AppVersion", "appVersion", metadata.app_version.as_str()),
        field("Deprecated", "deprecated", metadata.deprecated),
        field("Annotations", "annotations", annotations),
        field("KubeVersion", "kubeVersion", metadata.kube_version.as_str()),
        field("Dependencies", "dependencies", dependencies),
        field("Type", "type", metadata.kind.as_str()),
    ];
    let metadata = Rc::new(record("chart.Metadata", fields));
    Value::Object(Rc::new(ChartRecord { metadata, is_root }))
}

fn maintainer([name, email, url]: &[String; 3]) -> Value {
    let fields = vec![
        field("Name", "name", name.as_str()),
        field("Email", "email", email.as_str()),
        field("URL", "url", url.as_str()),
    ];
    record("*chart.Maintainer", fields).into_value()
}

fn dependency(dependency: &Dependency) -> Value {
    let imports = slice(Element::Any, dependency.import_values.iter().map(import));
    let fields = vec![
        field("Name", "name", dependency.effective_name()),
        field("Version", "version", dependency.version.as_str()),
        Field { stays: true, ..field("Repository", "repository", dependency.repository.as_str()) },
        field("Condition", "condition", dependency.condition.as_str()),
        field("Tags", "tags", texts(&dependency.tags)),
        field("Enabled", "enabled", dependency.is_enabled),
        field("ImportValues", "import-values", imports),
        field("Alias", "alias", dependency.alias.as_str()),
    ];
    record("*chart.Dependency", fields).into_value()
}

fn import(import: &Import) -> Value {
    let sides = [("child", &import.child), ("parent", &import.parent)];
    Map::of_text(sides.map(|(side, path)| (side.to_owned(), path.clone()))).into()
}

/// `.Capabilities`
pub(super) fn capabilities(kube_version: &KubeVersion, api_versions: Vec<String>) -> Value {
    let stays = |name, value: &str| Field { stays: true, ..field(name, name, value) };
    let numbers = vec![
        stays("Version", &kube_version.text),
        stays("Major", &kube_version.major),
        stays("Minor", &kube_version.minor),
    ];
    let text = kube_version.text.as_str();
    let kube = Record {
        methods: vec![("String", text.into()), ("GitVersion", text.into())],
        text: Some(text.to_owned()),
        ..record("chartutil.KubeVersion", numbers)
    };
    let helm = vec![
        field("Version", "version", super::HELM_VERSION),
        field("GitCommit", "git_commit", ""),
        field("GitTreeState", "git_tree_state", ""),
        field("GoVersion", "go_version", super::GO_VERSION),
    ];
    let fields = vec![
        field("KubeVersion", "KubeVersion", kube.into_value()),
        field("APIVersions", "APIVersions", Value::Object(Rc::new(Versions(api_versions)))),
        field("HelmVersion", "HelmVersion", record("version.BuildInfo", helm).into_value()),
    ];
    let own = record("*chartutil.Capabilities", fields);
    let copy = own.clone().into_value();
    Record { methods: vec![("Copy", copy)], ..own }.into_value()
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
