//! Random charts: values of all kinds, and templates that put functions of many kinds together. The same seed makes the
//! same chart.
//!
//! Every line prints JSON, quoted text or indented YAML, so that the output is YAML whatever comes out; about one line in
//! thirty is given arguments of any type, to compare error messages.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

/// splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap_or(0)
    }

    fn one<'t>(&mut self, all: &[&'t str]) -> &'t str {
        all[self.below(all.len())]
    }
}

/// What an expression yields.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Int,
    Number,
    Bool,
    List,
    Map,
}

const KINDS: [Kind; 6] = [Kind::Text, Kind::Int, Kind::Number, Kind::Bool, Kind::List, Kind::Map];

/// Shapes of expressions: `s` text, `i` int literal or `int`, `n` any number, `b` bool, `l` list, `m` map, `a` any,
/// each behind a `%`.
const TEXTS: &[&str] = &[
    "(%s | upper)",
    "(lower %s)",
    "(trim %s)",
    "(title %s)",
    "(trunc %i %s)",
    "(substr 0 2 (printf \"%%s--\" %s))",
    "(replace %s %s %s)",
    "(printf \"%%s-%%v\" %s %a)",
    "(printf \"%%5.1f|%%v\" (float64 %n) %a)",
    "(print %a %a)",
    "(cat %a %s)",
    "(join \"-\" %l)",
    "(quote %a)",
    "(squote %a)",
    "(toString %a)",
    "(toJson %a)",
    "(toYaml %a)",
    "(b64enc %s)",
    "(sha256sum %s | trunc 8)",
    "(default %s %s)",
    "(ternary %s %s %b)",
    "(snakecase %s)",
    "(camelcase %s)",
    "(kebabcase %s)",
    "(trimSuffix %s %s)",
    "(trimPrefix %s %s)",
    "(trimAll %s %s)",
    "(indent (int (min 9 %i)) %s)",
    "(nindent (int (min 9 %i)) %s)",
    "(repeat (int (min 9 %i)) %s)",
    "(regexReplaceAll \"[a-c]+\" %s %s)",
    "(regexFind \"[0-9a-z]+\" %s)",
    "(kindOf %a)",
    "(typeOf %n)",
    "(toPrettyJson %m)",
    "(abbrev 6 %s)",
    "(swapcase %s)",
    "(initials %s)",
    "(untitle %s)",
    "(nospace %s)",
    "(wrap 7 %s)",
    "(b64dec (b64enc %s))",
    "(base %s)",
    "(dir %s)",
    "(clean %s)",
    "(ext %s)",
    "(urlquery %s)",
    "(html %s)",
    "(toRawJson %a)",
    "(get %m \"a\" | toString)",
    "(dig \"a\" %s (dict \"b\" %a))",
    "(printf \"%%q %%x\" %s %s)",
    "(seq (int (min 9 %i)))",
    "(tpl \"{{ .x }}-{{ .y | quote }}\" (dict \"x\" %a \"y\" %s))",
    "(include \"helper\" (dict \"v\" %a))",
    "(printf \"%%d|%%v|%%T\" %i %n %n)",
    "(adler32sum %s)",
    "(b32enc %s)",
    "(coalesce %s %s)",
    "(plural %s %s %i)",
    "(toYamlPretty %m)",
    "(println %a %n)",
    "(regexQuoteMeta %s)",
    "(contains %s %s | toString)",
];
const INTS: &[&str] =
    &["(len %l)", "(len %s)", "(len %m)", "(int %n)", "(int %a)", "(atoi %s)", "(len (toJson %a))"];
