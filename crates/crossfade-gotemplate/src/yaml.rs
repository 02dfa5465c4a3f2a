//! YAML as helm reads and writes it: through JSON (sigs.k8s.io/yaml on Go's yaml.v2).
//!
//! So every number is a `float64`, `yes` and `on` are booleans, keys are text, and what is written is sorted, quoted
//! and wrapped as yaml.v2 does it. Own rather than a library's: none writes those rules, and readers for YAML 1.2
//! resolve `yes`, `0o7` or `012` otherwise.

mod complaint;
mod read;
mod resolve;
mod scalar;
mod write;

pub(crate) use read::{read, scalar_text};
pub(crate) use write::{Layout, write};

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::json::{self, Style};

    fn as_json(text: &str) -> String {
        match read(text) {
            Ok(value) => json::write(&value, Style::Raw).unwrap_or_else(|error| error.to_string()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn reads_as_yaml_1_1_with_gos_numbers() {
        for (text, expected) in [
            ("a: yes\nb: 'yes'\nc: off", r#"{"a":true,"b":"yes","c":false}"#),
            ("a: 012\nb: 0o12\nc: 0x1f\nd: 1_000\ne: 1e3", r#"{"a":10,"b":10,"c":31,"d":1000,"e":1000}"#),
            ("a: 2001-01-01\nb: 12:30\nc: ~\nd:", r#"{"a":"2001-01-01","b":"12:30","c":null,"d":null}"#),
            ("1: a\ntrue: b\n1.5: c", r#"{"1":"a","1.5":"c","true":"b"}"#),
            ("x: &x {a: 1, b: 2}\nz:\n  <<: *x\n  b: 3", r#"{"x":{"a":1,"b":2},"z":{"a":1,"b":3}}"#),
            ("a: 1\t\nb:\t2\t", r#"{"a":1,"b":2}"#),
            ("- a\n-\n- [1, {x: z}]", r#"["a",null,[1,{"x":"z"}]]"#),
            ("a: !!str 1\nb: !Ref x\nc: !!binary aGk=", r#"{"a":"1","b":"x","c":"hi"}"#),
            ("", "null"),
            ("# nothing\n---\n", "null"),
            ("a: |\n  x\n  y\nb: >-\n  x\n  y", r#"{"a":"x\ny\n","b":"x y"}"#),
            ("a: 1\na: 2", r#"{"a":2}"#),
        ] {
            assert_eq!(as_json(text), expected, "{text}");
        }
    }

    #[test]
    fn a_document_that_doubles_with_each_line_is_refused() {
        let mut text = "a0: &a0 [x, x]\n".to_owned();
        for level in 1..40 {
            let before = level - 1;
            let _ = writeln!(text, "a{level}: &a{level} [*a{before}, *a{before}]");
        }
        assert!(as_json(&text).contains("document contains excessive aliasing"), "{}", as_json(&text));
        assert!(as_json(&"[".repeat(5000)).starts_with("error converting YAML to JSON"));
    }
}
