//! Simulated users of a lab that runs: `cargo run -p crossfade-lab --example users -- DIR SECONDS RATE HOST…`.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use crossfade_lab::users::{UserOptions, Users};
use crossfade_lab::{Control, LabAddresses};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().ok_or("a directory is needed")?);
    let seconds: u64 = arguments.next().ok_or("a number of seconds is needed")?.parse()?;
    let requests_per_second = arguments.next().ok_or("a rate is needed")?.parse()?;
    let hosts: Vec<String> = arguments.collect();
    let addresses = LabAddresses::read(&dir)?;
    let users = Users::start(UserOptions {
        resolvers: 50,
        overstaying: 5,
        hosts: hosts.clone(),
        name_servers: addresses.name_servers.clone(),
        proxy: addresses.proxy,
        ca_pem: std::fs::read(&addresses.ca)?,
        requests_per_second,
        seed: 1,
    })?;
    users.name_addresses(&Control::new(&addresses).status().await?.clusters_by_address());
    let mut out = std::io::stdout();
    for _ in 0..seconds {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let totals = users.totals();
        let shares: Vec<_> = hosts.iter().map(|host| totals.recent_shares(host)).collect();
        writeln!(out, "sent {} failed {} {shares:?}", totals.sent(), totals.failed())?;
    }
    let totals = users.stop().await;
    writeln!(out, "{}", serde_json::to_string_pretty(&(&totals.regular, &totals.overstaying))?)?;
    for failure in totals.failures.iter().take(3) {
        writeln!(out, "{failure:?}")?;
    }
    Ok(())
}