const NUMBERS: &[&str] = &[
    "(add %n %n)",
    "(sub %n %n)",
    "(mul %n %n)",
    "(max %n %n)",
    "(min %n %n)",
    "(add1 %n)",
    "(floor %n)",
    "(ceil %n)",
    "(round %n 1)",
    "(addf %n %n)",
    "(subf %n %n)",
    "(mulf %n %n)",
    "(int64 %a)",
    "(float64 %a)",
    "(div %n 3)",
    "(mod (int %n) 4)",
    "(divf %n 4)",
    "(maxf %n %n)",
    "(minf %n %n)",
    "(toDecimal %i)",
    "(biggest %n %n)",
];
const BOOLS: &[&str] = &[
    "(eq %s %s)",
    "(ne %s %s)",
    "(lt %i %i)",
    "(ge %i %i)",
    "(and %b %b)",
    "(or %b %b)",
    "(not %a)",
    "(empty %a)",
    "(has %a %l)",
    "(hasKey %m \"a\")",
    "(contains %s %s)",
    "(hasPrefix %s %s)",
    "(hasSuffix %s %s)",
    "(kindIs \"string\" %a)",
    "(deepEqual %a %a)",
    "(regexMatch \"^[a-z]\" %s)",
    "(all %a %a)",
    "(any %a %a)",
    "(semverCompare \">=1.2\" (printf \"%%d.%%d.0\" %i %i))",
    "(eq %b %b)",
];
const LISTS: &[&str] = &[
    "(list %a %a)",
    "(append %l %a)",
    "(prepend %l %a)",
    "(rest %l)",
    "(initial %l)",
    "(reverse %l)",
    "(uniq %l)",
    "(without %l %a)",
    "(compact %l)",
    "(concat %l %l)",
    "(sortAlpha %l)",
    "(until (int (min 9 %i)))",
    "(untilStep 0 (int (min 9 %i)) 2)",
    "(splitList %s %s)",
    "(keys %m | sortAlpha)",
    "(toStrings %l)",
    "(fromYamlArray (toYaml %l))",
    "(chunk 2 %l)",
    "(fromJsonArray (toJson %l))",
    "(regexFindAll \"[a-z]\" %s -1)",
    "(regexSplit \"a\" %s -1)",
    "(pluck \"a\" %m %m)",
    "(deepCopy %l)",
    "(slice (append %l 1) 0 1)",
];
const MAPS: &[&str] = &[
    "(dict \"a\" %a \"b c\" %a)",
    "(merge (deepCopy %m) %m)",
    "(mergeOverwrite (deepCopy %m) %m)",
    "(pick %m \"a\" \"s\")",
    "(omit %m \"a\")",
    "(set (deepCopy %m) \"k\" %a)",
    "(unset (deepCopy %m) \"a\")",
    "(fromYaml (toYaml %m))",
    "(fromJson (toJson %m))",
    "(deepCopy %m)",
    "(dict %s %a)",
    "(split \".\" %s)",
    "(urlParse (printf \"http://h/%%s\" (urlquery %s)))",
];

struct Generator {
    random: Random,
}

impl Generator {
    fn leaf(&mut self, kind: Kind) -> String {
        let random = &mut self.random;
        match kind {
            Kind::Text => match random.below(3) {
                0 => format!(".Values.{}", random.one(&["s", "t", "u", "url", "multi"])),
                _ => random
                    .one(&[
                        "\"\"",
                        "\"a\"",
                        "\"abc\"",
                        "\"Foo Bar\"",
                        "\"fooBarBaz\"",
                        "\"x-y_z\"",
                        "\"1\"",
                        "\"true\"",
                        "\"a.b.c\"",
                        "\" sp \"",
                        "\"ü\"",
                        "\"a: b\"",
                        "\"l1\\nl2\"",
                        "\"HTTPServer2x\"",
                        "\"-\"",
                        "\"<&>\"",
                        "\"/a/b.txt\"",
                        "\"0x1f\"",
                        "\"1.50\"",
                        "\"it's\"",
                    ])
                    .to_owned(),
            },
            Kind::Int => random.one(&["0", "1", "2", "3", "5", "10"]).to_owned(),
            Kind::Number => random
                .one(&[
                    "1",
                    "-2",
                    "3.5",
                    "0",
                    ".Values.i",
                    ".Values.f",
                    ".Values.big",
                    "(int .Values.i)",
                    "1000000",
                    "0.1",
                    "(int64 7)",
                ])
                .to_owned(),
            Kind::Bool => random.one(&["true", "false", ".Values.on"]).to_owned(),
            Kind::List => random
                .one(&[".Values.l", ".Values.mixed", "(list)", "(list 1 \"a\" nil)", "(list 2.0 2)"])
                .to_owned(),
            Kind::Map => random
                .one(&[".Values.m", ".Values.m.sub", "dict", "(dict \"a\" 1)", ".Values.deep"])
                .to_owned(),
        }
    }

