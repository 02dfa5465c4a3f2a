//! `crossfade export`: files for somebody else's tools.

pub mod repositories;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use crossfade_stack::bridge::BridgeInput;
use crossfade_stack::manifests;
use crossfade_stack::text::{LabelValue, PlainValue};

use crate::commands::bridge::facts::FactOptions;
use crate::commands::bridge::{Before, yaml_of};
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
    #[command(
        mut_arg("workloads_url", |option| option.help("The workloads repository, as Argo CD will find it. Needed").long_help(None)),
        mut_arg("addons_url", |option| option.help("The add-ons repository, as Argo CD will find it. Needed").long_help(None)),
    )]
    Gitops(Box<GitopsArgs>),
}

#[derive(Clone, Debug, Args)]
struct GitopsArgs {
    /// The directory; made when it is not there.
    dir: PathBuf,
    /// The clusters, with commas between them.
    #[arg(long = "service", value_name = "NAME", value_delimiter = ',', default_value = "blue,green")]
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
    if args.facts.workloads_url.is_none() || args.facts.addons_url.is_none() {
        return Err(user_error(
            "where will Argo CD find the repositories?",
            "pass --workloads-url and --addons-url, for example git@github.com:you/workloads",
        ));
    }
    let mut inputs: Vec<BridgeInput> = Vec::new();
    for service in &args.services {
        if !inputs.iter().any(|input| input.cluster.service_name == *service) {
            inputs.push(args.facts.input(service, &Before::default())?);
        }
    }
    refuse_non_empty(&args.dir, args.force)?;
    write_all(&args.dir.join("workloads"), WORKLOADS)?;
    write_all(&args.dir.join("addons"), ADD_ONS)?;
    for input in &inputs {
        write(&bridge_file(&args.dir, input), &yaml_of(&manifests(input))?)?;
    }
    let count = WORKLOADS.len() + ADD_ONS.len() + inputs.len();
    note(&format!("{count} files are in {}; to push them and to tell Argo CD:", args.dir.display()));
    let first = inputs.first().map(|input| {
        [
            ("workloads", &input.workloads.url, &input.workloads.revision),
            ("addons", &input.add_ons.url, &input.add_ons.revision),
        ]
    });
    for (part, url, revision) in first.into_iter().flatten() {
        data(&push(&args.dir.join(part), part, url, revision));
    }
    for input in &inputs {
        for line in steps(&args, input) {
            data(&line);
        }
    }
    Ok(Exit::Done)
}

fn bridge_file(dir: &Path, input: &BridgeInput) -> PathBuf {
    dir.join("bridge").join(format!("{}.yaml", input.cluster.name))
}

fn push(dir: &Path, part: &str, url: &PlainValue, revision: &PlainValue) -> String {
    let dir = word(&dir.display().to_string());
    let branch = if revision.as_str() == "HEAD" { "main" } else { revision.as_str() };
    let (branch, url) = (word(branch), word(url.as_str()));
    format!(
        "git -C {dir} init -b {branch} && git -C {dir} add . && git -C {dir} commit -m 'Add the {part}' && git -C {dir} push {url} {branch}"
    )
}

/// Argo CD, and what it is told; by kubectl in place of the second, with what is written without a cluster to ask.
fn steps(args: &GitopsArgs, input: &BridgeInput) -> [String; 3] {
    let (service, name) = (&input.cluster.service_name, &input.cluster.name);
    let file = word(&bridge_file(&args.dir, input).display().to_string());
    let facts: Vec<String> = args.facts.words().iter().map(|text| word(text)).collect();
    [
        format!("crossfade bridge install --service {service} --environment {}", input.cluster.environment),
        format!("crossfade bridge apply --service {service} {}", facts.join(" ")),
        format!(
            "# or, once account, region and version in it are right: kubectl --context {name} apply --server-side -f {file}"
        ),
    ]
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        args: ExportArgs,
    }

    #[test]
    fn help_says_what_is_needed_and_how() {
        let mut program = Program::command();
        let help = program.find_subcommand_mut("gitops").unwrap().render_long_help().to_string();
        assert!(help.contains("[default: blue,green]"), "{help}");
        assert!(help.contains("as Argo CD will find it. Needed"), "{help}");
        assert!(!help.contains("repository. Default for a new cluster secret"), "{help}");
    }

    #[test]
    fn services_have_commas_between_them() {
        let services = |more: &[&str]| -> Vec<String> {
            let words = ["x", "gitops", "dir", "--hosted-zone", "eks.example.org"].iter().chain(more);
            let ExportCommand::Gitops(args) = Program::try_parse_from(words).unwrap().args.command;
            args.services.iter().map(ToString::to_string).collect()
        };
        assert_eq!(services(&[]), ["blue", "green"]);
        assert_eq!(services(&["--service", "a,b"]), ["a", "b"]);
    }

    #[test]
    fn what_is_printed_is_what_a_shell_takes() {
        let url = PlainValue::parse("https://h/y$(id)").unwrap();
        let line = push(Path::new("my dir"), "workloads", &url, &PlainValue::parse("HEAD").unwrap());
        assert!(line.starts_with("git -C 'my dir' init -b main "), "{line}");
        assert!(line.ends_with(" push 'https://h/y$(id)' main"), "{line}");
    }
}
