//! A lab with two clusters until its standard input ends: `cargo run -p crossfade-lab --example serve_lab -- DIR [TTL]`.
//!
//! It prints the environment for `eval`, as `crossfade lab env` does.

use std::io::Write as _;
use std::path::PathBuf;

use crossfade_lab::{Lab, LabCluster, LabOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().map_or_else(|| std::env::temp_dir().join("crossfade-lab"), PathBuf::from);
    let alias_ttl_seconds = arguments.next().map_or(Ok(60), |text| text.parse())?;
    let cluster = |name: &str| LabCluster { name: name.to_owned(), kubernetes_version: "1.33".to_owned() };
    let lab = Lab::start(LabOptions {
        dir,
        environment_name: "eks-blueprint".to_owned(),
        hosted_zone_name: "eks.example.org".to_owned(),
        region: "eu-west-1".to_owned(),
        account_id: "111122223333".to_owned(),
        alias_ttl_seconds,
        seed: 1,
        clusters: vec![cluster("eks-blueprint-blue"), cluster("eks-blueprint-green")],
    })
    .await?;
    let at = lab.addresses();
    let text = format!(
        "export KUBECONFIG={} AWS_ENDPOINT_URL={} AWS_ACCESS_KEY_ID=lab AWS_SECRET_ACCESS_KEY=lab AWS_REGION={} \
         CURL_HOME={} RESOLVER_PORT={}\n",
        at.kubeconfig.display(),
        at.aws_endpoint,
        at.region,
        at.curl_home.display(),
        at.resolver.port()
    );
    std::io::stdout().write_all(text.as_bytes())?;
    let (ended, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = ended.send(());
    });
    tokio::select! {
        _ = end => {}
        () = lab.end_requested() => {}
    }
    lab.stop().await;
    Ok(())
}
