//! ExternalDNS as it is, on labs of ours: what it writes beside what we write, and what it thinks of ours.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::clients::{Bench, Beside, Check, Ends, MANIFESTS, printed};
use crate::tools;

/// One pass of ExternalDNS for a cluster, as the pattern's chart configures it.
fn once(side: &str) -> anyhow::Result<String> {
    Ok(format!(
        "kubectl config view --raw --minify --flatten --context eks-blueprint-{side} >\"$CROSSFADE_LAB_DIR/external-dns-{side}.yaml\" && \
         {} --once --kubeconfig=\"$CROSSFADE_LAB_DIR/external-dns-{side}.yaml\" 2>&1",
        external_dns_arguments(side)?
    ))
}

/// The program and what it is told in every case. Its metrics go to any free port: with the default one a second process,
/// or a stranger's, would end it.
pub(crate) fn external_dns_arguments(side: &str) -> anyhow::Result<String> {
    Ok(format!(
        "{} --source=ingress --provider=aws --aws-zone-type= --registry=txt --txt-owner-id=eks-blueprint-{side} \
         --policy=sync --domain-filter=$DOMAIN --metrics-address=127.0.0.1:0",
        tools::EXTERNAL_DNS.path()?.display()
    ))
}

const LIST: &str = "aws route53 list-resource-record-sets --hosted-zone-id $(zone) --output json";

/// All of it. The bench's own lab keeps its records.
pub(crate) fn run(bench: &mut Bench, scratch: &Path) -> anyhow::Result<()> {
    let other = Bench::up(&bench.crossfade, &scratch.join("external-dns"), &[MANIFESTS, "--without", "dns"])?;
    compare(bench, &other)
}

fn compare(bench: &mut Bench, other: &Bench) -> anyhow::Result<()> {
    for side in ["blue", "green"] {
        let output = other.sh(&once(side)?);
        let text = printed(&output);
        let wrote = output.status.success() && text.contains("Desired change: CREATE burnham.");
        bench.count(&format!("external-dns writes {side}'s records"), (!wrote).then_some(text));
    }
    let theirs = records(&other.sh(LIST).stdout)?;
    let ours = records(&bench.sh(LIST).stdout)?;
    bench.count("our records are external-dns's, set by set", difference(&theirs, &ours));

    // Its verdict on what we wrote: nothing to do but the AAAA and A that are there.
    for side in ["blue", "green"] {
        let output = bench.sh(&once(side)?);
        let text = printed(&output);
        let content = text.contains("All records are already up to date");
        bench.count(
            &format!("external-dns takes our records of {side} for its own"),
            (!content).then_some(text),
        );
    }

    // A weight edited in the cluster, carried by the real one.
    let edit = "kb annotate ingress burnham-ingress -n team-burnham --overwrite external-dns.alpha.kubernetes.io/aws-weight=70 && ";
    let output = other.sh(&format!("{edit}{}", once("blue")?));
    let text = printed(&output);
    let upserted = text.contains("Desired change: UPSERT burnham.");
    bench.count("external-dns carries an edited weight", (!upserted).then_some(text));
    let after = records(&other.sh(LIST).stdout)?;
    let moved = after
        .iter()
        .filter(|(key, record)| key.contains("burnham") && key.ends_with("-blue") && record["Weight"] == 70);
    let moved = moved.count();
    bench.count(
        "A, AAAA and their TXT carry it",
        (moved != 4).then(|| format!("  {moved} record sets have weight 70")),
    );

    // Deleted: its own records go, nobody else's.
    let delete = "kb delete ingress burnham-ingress -n team-burnham --timeout=20s && ";
    let output = other.sh(&format!("{delete}{}", once("blue")?));
    let left = records(&other.sh(LIST).stdout)?;
    let of = |side: &str| left.keys().filter(|key| key.contains("burnham") && key.ends_with(side)).count();
    let is_right = of("blue") == 0 && of("green") == 4;
    let problem = format!("  blue {} green {}\n{}", of("blue"), of("green"), printed(&output));
    bench.count("external-dns deletes its own records only", (!is_right).then_some(problem));

    // And ours, while the real one has gone: a crossfade controller adopts what it left, since the owner is the same.
    bench.all(&[Check {
        name: "the lab's own records are untouched by all this",
        ends: Ends::Well,
        words: &["100", "eks-blueprint-blue"],
        script: "aws route53 list-resource-record-sets --hosted-zone-id $(zone) \
                 --query \"ResourceRecordSets[?Name == 'burnham.$DOMAIN.' && Type == 'A']\" --output text",
    }]);
    Ok(())
}

/// A whole migration whose records the real ExternalDNS writes: a foreign writer that tells nobody about its changes.
///
/// Records of another's hand have to grow old before they count, so it takes minutes: it runs beside the other checks, in
/// a lab of its own.
pub(crate) struct ForeignMigration {
    // Dropped in this order: whoever writes ends before the lab.
    driver: Beside,
    _writers: Vec<Beside>,
    _lab: Bench,
    log: PathBuf,
}

