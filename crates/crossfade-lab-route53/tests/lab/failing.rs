//! Faults, as a client meets them.

use std::time::{Duration, Instant};

use hickory_proto::rr::RecordType;

use crate::support::{Lab, ask, eventually, simple};

const NAME: &str = "late.example.org";

fn mk_record(action: &str, address: &str) -> String {
    simple(action, NAME, "A", 60, &[address])
}

#[tokio::test]
async fn a_part_of_all_calls_is_throttled_with_status_400() {
    let lab = Lab::start().await;
    let zone = lab.create_zone("example.org").await;
    lab.route53.faults().throttle_every(2);
    let mut answers = Vec::new();
    for _ in 0..4 {
        let answer = lab.change(&zone, &[mk_record("UPSERT", "10.0.0.1")]).await;
        let code = if answer.status == 200 { String::new() } else { answer.error().0 };
        answers.push((answer.status, code));
    }
    let throttled = |code: &str| (400, code.to_owned());
    let passed = || (200, String::new());
    let expected = [passed(), throttled("Throttling"), passed(), throttled("PriorRequestNotComplete")];
    assert_eq!(answers, expected);
    lab.route53.faults().throttle_every(0);
    for _ in 0..4 {
        assert_eq!(lab.call("GET", "hostedzonecount", "").await.status, 200);
    }
}

#[tokio::test]
async fn a_failing_call_may_have_been_carried_out() {
    let lab = Lab::start().await;
    let zone = lab.create_zone("example.org").await;
    lab.route53.faults().fail_every(1);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let answer = lab.change(&zone, &[mk_record("CREATE", "10.0.0.1")]).await;
        seen.push((answer.status, answer.error().0));
    }
    let failed = |status, code: &str| (status, code.to_owned());
    assert_eq!(
        seen,
        [failed(500, "InternalFailure"), failed(503, "ServiceUnavailable"), failed(500, "InternalFailure")]
    );
    lab.route53.faults().fail_every(0);
    let again = lab.change(&zone, &[mk_record("CREATE", "10.0.0.1")]).await;
    assert!(again.error().1.contains("but it already exists"), "{:?}", again.error());
}

#[tokio::test]
async fn name_servers_that_are_late_keep_a_change_pending_until_the_fault_ends() {
    let lab = Lab::start().await;
    let zone = lab.create_zone("example.org").await;
    lab.apply(&zone, &[mk_record("CREATE", "10.0.0.1")]).await;
    let faults = lab.route53.faults();
    faults.take_up_later(Duration::from_mins(10));
    let changed = lab.change(&zone, &[mk_record("UPSERT", "10.0.0.2")]).await;
    let id = changed.text("Id");
    assert_eq!(lab.call("GET", &id[1..], "").await.text("Status"), "PENDING");
    for server in lab.route53.name_servers() {
        let answer = ask(server, NAME, RecordType::A).await;
        assert_eq!(crate::support::addresses(&answer), [std::net::Ipv4Addr::new(10, 0, 0, 1)]);
    }
    faults.take_up_later(Duration::ZERO);
    eventually(async || lab.call("GET", &id[1..], "").await.text("Status") == "INSYNC").await;
}

#[tokio::test]
async fn latency_makes_answers_late() {
    let lab = Lab::start().await;
    lab.route53.faults().api_latency(Duration::from_millis(200));
    let began = Instant::now();
    assert_eq!(lab.call("GET", "hostedzonecount", "").await.status, 200);
    assert!(began.elapsed() >= Duration::from_millis(200));
}
