//! Every feature chart prints what the real helm printed, byte for byte, and fails with its message.

#[path = "../examples/against_helm/cases.rs"]
mod cases;

use std::fs;

#[test]
fn charts_render_as_helm_does() {
    let cases = cases::all(&cases::feature_charts());
    let mut different = Vec::new();
    for case in &cases {
        let good = fs::read_to_string(case.expected.with_extension("yaml"));
        let bad = fs::read_to_string(case.expected.with_extension("txt"));
        let expected = match (good, bad) {
            (Ok(text), Err(_)) => Ok(text),
            (Err(_), Ok(text)) => Err(text),
            _ => panic!("{}: exactly one of expected.yaml and expected.txt is needed", case.name),
        };
        let ours = cases::ours(&case.chart, &case.arguments);
        let documents = |text: &Result<String, String>| match text {
            Ok(text) => text.split("\n---\n").map(str::to_owned).collect::<Vec<_>>(),
            Err(text) => vec![format!("Error: {text}")],
        };
        let (ours, expected) = (documents(&ours), documents(&expected));
        let first =
            (0..ours.len().max(expected.len())).find(|index| ours.get(*index) != expected.get(*index));
        if let Some(index) = first {
            different.push(format!(
                "{} document {index}:\n--- helm\n{}\n--- ours\n{}\n",
                case.name,
                expected.get(index).map_or("(none)", String::as_str),
                ours.get(index).map_or("(none)", String::as_str)
            ));
        }
    }
    assert!(cases.len() >= 60, "only {} cases", cases.len());
    assert!(different.is_empty(), "{} of {} differ\n{}", different.len(), cases.len(), different.join("\n"));
}
