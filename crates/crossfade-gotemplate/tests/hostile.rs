//! Charts that mean harm are refused with a message; the process stays.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crossfade_gotemplate::{Chart, Functions, MissingKey, ReleaseOptions, Sources, Template, Values, render};

/// Far above what the limits allow an unoptimized build on a slow machine to take.
const PATIENCE: Duration = Duration::from_mins(1);

fn mk_chart(template: &str, values: &str) -> Result<Chart, String> {
    let files = [
        ("Chart.yaml", "apiVersion: v2\nname: h\nversion: 1.0.0\n"),
        ("values.yaml", values),
        ("templates/a.yaml", template),
    ];
    let files: BTreeMap<String, Vec<u8>> =
        files.into_iter().map(|(path, text)| (path.to_owned(), text.into())).collect();
    Chart::from_files(files).map_err(|error| error.to_string())
}

fn outcome(template: &str, values: &str) -> String {
    let started = Instant::now();
    let rendered = mk_chart(template, values).and_then(|chart| {
        render(&chart, &Values::new(), &ReleaseOptions::default()).map_err(|error| error.to_string())
    });
    assert!(started.elapsed() < PATIENCE, "{template} took {:?}", started.elapsed());
    match rendered {
        Ok(rendered) => rendered.to_text(false),
        Err(message) => message,
    }
}

#[test]
fn recursion_without_end_is_refused() {
    for (template, message) in [
        ("{{ define \"a\" }}{{ include \"a\" . }}{{ end }}{{ include \"a\" . }}", "nested reference name: a"),
        ("{{ define \"a\" }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}", "maximum template depth"),
        ("{{ tpl .Values.t . }}", "maximum template depth"),
        (
            "{{ define \"a\" }}{{ tpl \"{{ include \\\"a\\\" . }}\" . }}{{ end }}{{ include \"a\" . }}",
            "unable to execute",
        ),
    ] {
        let text = outcome(template, "t: \"{{ tpl .Values.t . }}\"\n");
        assert!(text.contains(message), "{template}: {}", &text[text.len().saturating_sub(300)..]);
    }
    // Levels that are themselves as deep as a text may be.
    let inner = format!("{}include \"a\" .{}", "(".repeat(190), ")".repeat(190));
    let parentheses =
        format!("{{{{ define \"a\" }}}}{{{{ {inner} }}}}{{{{ end }}}}{{{{ include \"a\" . }}}}");
    let branches =
        format!("{}{{{{ include \"a\" . }}}}{}", "{{ with 1 }}".repeat(190), "{{ end }}".repeat(190));
    let branches = format!("{{{{ define \"a\" }}}}{branches}{{{{ end }}}}{{{{ include \"a\" . }}}}");
    let printed = format!(
        "{{{{ define \"a\" }}}}{{{{ {}include \"a\" .{} }}}}{{{{ end }}}}{{{{ include \"a\" . }}}}",
        "print (".repeat(190),
        ")".repeat(190)
    );
    for template in [parentheses, branches, printed] {
        let text = outcome(&template, "");
        assert!(text.contains("nests deeper"), "{}", &text[text.len().saturating_sub(300)..]);
    }
}

#[test]
fn work_without_end_is_refused() {
    for (template, message) in [
        ("{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}", "steps"),
        ("{{ range 1000000000 }}{{ end }}", "steps"),
        ("{{ range $i := until 1000 }}{{ $_ := uniq (until 10000) }}{{ end }}", "steps"),
        ("{{ until 100000000 }}", "list of more than"),
        ("{{ untilStep 0 9223372036854775807 1 }}", "list of more than"),
        ("{{ seq 0 100000000 }}", "list of more than"),
        ("{{ repeat 1000000000 \"x\" }}", "text of more than"),
        ("{{ repeat 9223372036854775807 \"xx\" }}", "text of more than"),
        ("{{ indent 100000000 \"a\\nb\" }}", "text of more than"),
        ("{{ printf \"%0999999d%0999999d\" 1 1 | repeat 100 }}", "text of more than"),
        ("{{ $s := \"ab\" }}{{ range until 64 }}{{ $s = print $s $s }}{{ end }}", "text"),
        ("{{ $s := repeat 100000 \"a\" }}{{ replace \"a\" $s $s }}", "text of more than"),
        ("{{ $s := repeat 100000 \"a\" }}{{ regexReplaceAll \"a\" $s $s }}", "text of more than"),
        ("{{ $l := list 1 }}{{ range until 64 }}{{ $l = concat $l $l }}{{ end }}", "list of more than"),
        ("{{ randAlphaNum 999999999 }}", "text of more than"),
        ("{{ range until 1000000 }}{{ repeat 1000 \"x\" }}{{ end }}", "more than"),
        ("{{ regexFind \"((((a{1000}){1000}){1000}){1000})\" \"a\" }}", "error parsing regexp"),
    ] {
        let text = outcome(template, "");
        assert!(text.contains(message), "{template}: {}", &text[text.len().saturating_sub(300)..]);
    }
}