    fn expression(&mut self, kind: Kind, depth: usize) -> String {
        if depth == 0 || self.random.below(4) == 0 {
            let leaf = self.leaf(kind);
            return if leaf == "dict" { "(dict)".to_owned() } else { leaf };
        }
        // A wrong kind now and then.
        let kind = if self.random.below(150) == 0 { KINDS[self.random.below(6)] } else { kind };
        let shape = self.random.one(match kind {
            Kind::Text => TEXTS,
            Kind::Int => INTS,
            Kind::Number => NUMBERS,
            Kind::Bool => BOOLS,
            Kind::List => LISTS,
            Kind::Map => MAPS,
        });
        let mut out = String::new();
        let mut letters = shape.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                out.push(letter);
                continue;
            }
            let kind = match letters.next() {
                Some('s') => Kind::Text,
                Some('i') => Kind::Int,
                Some('n') => Kind::Number,
                Some('b') => Kind::Bool,
                Some('l') => Kind::List,
                Some('m') => Kind::Map,
                Some('%') => {
                    out.push('%');
                    continue;
                }
                _ => KINDS[self.random.below(6)],
            };
            out.push_str(&self.expression(kind, depth - 1));
        }
        out
    }

    fn line(&mut self, index: usize) -> String {
        let kind = KINDS[self.random.below(6)];
        let expression = self.expression(kind, 3);
        match self.random.below(8) {
            0 => format!("k{index}: {{{{ {expression} | quote }}}}\n"),
            1 => format!("k{index}:{{{{ dict \"v\" {expression} | toYaml | nindent 2 }}}}\n"),
            2 => {
                let list = self.expression(Kind::List, 2);
                let inner = self.leaf(Kind::Text);
                format!(
                    "k{index}:\n{{{{- range $i, $v := {list} }}}}\n- {{{{ toJson (list $i $v {inner} {expression}) }}}}\n{{{{- else }}}}\n- none\n{{{{- end }}}}\n"
                )
            }
            3 => {
                let condition = self.expression(kind, 2);
                format!(
                    "k{index}: {{{{ if {condition} }}}}{{{{ toJson {expression} }}}}{{{{ else }}}}no{{{{ end }}}}\n"
                )
            }
            4 => format!(
                "k{index}: {{{{ with {expression} }}}}{{{{ toJson . }}}}{{{{ else }}}}none{{{{ end }}}}\n"
            ),
            5 => format!("k{index}: {{{{ printf \"%v\" {expression} | toJson }}}}\n"),
            _ => format!("k{index}: {{{{ {expression} | toJson }}}}\n"),
        }
    }

    fn scalar(&mut self) -> &'static str {
        self.random.one(&[
            "1",
            "0",
            "-3",
            "2.5",
            "1e3",
            "12345678",
            "true",
            "false",
            "null",
            "\"\"",
            "\"yes\"",
            "abc",
            "\"a b: c\"",
            "\"01\"",
            "[]",
            "{}",
            "[1, a]",
            "{x: 1}",
            "'it''s'",
            "no",
        ])
    }

    fn values(&mut self) -> String {
        let mut out = String::from("url: https://example.org/a?b=c\nmulti: |\n  one\n    two\n\n  three\n");
        for name in ["s", "t", "u"] {
            let text = self.random.one(&[
                "abc",
                "\"Hello World\"",
                "\"\"",
                "\"a.b-c\"",
                "\"12\"",
                "\"x\\ty\"",
                "ünï",
            ]);
            let _ = writeln!(out, "{name}: {text}");
        }
        let _ = writeln!(
            out,
            "i: {}\nf: {}\nbig: {}\non: {}",
            self.random.below(20),
            self.random.one(&["0.5", "1.25", "3.0", "-2.75"]),
            self.random.one(&["1000000", "123456789012", "7"]),
            self.random.one(&["true", "false"])
        );
        let (a, b, c) = (self.scalar(), self.scalar(), self.scalar());
        let _ = writeln!(out, "l: [b, a, c]\nmixed: [{a}, {b}, {c}]");
        let (a, b, c) = (self.scalar(), self.scalar(), self.scalar());
        let _ = writeln!(out, "m: {{a: {a}, b: {b}, s: text, sub: {{a: {c}, q: 1}}}}");
        let (a, b) = (self.scalar(), self.scalar());
        let _ = writeln!(out, "deep:\n  a:\n    b:\n    - {a}\n    - k: {b}\n  \"10\": x\n  \"9\": y");
        out
    }
}

