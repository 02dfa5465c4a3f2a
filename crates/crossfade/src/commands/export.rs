//! `crossfade export`: files for somebody else's tools.

pub mod repositories;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use crossfade_stack::manifests;
use crossfade_stack::text::LabelValue;

use crate::commands::bridge::facts::FactOptions;
use crate::commands::bridge::yaml_of;
use crate::exit::{Exit, user_error};
use crate::printer::{data, note};
use crate::shell::word;
use repositories::{ADD_ONS, File, WORKLOADS};

/// Options of `crossfade export`.
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    #[command(subcommand)]
    command: ExportCommand,
}

#[derive(Clone, Debug, Subcommand)]
enum ExportCommand {
    /// Write the workloads and add-ons repositories and each cluster's bridge into a directory.
    Gitops(Box<GitopsArgs>),
}

#[derive(Clone, Debug, Args)]
struct GitopsArgs {
    /// The directory; made when it is not there.
    dir: PathBuf,
    /// The clusters.
    #[arg(long = "service", value_name = "NAME", value_delimiter = ',', default_values = ["blue", "green"])]
    services: Vec<LabelValue>,
    #[command(flatten)]
    facts: FactOptions,
    /// Write into a directory that has something in it. Files of the same names are replaced, others stay.
    #[arg(long)]
    force: bool,
}

/// Writes the files and prints how to push them.
pub fn run(args: ExportArgs) -> anyhow::Result<Exit> {
    let ExportCommand::Gitops(args) = args.command;
    let (Some(workloads), Some(add_ons)) = (&args.facts.workloads_url, &args.facts.addons_url) else {
        return Err(user_error(
            "where will Argo CD find the repositories?",
            "pass --workloads-url and --addons-url, for example git@github.com:you/workloads",
        ));
    };
    refuse_non_empty(&args.dir, args.force)?;
    write_all(&args.dir.join("workloads"), WORKLOADS)?;
    write_all(&args.dir.join("addons"), ADD_ONS)?;
    let mut count = WORKLOADS.len() + ADD_ONS.len();
    for service in &args.services {
        let input = args.facts.input(service)?;
        let file = args.dir.join("bridge").join(format!("{}.yaml", input.cluster.name));
        write(&file, &yaml_of(&manifests(&input))?)?;
        count += 1;
    }
    note(&format!("{count} files are in {}; to push them and to tell Argo CD:", args.dir.display()));
    let branches = [
        ("workloads", workloads, &args.facts.workloads_revision),
        ("addons", add_ons, &args.facts.addons_revision),
    ];
    for (part, url, revision) in branches {
        let dir = args.dir.join(part);
        let branch = if revision.as_str() == "HEAD" { "main" } else { revision.as_str() };
        data(&format!(
            "git -C {dir} init -b {branch} && git -C {dir} add . && git -C {dir} commit -m 'Add the {part}' && git -C {dir} push {url} {branch}",
            dir = word(&dir.display().to_string()),
        ));
    }
    for service in &args.services {
        let name = args.facts.input(service)?.cluster.name;
        let file = args.dir.join("bridge").join(format!("{name}.yaml"));
        data(&format!(
            "kubectl --context {name} apply --server-side -f {}",
            word(&file.display().to_string())
        ));
    }
    Ok(Exit::Done)
}

fn refuse_non_empty(dir: &Path, force: bool) -> anyhow::Result<()> {
    let mut entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(user_error(format!("cannot read {}: {error}", dir.display()), "give a directory"));
        }
    };
    if entries.next().is_some() && !force {
        return Err(user_error(
            format!("{} is not empty", dir.display()),
            "give a new directory, or --force to replace files of the same names",
        ));
    }
    Ok(())
}

fn write_all(dir: &Path, files: &[File]) -> anyhow::Result<()> {
    files.iter().try_for_each(|(path, text)| write(&dir.join(path), text))
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    let parent = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
