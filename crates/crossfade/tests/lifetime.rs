//! Processes that are stopped, killed or left alone: nothing stays behind, and weights stay as they are.
#![cfg(feature = "lab")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind};
use support::{LabProcess, children_of, is_alive, signal, stderr, wait_until, wait_until_async};

/// Client-go's lease, after which a driver that is silent is taken to be gone.
const LEASE_DURATION: Duration = Duration::from_secs(15);
const MIGRATE: [&str; 14] = [
    "migrate",
    "--from",
    "blue",
    "--to",
    "green",
    "--yes",
    "--steps",
    "50%,100%",
    "--bake",
    "60",
    "--context",
    "blue=eks-blueprint-blue",
    "--context",
    "green=eks-blueprint-green",
];

/// A migration with a long bake, stopped once its first step is settled.
fn start_migration(lab: &LabProcess) -> Child {
    start_migration_with(lab, &[])
}

fn start_migration_with(lab: &LabProcess, more: &[&str]) -> Child {
    start_by(lab.command(&[&MIGRATE[..], more].concat())).0
}

/// What it says after its first step is settled comes with it.
#[expect(clippy::zombie_processes, reason = "the callers wait for it")]
fn start_by(mut command: Command) -> (Child, JoinHandle<Vec<String>>) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut said = Vec::new();
    while let Some(line) = lines.next() {
        if line.contains("step 50% is settled") {
            // Somebody has to go on reading, or the child cannot write any more.
            return (child, std::thread::spawn(move || lines.collect()));
        }
        said.push(line);
    }
    panic!("the first step was never settled: {said:?}");
}

/// `migration rollback` of the migration that [`start_migration`] began.
fn rollback(lab: &LabProcess, more: &[&str]) -> Output {
    let mut arguments =
        vec!["migration", "rollback", "blue-to-green", "--home-context", "eks-blueprint-green"];
    arguments.extend(["--context", "blue=eks-blueprint-blue", "--context", "green=eks-blueprint-green"]);
    arguments.extend(more);
    lab.run(&arguments)
}

#[test]
fn killing_the_parent_ends_lab_and_controllers() {
    let mut lab = LabProcess::up(&[]);
    let children = children_of(lab.child.id());
    assert_eq!(children.len(), 3, "a lab and two DNS controllers");
    signal("KILL", lab.child.id());
    lab.child.wait().unwrap();
    wait_until("all children have ended", || !children.iter().any(|id| is_alive(*id)));
}

#[test]
fn interrupting_the_lab_ends_everything() {
    let mut lab = LabProcess::up(&[]);
    let children = children_of(lab.child.id());
    signal("INT", lab.child.id());
    assert_eq!(lab.child.wait().unwrap().code(), Some(0));
    wait_until("all children have ended", || !children.iter().any(|id| is_alive(*id)));
    assert!(!lab.dir.join("lab.json").exists());
}

