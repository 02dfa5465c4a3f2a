//! Templates of ApplicationSets: the functions Argo CD gives them, and what a missing key means.

use crossfade_gotemplate::{Functions, MissingKey, Moment, Sources, Template};
use serde_json::{Value, json};

fn rendered(text: &str, data: &Value, missing: MissingKey) -> String {
    let functions = Functions::argo_application_sets();
    let sources = Sources { now: Moment::from_seconds(1_700_000_000), seed: 1, ..Sources::default() };
    let template = Template::parse("t", text, &functions, missing);
    match template.and_then(|template| template.render(data, &sources)) {
        Ok(text) => text,
        Err(error) => error.to_string(),
    }
}

#[test]
fn functions_are_those_of_argo_cd() {
    let data = json!({
        "name": "My_Cluster.One", "branch": "feature/add-a-very-long-thing", "port": 8080,
        "metadata": {"labels": {"env": "dev"}, "annotations": {"route53_weight": "100"}},
        "path": {"segments": ["envs", "dev"], "basename": "dev"}
    });
    for (text, expected) in [
        ("{{ .name | normalize }}", "my-cluster.one"),
        ("{{ .branch | slugify 12 }}", "feature-add"),
        ("{{ slugify 23 false .branch }}", "feature-add-a-very-long"),
        ("{{ .metadata.labels.env }}-{{ index .path.segments 1 }}", "dev-dev"),
        ("{{ index .metadata.annotations \"route53_weight\" }}", "100"),
        ("{{ .port }} {{ toYaml .metadata.labels }}", "8080 env: dev"),
        ("{{ (fromYaml \"a: {b: 1}\").a.b }} {{ fromYamlArray \"[1, 2]\" | len }}", "1 2"),
        ("{{ default \"x\" (dig \"labels\" \"none\" \"\" .metadata) | upper }}", "X"),
        ("{{ dateInZone \"2006-01-02\" now \"UTC\" }}", "2023-11-14"),
        ("{{ env \"HOME\" }}", "template: t:1: function \"env\" not defined"),
        ("{{ expandenv \"$HOME\" }}", "template: t:1: function \"expandenv\" not defined"),
        ("{{ getHostByName \"x\" }}", "template: t:1: function \"getHostByName\" not defined"),
        ("{{ include \"x\" . }}", "template: t:1: function \"include\" not defined"),
        (
            "{{ fromYaml \"- a\" }}",
            "template: t:1:3: executing \"t\" at <fromYaml \"- a\">: error calling fromYaml: error unmarshaling JSON: \
             while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}",
        ),
    ] {
        assert_eq!(rendered(text, &data, MissingKey::Error), expected, "{text}");
    }
}

#[test]
fn a_missing_key_is_what_the_option_says() {
    let data = json!({"a": {"b": 1}, "n": null});
    for (text, default, zero, error) in [
        (
            "{{ .x }}",
            "<no value>",
            "<no value>",
            "template: t:1:3: executing \"t\" at <.x>: map has no entry for key \"x\"",
        ),
        (
            "{{ .x.y }}",
            "<no value>",
            "template: t:1:5: executing \"t\" at <.x.y>: nil pointer evaluating interface {}.y",
            "template: t:1:3: executing \"t\" at <.x.y>: map has no entry for key \"x\"",
        ),
        ("{{ .a.b }}{{ .n }}", "1<no value>", "1<no value>", "1<no value>"),
        (
            "{{ .a.c | default 5 }}",
            "5",
            "5",
            "template: t:1:5: executing \"t\" at <.a.c>: map has no entry for key \"c\"",
        ),
    ] {
        assert_eq!(rendered(text, &data, MissingKey::Default), default, "{text}");
        assert_eq!(rendered(text, &data, MissingKey::Zero), zero, "{text}");
        let got = rendered(text, &data, MissingKey::Error);
        let (got, error) = (without_column(&got), without_column(error));
        assert_eq!(got, error, "{text}");
    }
    for (option, expected) in [
        ("missingkey=default", Some(MissingKey::Default)),
        ("missingkey=invalid", Some(MissingKey::Default)),
        ("missingkey=zero", Some(MissingKey::Zero)),
        ("missingkey=error", Some(MissingKey::Error)),
        ("missingkey=other", None),
        ("other", None),
    ] {
        assert_eq!(MissingKey::from_option(option), expected, "{option}");
    }
}

/// Where a chain stands, Go counts from its second part on.
fn without_column(message: &str) -> String {
    message.replacen("t:1:3:", "t:1:", 1).replacen("t:1:5:", "t:1:", 1)
}

#[test]
fn a_template_can_be_used_again_and_sent_to_other_threads() {
    fn is_sendable<T: Send + Sync + Clone>(_: &T) {}
    let template = Template::parse("t", "{{ $x := .n }}{{ $x }}", &Functions::go(), MissingKey::Error);
    let Ok(template) = template else { panic!("a template") };
    is_sendable(&template);
    for number in [1, 2] {
        let text = template.render(&json!({"n": number}), &Sources::default());
        assert_eq!(text, Ok(number.to_string()));
    }
}

#[test]
fn the_same_seed_draws_the_same() {
    let functions = Functions::sprig();
    let template = Template::parse("t", "{{ randAlphaNum 8 }} {{ uuidv4 }}", &functions, MissingKey::Default);
    let Ok(template) = template else { panic!("a template") };
    let draw = |seed| template.render(&json!(null), &Sources { seed, ..Sources::default() });
    assert_eq!(draw(7), draw(7));
    assert_ne!(draw(7), draw(8));
}