impl ForeignMigration {
    /// Starts lab, writers and driver.
    pub(crate) fn begin(crossfade: &Path, scratch: &Path) -> anyhow::Result<ForeignMigration> {
        let dir = scratch.join("foreign-writer");
        let lab = Bench::up(crossfade, &dir, &[MANIFESTS, "--without", "dns"])?;
        let mut writers = Vec::new();
        for side in ["blue", "green"] {
            let first = lab.sh(&once(side)?);
            if !first.status.success() {
                bail!("external-dns fails for {side}: {}", printed(&first));
            }
            let script = once(side)?.replace("--once", "--events --interval=10s");
            // `exec`, so that the process is external-dns itself and ends when it is killed.
            let script = script.replacen("&& ", "&& exec ", 1);
            let writer = lab.command(&script).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            writers.push(Beside(writer.context("external-dns does not start")?));
        }
        let driver = lab
            .command(
                "exec >\"$CROSSFADE_LAB_DIR/foreign-migration.log\" 2>&1
$cf migrate --from blue --to green --context blue=eks-blueprint-blue --context green=eks-blueprint-green \
  --steps 100% --yes && $cf verify --context blue=eks-blueprint-blue --context green=eks-blueprint-green",
            )
            .spawn()
            .context("bash does not start")?;
        let log = dir.join("foreign-migration.log");
        Ok(ForeignMigration { driver: Beside(driver), _writers: writers, _lab: lab, log })
    }

    /// Waits for its end and counts it.
    pub(crate) fn end(mut self, bench: &mut Bench) {
        let ended_well = self.driver.0.wait().is_ok_and(|status| status.success());
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let moved = ended_well && text.contains("complete: green has all traffic") && text.contains("fits");
        bench.count("a migration runs through external-dns to its end", (!moved).then_some(text));
    }
}

/// Record sets by name, type and set identifier. Names of load balancers end in digits that differ from lab to lab.
fn records(listing: &[u8]) -> anyhow::Result<BTreeMap<String, Value>> {
    let document: Value = serde_json::from_slice(listing).context("the listing is unreadable")?;
    let sets = document["ResourceRecordSets"].as_array().cloned().unwrap_or_default();
    let weighted = sets.into_iter().filter(|set| set["SetIdentifier"].is_string());
    Ok(weighted
        .map(|mut set| {
            let text = |key: &str| set[key].as_str().unwrap_or_default().to_owned();
            let key = format!("{} {} {}", text("Name"), text("Type"), text("SetIdentifier"));
            if let Some(target) = set["AliasTarget"]["DNSName"].as_str() {
                let (name, rest) = target.split_once('.').unwrap_or((target, ""));
                let stem = name.rsplit_once('-').map_or(name, |(stem, _)| stem);
                set["AliasTarget"]["DNSName"] = format!("{stem}-N.{rest}").into();
            }
            (key, set)
        })
        .collect())
}

/// What differs, the intended apart: the lab's controllers also write the legacy TXT (the record's own name), which
/// external-dns reads for ever and v0.21 does not write.
fn difference(theirs: &BTreeMap<String, Value>, ours: &BTreeMap<String, Value>) -> Option<String> {
    let is_legacy =
        |key: &str| key.contains(" TXT ") && !key.starts_with("cname-") && !key.starts_with("aaaa-");
    let mut lines = Vec::new();
    for (key, record) in theirs {
        match ours.get(key) {
            None => lines.push(format!("  only external-dns: {key}")),
            Some(our) if our != record => {
                lines.push(format!("  differs: {key}\n    theirs {record}\n    ours   {our}"));
            }
            Some(_) => {}
        }
    }
    let more = ours.keys().filter(|key| !theirs.contains_key(*key) && !is_legacy(key));
    lines.extend(more.map(|key| format!("  only crossfade: {key}")));
    if theirs.is_empty() {
        lines.push("  external-dns wrote nothing".to_owned());
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(weight: u8, kind: &str) -> BTreeMap<String, Value> {
        let text = format!(
            "{{\"ResourceRecordSets\":[{{\"Name\":\"a.\",\"Type\":\"{kind}\",\"SetIdentifier\":\"blue\",\"Weight\":{weight}}}]}}"
        );
        records(text.as_bytes()).unwrap_or_default()
    }

    #[test]
    fn differences_are_found_and_the_legacy_text_is_none() {
        assert!(difference(&listing(1, "A"), &listing(1, "A")).is_none());
        assert!(difference(&listing(1, "A"), &listing(2, "A")).is_some());
        assert!(difference(&listing(1, "A"), &BTreeMap::new()).is_some());
        assert!(difference(&BTreeMap::new(), &BTreeMap::new()).is_some());
        let mut ours = listing(1, "A");
        ours.extend(listing(1, "TXT"));
        assert!(difference(&listing(1, "A"), &ours).is_none());
    }
}