#[test]
fn values_that_hold_themselves_end() {
    for (template, expected) in [
        ("{{ $d := dict }}{{ $_ := set $d \"a\" $d }}x: {{ toYaml $d | quote }}", "x: \"\""),
        ("{{ $d := dict }}{{ $_ := set $d \"a\" $d }}x: {{ toJson $d | quote }}", "x: \"\""),
        ("{{ $d := dict }}{{ $_ := set $d \"a\" $d }}{{ $d }}", "too large or too deep"),
        ("{{ $d := dict }}{{ $_ := set $d \"a\" $d }}{{ deepCopy $d }}", "too large or too deep"),
        ("{{ $d := dict }}{{ $_ := set $d \"a\" $d }}{{ printf \"%s\" $d }}", "too large or too deep"),
        (
            "{{ $d := dict }}{{ $_ := set $d \"a\" $d }}{{ $e := dict }}{{ $_ := set $e \"a\" $e }}{{ deepEqual $d $e }}",
            "too large or too deep",
        ),
        ("{{ $d := dict }}{{ range until 100000 }}{{ $d = dict \"a\" $d }}{{ end }}x: 1", "x: 1"),
        ("{{ $d := list }}{{ range until 100000 }}{{ $d = list $d }}{{ end }}x: 1", "x: 1"),
        (
            "{{ $d := dict \"x\" 1 }}{{ range until 100 }}{{ $d = dict \"a\" $d \"b\" $d }}{{ end }}{{ deepCopy $d }}",
            "too large or too deep",
        ),
        (
            "{{ $d := dict \"x\" 1 }}{{ range until 100 }}{{ $d = dict \"a\" $d \"b\" $d }}{{ end }}{{ $d | len }}: {{ print $d }}",
            "too large or too deep",
        ),
    ] {
        let text = outcome(template, "");
        assert!(text.contains(expected), "{template}: {}", &text[text.len().saturating_sub(300)..]);
    }
}

#[test]
fn texts_that_nest_without_end_are_refused() {
    let deep =
        |open: &str, close: &str, count: usize| format!("{}1{}", open.repeat(count), close.repeat(count));
    let parentheses = format!("a: {{{{ {} }}}}", deep("(", ")", 100_000));
    assert!(outcome(&parentheses, "").contains("max nesting depth"));
    let branches = deep("{{ if 1 }}", "{{ end }}", 100_000);
    assert!(outcome(&branches, "").contains("max nesting depth"));
    let mut else_ifs = "{{ if 0 }}".to_owned();
    for _ in 0..100_000 {
        else_ifs += "{{ else if 0 }}";
    }
    assert!(outcome(&(else_ifs + "{{ end }}"), "").contains("max nesting depth"));
    assert!(outcome("a: 1", &deep("[", "]", 100_000)).starts_with("cannot load values.yaml"));
    let mut bomb = "a0: &a0 [x, x]\n".to_owned();
    for level in 1..60 {
        let before = level - 1;
        let _ = writeln!(bomb, "a{level}: &a{level} [*a{before}, *a{before}]");
    }
    assert!(outcome("a: 1", &bomb).contains("excessive aliasing"));
    let json = format!("{{{{ fromJson {:?} }}}}", deep("[", "]", 100_000));
    assert!(outcome(&json, "").contains("cannot unmarshal string"));
}

#[test]
fn a_schema_that_leads_back_to_itself_ends() {
    let schema = r##"{"anyOf": [{"not": {"$ref": "#"}}, {"not": {"$ref": "#"}}, {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}]}"##;
    let files = [
        ("Chart.yaml", "apiVersion: v2\nname: h\nversion: 1.0.0\n"),
        ("values.schema.json", schema),
        ("templates/a.yaml", "a: 1"),
    ];
    let files = files.into_iter().map(|(path, text)| (path.to_owned(), text.into())).collect();
    let started = Instant::now();
    // Whether it is said to fit does not matter: such a schema has no meaning.
    let rendered =
        Chart::from_files(files).and_then(|chart| render(&chart, &Values::new(), &ReleaseOptions::default()));
    assert!(started.elapsed() < PATIENCE, "{rendered:?} took {:?}", started.elapsed());
}

#[test]
fn bare_templates_have_the_same_limits() {
    let functions = Functions::argo_application_sets();
    let template = Template::parse(
        "t",
        "{{ range until 1000000 }}{{ range until 1000000 }}{{ end }}{{ end }}",
        &functions,
        MissingKey::Error,
    );
    let failed = template.and_then(|template| template.render(&serde_json::json!({}), &Sources::default()));
    assert!(failed.is_err_and(|error| error.to_string().contains("steps")));
}