/// Names that meet in charts, subcharts and given values: some are those of the subcharts.
const NAMES: &[&str] = &["a", "b", "c", "global", "child", "grand", "deep", "enabled"];

impl Generator {
    /// A tree of values that meets others: few names, many nulls.
    fn tree(&mut self, depth: usize) -> String {
        let count = 1 + self.random.below(5);
        let mut entries: Vec<String> = Vec::new();
        for name in (0..count).map(|_| self.random.one(NAMES)).collect::<Vec<_>>() {
            if entries.iter().any(|entry| entry.starts_with(&format!("{name}:"))) {
                continue;
            }
            let value = match self.random.below(7) {
                0 | 1 => "null".to_owned(),
                2 | 3 if depth > 0 => self.tree(depth - 1),
                4 => self.random.one(&["true", "false"]).to_owned(),
                5 => self.random.one(&["[]", "[1, x]", "{}"]).to_owned(),
                _ => self.random.one(&["1", "x", "2.5", "\"\""]).to_owned(),
            };
            // A subchart's values are a table, or helm refuses the chart.
            let is_table = matches!(name, "child" | "grand" | "global");
            let value = if is_table && !value.starts_with('{') { "{}".to_owned() } else { value };
            entries.push(format!("{name}: {value}"));
        }
        format!("{{{}}}", entries.join(", "))
    }

    /// What a chart of charts is made of: values at three levels, conditions, tags, imports, and given values.
    fn family(&mut self) -> Vec<(&'static str, String)> {
        let show = "v: {{ .Values | toJson }}\nc: {{ .Chart.Name }} {{ range .Chart.Dependencies }}{{ .Name }},{{ end }}\n";
        let chart = |name: &str, rest: &str| format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n{rest}");
        let mut dependency = String::from("dependencies:\n- name: child\n  version: \">=1\"\n");
        dependency.push_str(self.random.one(&[
            "",
            "  condition: child.enabled\n",
            "  condition: enabled,child.enabled\n",
        ]));
        dependency.push_str(self.random.one(&["", "", "  alias: deep\n"]));
        dependency.push_str(self.random.one(&[
            "",
            "  import-values:\n  - a\n  - child: global\n    parent: b.c\n",
            "  import-values:\n  - child: deep\n    parent: deep\n",
        ]));
        let inner = self
            .random
            .one(&["", "dependencies:\n- name: grand\n  version: 1.x\n  condition: grand.enabled\n"]);
        vec![
            ("Chart.yaml", chart("family", self.random.one(&["", &dependency]))),
            ("values.yaml", self.tree(3)),
            ("templates/a.yaml", show.to_owned()),
            ("charts/child/Chart.yaml", chart("child", inner)),
            ("charts/child/values.yaml", self.tree(3)),
            ("charts/child/templates/a.yaml", show.to_owned()),
            ("charts/child/charts/grand/Chart.yaml", chart("grand", "")),
            ("charts/child/charts/grand/values.yaml", self.tree(2)),
            ("charts/child/charts/grand/templates/a.yaml", show.to_owned()),
            ("given.yaml", self.tree(3)),
        ]
    }
}

/// Writes the chart of a seed into a new directory of the system's temporary one; the arguments it is rendered with
/// come with it. Every fourth one is about values of subcharts, the others about functions.
pub fn chart(seed: u64) -> (PathBuf, Vec<String>) {
    let mut generator = Generator { random: Random(seed) };
    let directory = std::env::temp_dir().join(format!("against-helm-{}-{seed}", std::process::id()));
    let write = |path: &str, text: &str| {
        let path = directory.join(path);
        let written = path.parent().map(fs::create_dir_all).transpose().and_then(|_| fs::write(&path, text));
        written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    };
    if seed.is_multiple_of(4) {
        for (path, text) in generator.family() {
            write(path, &text);
        }
        let given = directory.join("given.yaml").to_string_lossy().into_owned();
        return (directory, vec!["--values".to_owned(), given]);
    }
    let lines: String = (0..6).map(|index| generator.line(index)).collect();
    write("Chart.yaml", "apiVersion: v2\nname: random\nversion: 1.0.0\n");
    write("values.yaml", &generator.values());
    write("templates/_helpers.tpl", "{{ define \"helper\" }}<{{ .v | toJson }}>{{ end }}");
    write("templates/a.yaml", &lines);
    (directory, Vec::new())
}
