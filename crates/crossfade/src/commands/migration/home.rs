//! Where a Migration lives: the context that is named, or whichever of the clusters has an object of that name.

use clap::Args;
use crossfade_api::migration::Migration;
use crossfade_kube::migrations::Migrations;
use crossfade_kube::{Cluster, KubeError};

use crate::exit::user_error;
use crate::printer::note;
use crate::settings::ClusterOptions;

/// Where to look.
#[derive(Clone, Debug, Args)]
pub struct HomeOptions {
    /// The context of the cluster that keeps the Migration. Default: whichever of --context has one of that name.
    #[arg(long = "home-context", value_name = "CTX")]
    pub home_context: Option<String>,
    #[command(flatten)]
    pub clusters: ClusterOptions,
}

/// A Migration where it lives.
pub struct Kept {
    pub home: Cluster,
    pub migration: Migration,
}

impl Kept {
    pub fn name(&self) -> &str {
        self.migration.metadata.name.as_deref().unwrap_or_default()
    }

    pub fn migrations(&self) -> Migrations {
        Migrations::new(&self.home)
    }
}

impl HomeOptions {
    /// The home that is named, or every cluster that may be one.
    pub async fn homes(&self) -> anyhow::Result<Vec<Cluster>> {
        if let Some(context) = &self.home_context {
            return Ok(vec![Cluster::connect(context.as_str().into(), context, None).await?]);
        }
        let mut homes: Vec<Cluster> = Vec::new();
        for (name, context) in &self.clusters.contexts {
            if !homes.iter().any(|home| home.context == *context) {
                homes.push(self.clusters.connect(name).await?);
            }
        }
        if homes.is_empty() {
            return Err(user_error(
                "it is not said which clusters keep Migrations",
                "name one with --home-context CTX, or all with --context NAME=CTX (CROSSFADE_CONTEXTS)",
            ));
        }
        Ok(homes)
    }

    /// The one Migration of this name.
    pub async fn find(&self, name: &str) -> anyhow::Result<Kept> {
        let homes = self.homes().await?;
        let mut found = Vec::new();
        let mut unread: Option<KubeError> = None;
        for home in &homes {
            match Migrations::new(home).get(name).await {
                Ok(Some(migration)) => found.push(Kept { home: home.clone(), migration }),
                Ok(None) => {}
                Err(error) if homes.len() == 1 => return Err(error.into()),
                Err(error) => {
                    note(&format!("{} cannot be read: {error}", home.context));
                    unread = Some(error);
                }
            }
        }
        let contexts = |homes: &mut dyn Iterator<Item = &Cluster>| -> String {
            homes.map(|home| home.context.as_str()).collect::<Vec<_>>().join(" and ")
        };
        if found.len() > 1 {
            let in_both = contexts(&mut found.iter().map(|kept| &kept.home));
            return Err(user_error(
                format!("{in_both} each keep a Migration {name}"),
                format!("say which: --home-context {}", found[0].home.context),
            ));
        }
        match (found.pop(), unread) {
            (Some(kept), _) => Ok(kept),
            (None, Some(error)) => Err(error.into()),
            (None, None) => {
                let none = if homes.len() == 1 { "keeps" } else { "keep" };
                Err(user_error(
                    format!("{} {none} no Migration {name}", contexts(&mut homes.iter())),
                    format!("`{}` lists them", self.list_command()),
                ))
            }
        }
    }

    fn list_command(&self) -> String {
        let home = self.home_context.iter().map(|context| format!(" --home-context {context}"));
        let all = self.clusters.contexts.iter().map(|(name, context)| format!(" --context {name}={context}"));
        format!("crossfade migration list{}", home.chain(all).collect::<String>())
    }
}