#[tokio::test]
async fn an_interrupted_migration_leaves_weights_and_can_be_rolled_back() {
    let lab = LabProcess::up(&[]);
    let mut migration = start_migration(&lab);
    signal("INT", migration.id());
    assert_eq!(migration.wait().unwrap().code(), Some(130));
    assert_eq!(lab.weights().await, ("50".to_owned(), "50".to_owned()));

    let output = rollback(&lab, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(lab.weights().await, ("100".to_owned(), "0".to_owned()));
}

/// Whoever ends in order leaves no lease behind: another driver need not wait until it has run out.
#[test]
fn a_driver_that_is_told_to_end_says_how_to_go_on_and_gives_its_leases_back() {
    for (name, code) in [("TERM", 143), ("HUP", 129)] {
        let lab = LabProcess::up(&[]);
        let (mut driver, said) = start_by(lab.command(&MIGRATE));
        signal(name, driver.id());
        assert_eq!(driver.wait().unwrap().code(), Some(code));
        let said = said.join().unwrap().join("\n");
        for words in
            ["weights stay as they are", "migration resume blue-to-green", "migration rollback blue-to-green"]
        {
            assert!(said.contains(words), "SIG{name}: `{words}` is not in: {said}");
        }
        let list = lab.run(&["migration", "list"]);
        let list = String::from_utf8_lossy(&list.stdout).into_owned();
        let row = list.lines().nth(1).unwrap_or_default();
        assert!(row.contains("Progressing") && row.ends_with("nobody"), "{list}");
        let got = lab.run(&["migration", "get", "blue-to-green"]);
        let page = String::from_utf8_lossy(&got.stdout).into_owned();
        assert!(page.contains("driver: nobody") && page.contains("crossfade migration resume"), "{page}");
        let began = std::time::Instant::now();
        assert_eq!(rollback(&lab, &[]).status.code(), Some(0));
        assert!(began.elapsed() < LEASE_DURATION, "a lease was waited for");
        assert!(lab.run(&["migration", "list"]).stdout.ends_with(b"RolledBackByUser: rolled back\n"));
    }
}

#[test]
fn a_driver_that_lives_is_named() {
    let lab = LabProcess::up(&[]);
    let mut driver = start_migration(&lab);
    let list = lab.run(&["migration", "list"]);
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    let row = list.lines().nth(1).unwrap_or_default();
    assert!(row.ends_with(&format!("-{}", driver.id())), "{list}");
    signal("KILL", driver.id());
    driver.wait().unwrap();
}

#[test]
fn nohup_is_kept_to() {
    let lab = LabProcess::up(&[]);
    let mut command = Command::new("nohup");
    command.arg(support::CROSSFADE).args(MIGRATE).envs(&lab.env).stdin(Stdio::null());
    let (mut driver, _said) = start_by(command);
    signal("HUP", driver.id());
    let list = || String::from_utf8_lossy(&lab.run(&["migration", "list"]).stdout).into_owned();
    assert!(list().lines().nth(1).unwrap_or_default().ends_with(&format!("-{}", driver.id())), "{}", list());
    assert!(driver.try_wait().unwrap().is_none(), "it ended with its terminal");
    signal("TERM", driver.id());
    assert_eq!(driver.wait().unwrap().code(), Some(143));
}

#[tokio::test]
async fn a_lost_object_is_made_again_from_the_journal() {
    let lab = LabProcess::up(&[]);
    let mut migration = start_migration(&lab);
    signal("INT", migration.id());
    migration.wait().unwrap();
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("crossfade.dev", "v1alpha1", "Migration"));
    let api: Api<DynamicObject> = Api::namespaced_with(lab.client("green").await, "crossfade", &kind);
    api.delete("blue-to-green", &DeleteParams::default()).await.unwrap();

    let output = rollback(&lab, &["--from-journal", "eks-blueprint-blue"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(lab.weights().await, ("100".to_owned(), "0".to_owned()));
}

#[tokio::test]
async fn a_killed_driver_is_followed_by_another() {
    let lab = LabProcess::up(&[]);
    let mut migration = start_migration(&lab);
    signal("KILL", migration.id());
    migration.wait().unwrap();
    assert_eq!(lab.weights().await, ("50".to_owned(), "50".to_owned()));

    // The dead driver's leases run out first.
    let output = rollback(&lab, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(lab.weights().await, ("100".to_owned(), "0".to_owned()));
}

#[tokio::test]
async fn a_destination_that_is_gone_is_given_up() {
    let lab = LabProcess::up(&[]);
    let mut migration = start_migration_with(&lab, &["--home", "blue"]);
    signal("INT", migration.id());
    migration.wait().unwrap();
    let injected = lab.run(&["lab", "inject", "green", "api-down"]);
    assert_eq!(injected.status.code(), Some(0), "{}", stderr(&injected));

    let mut arguments =
        vec!["migration", "rollback", "blue-to-green", "--home-context", "eks-blueprint-blue"];
    arguments.extend(["--context", "blue=eks-blueprint-blue", "--context", "green=eks-blueprint-green"]);
    // The source's lease is enough to take the traffic back; the destination's weight is waited for.
    let mut waiting = lab.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let blue = lab.ingresses("blue", "team-burnham").await;
    wait_until_async("the source has its weight", async || {
        let ingress = blue.get("burnham-ingress").await.unwrap();
        ingress.metadata.annotations.unwrap()[support::WEIGHT] == "100"
    })
    .await;
    assert!(waiting.try_wait().unwrap().is_none(), "it ended with the destination's weight unknown");
    signal("INT", waiting.id());
    assert_eq!(waiting.wait().unwrap().code(), Some(130));

    arguments.extend(["--without", "green"]);
    let output = lab.run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn an_interrupted_demo_leaves_no_process() {
    let mut demo = std::process::Command::new(support::CROSSFADE)
        .arg("demo")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(demo.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("step 10% begins")), "the demo never began its migration");
    let children = children_of(demo.id());
    assert_eq!(children.len(), 4, "a lab, two DNS controllers and a driver");
    signal("INT", demo.id());
    std::thread::spawn(move || lines.for_each(drop));
    assert_eq!(demo.wait().unwrap().code(), Some(130));
    wait_until("all children have ended", || !children.iter().any(|id| is_alive(*id)));
}
