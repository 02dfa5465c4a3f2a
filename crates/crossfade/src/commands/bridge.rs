//! `crossfade bridge`: what Argo CD has to be told about a cluster, to look at or applied.
//!
//! Weights of a cluster secret that is there stay as they are: moving traffic is for `crossfade migrate` and
//! `crossfade weights set`, which look before they write. Secrets are read from files or from AWS, and never printed.

mod application_sets;
mod apply;
pub mod facts;
mod input;
mod install;
mod keep;
mod place;
mod registered;
mod secrets;

use clap::{Args, Subcommand, ValueEnum};
use crossfade_stack::manifests;
use crossfade_stack::text::LabelValue;
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::printer::{data, note};
use facts::FactOptions;

pub use input::mistakable;
pub use keep::Before;

/// Options of `crossfade bridge`.
#[derive(Clone, Debug, Args)]
pub struct BridgeArgs {
    #[command(subcommand)]
    command: BridgeCommand,
}

#[derive(Clone, Debug, Subcommand)]
enum BridgeCommand {
    /// Install Argo CD in a cluster by the helm program, or upgrade it.
    Install(Box<install::InstallArgs>),
    /// Print the objects, without secrets. Touches nothing.
    Show(Box<ShowArgs>),
    /// Apply the objects to a cluster where Argo CD is.
    Apply(Box<apply::ApplyArgs>),
}

#[derive(Clone, Debug, Args)]
struct ShowArgs {
    /// Which of the clusters: `blue`, `green`.
    #[arg(long, value_name = "NAME")]
    service: LabelValue,
    #[command(flatten)]
    facts: FactOptions,
    /// How they are printed. `kubectl apply -f -` takes either.
    #[arg(long, short, value_enum, default_value_t = Format::Yaml)]
    output: Format,
}

/// `--output` of `bridge show`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A document for each.
    #[value(alias = "text")]
    Yaml,
    /// One list.
    Json,
}

/// Prints or applies.
pub async fn run(args: BridgeArgs) -> anyhow::Result<Exit> {
    match args.command {
        BridgeCommand::Install(args) => install::run(&args).await,
        BridgeCommand::Show(args) => show(&args),
        BridgeCommand::Apply(args) => apply::run(&args).await,
    }
}

fn show(args: &ShowArgs) -> anyhow::Result<Exit> {
    let input = args.facts.input(&args.service, &Before::default())?;
    for said in mistakable(&input) {
        note(&said);
    }
    let objects = manifests(&input);
    match args.output {
        Format::Yaml => data(yaml_of(&objects)?.trim_end()),
        Format::Json => {
            let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
            data(&serde_json::to_string_pretty(&list)?);
        }
    }
    Ok(Exit::Done)
}

/// Documents as `kubectl apply -f` reads them.
pub fn yaml_of(objects: &[Value]) -> anyhow::Result<String> {
    let mut text = String::new();
    for object in objects {
        text.push_str("---\n");
        text.push_str(serde_saphyr::to_string(object)?.trim_end());
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        args: ShowArgs,
    }

    #[test]
    fn yaml_is_read_as_it_was_meant() {
        let words = ["x", "--service", "blue", "--hosted-zone", "eks.example.org", "-o", "text"];
        let args = Program::try_parse_from(words).unwrap().args;
        let objects = manifests(&args.facts.input(&args.service, &Before::default()).unwrap());
        let read: Vec<Value> = serde_saphyr::from_multiple(&yaml_of(&objects).unwrap()).unwrap();
        assert_eq!(read, objects);
    }
}
