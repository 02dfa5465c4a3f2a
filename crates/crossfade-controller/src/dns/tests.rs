//! A controller against a scripted API server and a scripted Route 53, over sockets.
#![expect(clippy::unwrap_used, reason = "a failing test may panic")]

mod world;

use std::time::Duration;

use crossfade_core::dns::{OwnerId, RecordName};
use tokio::sync::oneshot;

use super::{DnsError, DnsMode, DnsOptions, run};
use world::{Answer, World, mk_ingress};

/// Longer than any test: nothing is listed again unless something asks for it.
const NEVER: Duration = Duration::from_hours(1);

async fn mk_options(world: &World) -> DnsOptions {
    let mut options =
        DnsOptions::new(world.kube_client(), world.aws().await, OwnerId::parse("blue").unwrap());
    options.zone_names = vec![RecordName::parse("example.org").unwrap()];
    options.resync = NEVER;
    options
}

struct Running {
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<Result<(), DnsError>>,
}

impl Running {
    fn start(options: DnsOptions) -> Running {
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(run(options, async move {
            let _ = stopped.await;
        }));
        Running { stop, task }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn writes_the_records_of_an_ingress_and_follows_its_weight() {
    let world = World::start().await;
    world.put(mk_ingress("burnham", "burnham.example.org", "100"));
    let running = Running::start(mk_options(&world).await);
    let created = world.next_batch().await;
    assert_eq!(
        created.lines(),
        [
            "CREATE aaaa-burnham.example.org. TXT 100",
            "CREATE burnham.example.org. A 100",
            "CREATE burnham.example.org. AAAA 100",
            "CREATE cname-burnham.example.org. TXT 100",
        ]
    );
    assert!(created.body.contains("<Comment>crossfade for blue</Comment>"));
    world.put(mk_ingress("burnham", "burnham.example.org", "90"));
    let changed = world.next_batch().await;
    assert_eq!(changed.lines().len(), 4);
    assert!(changed.lines().iter().all(|line| line.starts_with("UPSERT") && line.ends_with(" 90")));
    running.stop().await;
}

#[tokio::test]
async fn deletes_the_records_of_an_object_that_goes() {
    let world = World::start().await;
    world.put(mk_ingress("burnham", "burnham.example.org", "100"));
    let running = Running::start(mk_options(&world).await);
    world.next_batch().await;
    world.delete("burnham");
    let deleted = world.next_batch().await;
    assert_eq!(deleted.lines().len(), 4);
    assert!(deleted.lines().iter().all(|line| line.starts_with("DELETE")));
    running.stop().await;
}

#[tokio::test]
async fn calls_route_53_for_changes_and_for_nothing_else() {
    let world = World::start().await;
    world.put(mk_ingress("burnham", "burnham.example.org", "100"));
    let running = Running::start(mk_options(&world).await);
    world.next_batch().await;
    // Events that change nothing, one that cannot be followed, then one that changes something.
    world.put(mk_ingress("burnham", "burnham.example.org", "100"));
    world.put(mk_ingress("burnham", "burnham.example.org", "300"));
    world.put(mk_ingress("other", "other.example.org", "1"));
    let second = world.next_batch().await;
    assert!(second.lines().iter().all(|line| line.contains("other")), "{:?}", second.lines());
    assert_eq!(
        world.calls("GET /2013-04-01/hostedzone?").len() + world.calls("GET /2013-04-01/hostedzone ").len(),
        1
    );
    assert_eq!(world.calls("GET /2013-04-01/hostedzone/Z1/rrset").len(), 1);
    assert_eq!(world.calls("POST").len(), 2);
    running.stop().await;
}

#[tokio::test]
async fn halves_a_refused_batch_down_to_the_group_at_fault_and_does_not_send_that_again() {
    let world = World::start().await;
    world.answer_batches(|body| {
        if body.contains("bad.example.org") { Answer::Refused("no".to_owned()) } else { Answer::Accepted }
    });
    world.put(mk_ingress("bad", "bad.example.org", "1"));
    for name in ["good", "good2", "good3"] {
        world.put(mk_ingress(name, &format!("{name}.example.org"), "1"));
    }
    let running = Running::start(mk_options(&world).await);
    let mut sizes = Vec::new();
    for _ in 0..5 {
        sizes.push(world.next_batch().await.lines().len());
    }
    assert_eq!(sizes, [16, 8, 4, 4, 8], "all, the first half, its halves, the second half");
    world.put(mk_ingress("more", "more.example.org", "1"));
    let next = world.next_batch().await;
    assert!(next.lines().iter().all(|line| line.contains("more")), "{:?}", next.lines());
    // Another wish for the refused name is worth another try.
    world.put(mk_ingress("bad", "bad.example.org", "2"));
    let again = world.next_batch().await;
    assert!(again.lines().iter().all(|line| line.contains("bad")), "{:?}", again.lines());
    running.stop().await;
}

#[tokio::test]
async fn tries_again_when_throttled_after_looking_what_is_there() {
    let world = World::start().await;
    let mut throttled = 0;
    world.answer_batches(move |_| {
        throttled += 1;
        // The client itself tries three times.
        if throttled <= 3 { Answer::Throttled } else { Answer::Accepted }
    });
    world.put(mk_ingress("burnham", "burnham.example.org", "1"));
    let running = Running::start(mk_options(&world).await);
    for _ in 0..4 {
        assert_eq!(world.next_batch().await.lines().len(), 4);
    }
    assert_eq!(world.calls("GET /2013-04-01/hostedzone/Z1/rrset").len(), 2);
    running.stop().await;
}

#[tokio::test]
async fn lists_the_zones_again_and_leaves_what_is_not_its_own() {
    let world = World::start().await;
    world.put(mk_ingress("burnham", "burnham.example.org", "1"));
    world.records(world::FOREIGN_SIMPLE_RECORD);
    let mut options = mk_options(&world).await;
    options.resync = Duration::from_millis(50);
    let running = Running::start(options);
    world.wait_for_calls("GET /2013-04-01/hostedzone/Z1/rrset", 3).await;
    assert!(world.calls("POST").is_empty(), "blocked by the foreign record");
    world.records("");
    assert_eq!(world.next_batch().await.lines().len(), 4);
    running.stop().await;
}

#[tokio::test]
async fn shows_and_sends_nothing_in_a_dry_run() {
    let world = World::start().await;
    world.put(mk_ingress("burnham", "burnham.example.org", "1"));
    let options = DnsOptions { mode: DnsMode::OnceDryRun, ..mk_options(&world).await };
    run(options, std::future::pending()).await.unwrap();
    assert!(world.calls("POST").is_empty());
}

#[tokio::test]
async fn ends_after_one_plan_and_says_when_it_was_not_carried_out() {
    let world = World::start().await;
    world.put(mk_ingress("burnham", "burnham.example.org", "1"));
    let once = DnsOptions { mode: DnsMode::Once, ..mk_options(&world).await };
    run(once.clone(), std::future::pending()).await.unwrap();
    assert_eq!(world.calls("POST").len(), 1);
    world.answer_batches(|_| Answer::Refused("no".to_owned()));
    let error = run(once, std::future::pending()).await.unwrap_err();
    assert!(matches!(error, DnsError::Incomplete { failed: 1, sent: 1 }), "{error}");
}
