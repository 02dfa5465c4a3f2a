//! Migrations that have not ended, and the hands of several people on them: asked for again, asked for otherwise, edited by
//! somebody else, rolled back from a second shell.
#![cfg(feature = "lab")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Output, Stdio};
use std::thread::JoinHandle;

use kube::api::{Patch, PatchParams};
use serde_json::json;
use support::{LabProcess, WEIGHT, signal, stderr, stdout_json};

const GROUP: &str = "team-burnham/burnham-ingress";
const MIGRATE: [&str; 9] =
    ["migrate", "--from", "blue", "--to", "green", "--yes", "--bake", "60", "--steps=50%,100%"];

/// A migration with a long bake whose first step is settled, and what it says from then on.
fn start(lab: &LabProcess) -> (Child, JoinHandle<Vec<String>>) {
    let mut child = lab.command(&MIGRATE).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("step 50% is settled")), "the first step was never settled");
    (child, std::thread::spawn(move || lines.collect()))
}

fn interrupted(lab: &LabProcess) {
    let (mut child, said) = start(lab);
    signal("INT", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    said.join().unwrap();
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Exit code 1 and all of the words.
fn assert_refused(output: &Output, words: &[&str]) {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
}

#[tokio::test]
async fn only_the_same_migration_is_taken_up() {
    let lab = LabProcess::up(&[]);
    interrupted(&lab);
    let (rollback, home) = (
        "crossfade migration rollback blue-to-green --home-context eks-blueprint-green",
        "eks-blueprint-green",
    );

    let mut other = MIGRATE.to_vec();
    other.splice(8.., ["--steps=25%,100%"]);
    let differs = "steps: 50%, 100% (asked for: 25%, 100%)";
    assert_refused(&lab.run(&other), &["Migration blue-to-green", home, "has not ended", differs, rollback]);
    let groups = format!("groups: not given (asked for: {GROUP})");
    assert_refused(&lab.run(&["weights", "set", GROUP, "blue=5", "--yes"]), &[&groups, rollback]);

    // Its traffic is not to be moved by another one either, whichever cluster keeps that.
    let back = ["migrate", "--from", "green", "--to", "blue", "--yes"];
    let overlap = "Migration blue-to-green in eks-blueprint-green has not ended (Progressing)";
    assert_refused(&lab.run(&back), &[GROUP, overlap, rollback]);
    let named = lab.run(&[&MIGRATE[..], &["--name", "other"]].concat());
    assert_refused(&named, &[overlap, rollback]);

    let same = lab.run(&[&MIGRATE[..], &["--dry-run"]].concat());
    assert!(stdout(&same).starts_with("taking up blue-to-green in eks-blueprint-green"), "{}", stdout(&same));
    assert!(!stdout(&same).contains("Plan"), "{}", stdout(&same));
    assert_eq!(lab.weights().await, ("50".to_owned(), "50".to_owned()));
}

#[test]
fn people_are_told_what_their_word_can_do() {
    let lab = LabProcess::up(&[]);
    interrupted(&lab);
    let migration = |args: &[&str]| lab.run(&[&["migration"][..], args].concat());

    let list = stdout(&migration(&["list"]));
    let row = list.lines().nth(1).unwrap_or_default();
    assert!(list.starts_with("NAME") && list.contains("HOME") && list.contains("AGE"), "{list}");
    assert!(row.contains("eks-blueprint-green") && row.contains("Progressing   "), "{list}");
    let history = stdout_json(&migration(&["history", "blue-to-green", "-o", "json"]));
    assert_eq!(history["history"][0]["reason"], "Admitted", "{history}");

    assert_refused(&migration(&["promote", "blue-to-green"]), &["nothing to promote", "waiting for"]);
    assert_refused(
        &migration(&["get", "nobody"]),
        &["no Migration nobody", "crossfade migration list --context"],
    );
    let paused = migration(&["pause", "blue-to-green"]);
    let said = stderr(&paused);
    let resume = "crossfade migration resume blue-to-green --home-context eks-blueprint-green";
    assert!(paused.status.success() && said.contains("nobody drives") && said.contains(resume), "{said}");
    let again = lab.run(&MIGRATE);
    assert_refused(&again, &["is asked for already, and is to pause", resume]);

    let back = migration(&["rollback", "blue-to-green"]);
    assert_eq!(back.status.code(), Some(0), "{}", stderr(&back));
    assert_refused(&migration(&["pause", "blue-to-green"]), &["it has ended (RolledBack)"]);
    assert_refused(&migration(&["promote", "blue-to-green"]), &["it has ended (RolledBack)"]);
}

#[tokio::test]
async fn a_second_shell_hands_its_wish_to_the_driver_that_lives() {
    let lab = LabProcess::up(&[]);
    let (mut driver, said) = start(&lab);
    let back = lab.run(&["migration", "rollback", "blue-to-green"]);
    let text = stderr(&back);
    assert_eq!(back.status.code(), Some(0), "{text}");
    assert_eq!(driver.wait().unwrap().code(), Some(3), "{:?}", said.join());
    assert!(!text.contains("ForeignChange") && !text.contains("step 50% begins"), "{text}");
    assert_eq!(text.matches("rolling back: RolledBackByUser").count(), 1, "{text}");
    assert_eq!(lab.weights().await, ("100".to_owned(), "0".to_owned()));
}

#[tokio::test]
async fn weights_of_others_are_kept_until_somebody_agrees_to_write_over_them() {
    let lab = LabProcess::up(&[]);
    let (mut driver, said) = start(&lab);
    let blue = lab.ingresses("blue", "team-burnham").await;
    let patch = json!({ "metadata": { "annotations": { WEIGHT: "77" } } });
    blue.patch("burnham-ingress", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    assert_eq!(driver.wait().unwrap().code(), Some(4));
    let said = said.join().unwrap().join("\n");
    let how = "--home-context eks-blueprint-green --context blue=eks-blueprint-blue --context green=eks-blueprint-green";
    let put_back = format!(
        "kubectl --context eks-blueprint-blue -n team-burnham annotate ingress burnham-ingress {WEIGHT}=50 --overwrite"
    );
    let over = format!("crossfade migration resume blue-to-green --overwrite {how}");
    for words in [&put_back, &over, &format!("{GROUP} in blue: the weight is 77")] {
        assert!(said.contains(words.as_str()), "`{words}` is not in: {said}");
    }
    let got = stdout(&lab.run(&["migration", "get", "blue-to-green"]));
    assert!(got.contains("Paused (ForeignChange)") && !got.contains("AwaitingPromotion"), "{got}");

    // All other groups return; this one is named, with the way on.
    let back = lab.run(&["migration", "rollback", "blue-to-green"]);
    assert_eq!(back.status.code(), Some(4), "{}", stderr(&back));
    assert!(
        stderr(&back).contains("crossfade migration rollback blue-to-green --overwrite"),
        "{}",
        stderr(&back)
    );
    assert_eq!(lab.weights().await, ("77".to_owned(), "50".to_owned()));
    let weights = stdout_json(&lab.run(&["weights", "get", "-o", "json"]));
    let others: Vec<_> =
        weights["groups"].as_array().unwrap().iter().filter(|group| group["group"] != GROUP).collect();
    assert!(!others.is_empty() && others.iter().all(|group| group["weights"]["green"] == 0), "{weights}");

    let back = lab.run(&["migration", "rollback", "blue-to-green", "--overwrite"]);
    assert_eq!(back.status.code(), Some(0), "{}", stderr(&back));
    assert!(stderr(&back).contains("the weight 77 will be written over"), "{}", stderr(&back));
    assert_eq!(lab.weights().await, ("100".to_owned(), "0".to_owned()));
}
