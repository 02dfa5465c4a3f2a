//! Users: curl, again and again.

use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::clients::Bench;

/// Between two requests: many enough to meet every moment of a migration, few enough for curl.
const ASK_EVERY: Duration = Duration::from_millis(50);

pub(crate) struct Users {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(u64, Vec<String>)>,
}

impl Users {
    pub(crate) fn start(bench: &Bench) -> anyhow::Result<Users> {
        let output = bench.sh("echo $CURL_HOME; echo https://burnham.$DOMAIN/");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines = text.lines().map(ToOwned::to_owned);
        let (curl_home, url) = lines.next().zip(lines.next()).context("the lab has no environment")?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let began = Instant::now();
            let (mut asked, mut failures) = (0, Vec::new());
            while !stopped.load(Ordering::Relaxed) {
                let output = Command::new("curl")
                    .args(["-sSf", "-o", "/dev/null", "--max-time", "5", &url])
                    .env("CURL_HOME", &curl_home)
                    .output();
                asked += 1;
                if let Some(why) = failure(output) {
                    failures.push(format!("{:.1} s after the start: {why}", began.elapsed().as_secs_f64()));
                }
                std::thread::sleep(ASK_EVERY);
            }
            (asked, failures)
        });
        Ok(Users { stop, thread })
    }

    /// How many requests there were, and what happened to those that failed.
    pub(crate) fn stop(self) -> (u64, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|_| (0, vec!["the users' thread panicked".to_owned()]))
    }
}

fn failure(output: std::io::Result<Output>) -> Option<String> {
    match output {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(format!("curl does not start: {error}")),
    }
}
