//! `crossfade render`: a chart as manifests, printed as `helm template` prints them. Never asks a cluster.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use crossfade_gotemplate::{Chart, Moment, ReleaseOptions, Sources, Values, render};
use jiff::Timestamp;

use crate::certificates;
use crate::exit::{Exit, UserError};
use crate::printer::data;

/// Largest directory that is read as a chart; a mistyped path should not read a whole disk.
const FILES_MAX: usize = 20_000;

/// Options of `crossfade render`.
#[derive(Clone, Debug, Args)]
pub struct RenderArgs {
    /// The chart: a directory, or an archive that `helm package` made.
    #[arg(value_name = "CHART")]
    chart: PathBuf,
    /// Name of the release.
    #[arg(long, default_value = "release-name", value_name = "NAME")]
    name: String,
    /// Namespace of the release.
    #[arg(long, short, default_value = "default", value_name = "NAMESPACE")]
    namespace: String,
    /// Values file; later ones win.
    #[arg(long, short = 'f', value_name = "FILE")]
    values: Vec<PathBuf>,
    /// Values on the command line: `a.b=1,c={x,y}`.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The same, with every value as text.
    #[arg(long, value_name = "KEY=VALUE")]
    set_string: Vec<String>,
    /// Kubernetes version that templates see.
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
    /// API versions that templates see besides the usual ones.
    #[arg(long, short, value_name = "VERSION", value_delimiter = ',')]
    api_versions: Vec<String>,
    /// Print the chart's custom resource definitions as well.
    #[arg(long)]
    include_crds: bool,
    /// Render as an upgrade, not as an installation.
    #[arg(long)]
    is_upgrade: bool,
    /// Only these templates, by their path inside of the chart.
    #[arg(long, short, value_name = "PATH")]
    show_only: Vec<String>,
}

/// Reads, renders, prints.
#[expect(clippy::unused_async, reason = "every command is")]
pub async fn run(args: RenderArgs) -> anyhow::Result<Exit> {
    let chart = load(&args.chart)?;
    let values = gather(&args)?;
    let now = Timestamp::now().as_nanosecond();
    let mut options = ReleaseOptions {
        name: args.name,
        namespace: args.namespace,
        is_upgrade: args.is_upgrade,
        api_versions: args.api_versions,
        // What is random in a chart differs from call to call, as with helm.
        sources: Sources {
            now: Moment { nanoseconds: now },
            seed: u64::try_from(now).unwrap_or_default(),
            certificates: Some(certificates::issuer()),
        },
        ..ReleaseOptions::default()
    };
    if let Some(version) = args.kube_version {
        options.kube_version = version;
    }
    let rendered = render(&chart, &values, &options).map_err(|error| failed(&error))?;
    let text = if args.show_only.is_empty() {
        rendered.to_text(args.include_crds)
    } else {
        rendered.to_text_of(args.include_crds, &args.show_only).map_err(|error| failed(&error))?
    };
    data(text.trim_end());
    Ok(Exit::Done)
}

/// A chart that does not render is its author's to mend.
fn failed(error: &crossfade_gotemplate::Error) -> anyhow::Error {
    UserError { message: error.to_string(), hint: None }.into()
}

fn load(path: &Path) -> anyhow::Result<Chart> {
    let named = || format!("cannot read {}", path.display());
    if path.is_file() {
        let archive = fs::read(path).with_context(named)?;
        return Chart::from_archive(&archive).map_err(|error| failed(&error));
    }
    let mut files = BTreeMap::new();
    let mut pending = vec![path.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in
            fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))?
        {
            let entry = entry.with_context(named)?.path();
            if entry.is_dir() {
                pending.push(entry);
                continue;
            }
            let name = entry.strip_prefix(path).unwrap_or(&entry).to_string_lossy().replace('\\', "/");
            let bytes = fs::read(&entry).with_context(|| format!("cannot read {}", entry.display()))?;
            files.insert(name, bytes);
            if files.len() > FILES_MAX {
                bail!("{} has more than {FILES_MAX} files", path.display());
            }
        }
    }
    Chart::from_files(files).map_err(|error| failed(&error))
}

/// Files first, then `--set`, then `--set-string`, as helm orders them.
fn gather(args: &RenderArgs) -> anyhow::Result<Values> {
    let mut values = Values::new();
    for path in &args.values {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        values.add_yaml(&text).map_err(|error| UserError {
            message: format!("failed to parse {}: {error}", path.display()),
            hint: None,
        })?;
    }
    for text in &args.set {
        values.set(text).map_err(|error| failed(&error))?;
    }
    for text in &args.set_string {
        values.set_string(text).map_err(|error| failed(&error))?;
    }
    Ok(values)
}
