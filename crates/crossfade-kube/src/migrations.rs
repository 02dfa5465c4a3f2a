//! `Migration` objects: their definition, their status, and the journal in the source cluster.

use crossfade_api::migration::{Migration, MigrationSpec, MigrationStatus, NAMESPACE};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{CustomResourceExt, ResourceExt};
use serde::Deserialize;
use serde_json::json;

use crate::error::is_absent;
use crate::{Cluster, FIELD_MANAGER, KubeError};

/// The journal's ConfigMap in the source: what a migration can be resumed from when its home is lost.
pub const JOURNAL: &str = "crossfade-journal";

/// `Migration` objects of one cluster.
#[derive(Clone)]
pub struct Migrations {
    cluster: Cluster,
    api: Api<Migration>,
}

impl Migrations {
    /// In the namespace `crossfade` of `home`.
    pub fn new(home: &Cluster) -> Self {
        Migrations { cluster: home.clone(), api: Api::namespaced(home.client.clone(), NAMESPACE) }
    }

    /// The cluster they live in.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Makes sure that the namespace and the resource definition are there. Without the right to change the definition,
    /// one that is there already is taken as it is.
    pub async fn install(&self) -> Result<(), KubeError> {
        ensure_namespace(&self.cluster).await?;
        let definitions: Api<CustomResourceDefinition> = Api::all(self.cluster.client.clone());
        let definition = Migration::crd();
        let name = definition.name_any();
        let params = PatchParams::apply(FIELD_MANAGER).force();
        match definitions.patch(&name, &params, &Patch::Apply(&definition)).await {
            Ok(_) => self.wait_until_served().await,
            Err(kube::Error::Api(status)) if status.is_forbidden() && self.is_served().await => Ok(()),
            Err(kube::Error::Api(status)) if status.is_forbidden() => Err(KubeError::DefinitionMissing {
                cluster: self.cluster.name.0.clone(),
                context: self.cluster.context.clone(),
                message: status.message.clone(),
            }),
            Err(error) => Err(self.cluster.error("apply the definition of Migration", error)),
        }
    }

    async fn is_served(&self) -> bool {
        self.api.list(&ListParams::default().limit(1)).await.is_ok()
    }

    /// The definition is accepted before the API serves it.
    async fn wait_until_served(&self) -> Result<(), KubeError> {
        /// 50 times 100 ms: a real API server takes about one second.
        const TRIES: u32 = 50;
        for attempt in 1.. {
            match self.api.list(&ListParams::default().limit(1)).await {
                Ok(_) => break,
                Err(kube::Error::Api(status)) if is_absent(&status) && attempt < TRIES => {
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
                Err(error) => return Err(self.cluster.error("list Migrations", error)),
            }
        }
        Ok(())
    }

    /// One by name; none where Migrations are not defined.
    pub async fn get(&self, name: &str) -> Result<Option<Migration>, KubeError> {
        match self.api.get(name).await {
            Ok(found) => Ok(Some(found)),
            Err(kube::Error::Api(status)) if is_absent(&status) => Ok(None),
            Err(error) => Err(self.cluster.error(format!("read Migration {name}"), error)),
        }
    }

    /// All of them.
    pub async fn list(&self) -> Result<Vec<Migration>, KubeError> {
        let list = self.api.list(&ListParams::default()).await;
        Ok(list.map_err(|error| self.cluster.error("list Migrations", error))?.items)
    }

    /// A new one.
    pub async fn create(&self, name: &str, spec: MigrationSpec) -> Result<Migration, KubeError> {
        let migration = Migration::new(name, spec);
        let created = self.api.create(&PostParams::default(), &migration).await;
        created.map_err(|error| self.cluster.error(format!("create Migration {name}"), error))
    }

    /// Makes an object again that was lost with its home, as far as the journal knows it.
    pub async fn restore(&self, name: &str, journal: Journal) -> Result<Migration, KubeError> {
        self.install().await?;
        let created = self.create(name, journal.spec).await?;
        self.keep_status(&created, &journal.status).await
    }

    /// Changes the wish of the person at the wheel.
    pub async fn patch_spec(&self, name: &str, spec: &serde_json::Value) -> Result<Migration, KubeError> {
        let patch = json!({ "spec": spec });
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patched = self.api.patch(name, &params, &Patch::Merge(&patch)).await;
        patched.map_err(|error| self.cluster.error(format!("change Migration {name}"), error))
    }

    /// Keeps a status; fails when somebody else wrote the object since `migration` was read.
    pub async fn keep_status(
        &self,
        migration: &Migration,
        status: &MigrationStatus,
    ) -> Result<Migration, KubeError> {
        let name = migration.name_any();
        let mut object = migration.clone();
        object.status = Some(status.clone());
        let replaced = self.api.replace_status(&name, &PostParams::default(), &object).await;
        replaced.map_err(|error| self.cluster.error(format!("keep the status of Migration {name}"), error))
    }

    /// Removes one; its weights stay as they are.
    pub async fn delete(&self, name: &str) -> Result<(), KubeError> {
        let deleted = self.api.delete(name, &kube::api::DeleteParams::default()).await;
        deleted.map(drop).map_err(|error| self.cluster.error(format!("delete Migration {name}"), error))
    }
}

/// The namespace of crossfade's own objects.
pub async fn ensure_namespace(cluster: &Cluster) -> Result<(), KubeError> {
    let api: Api<Namespace> = Api::all(cluster.client.clone());
    let namespace = Namespace {
        metadata: ObjectMeta { name: Some(NAMESPACE.to_owned()), ..ObjectMeta::default() },
        ..Namespace::default()
    };
    match api.create(&PostParams::default(), &namespace).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        // No right to create it says nothing about whether it is there.
        Err(kube::Error::Api(status))
            if status.is_forbidden() && api.get_opt(NAMESPACE).await.is_ok_and(|found| found.is_some()) =>
        {
            Ok(())
        }
        Err(error) => Err(cluster.error(format!("create namespace {NAMESPACE}"), error)),
    }
}

/// Mirrors a migration in the source cluster.
pub async fn write_journal(source: &Cluster, migration: &Migration) -> Result<(), KubeError> {
    let api: Api<ConfigMap> = Api::namespaced(source.client.clone(), NAMESPACE);
    let text = serde_json::to_string(&json!({ "spec": migration.spec, "status": migration.status }))
        .map_err(|error| source.error("write the journal", kube::Error::SerdeError(error)))?;
    let journal = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": JOURNAL },
        "data": { migration.name_any(): text },
    });
    // A manager of its own per migration: the journals of two migrations live side by side.
    let params = PatchParams::apply(&format!("{FIELD_MANAGER}-{}", migration.name_any())).force();
    let patched = api.patch(JOURNAL, &params, &Patch::Apply(&journal)).await;
    patched.map(drop).map_err(|error| source.error("write the journal", error))
}

/// What a source cluster's journal holds of a migration.
#[derive(Clone, Debug, Deserialize)]
pub struct Journal {
    /// What was asked.
    pub spec: MigrationSpec,
    /// How far it came.
    pub status: MigrationStatus,
}

/// Reads the journal of one migration.
pub async fn read_journal(source: &Cluster, name: &str) -> Result<Option<Journal>, KubeError> {
    let api: Api<ConfigMap> = Api::namespaced(source.client.clone(), NAMESPACE);
    let found = api.get_opt(JOURNAL).await.map_err(|error| source.error("read the journal", error))?;
    let Some(text) = found.and_then(|journal| journal.data?.remove(name)) else { return Ok(None) };
    let journal = serde_json::from_str(&text);
    journal.map(Some).map_err(|error| source.error("read the journal", kube::Error::SerdeError(error)))
}

/// The UID of `kube-system`, which names a cluster for ever.
pub async fn cluster_uid(cluster: &Cluster) -> Result<String, KubeError> {
    let api: Api<Namespace> = Api::all(cluster.client.clone());
    let namespace =
        api.get("kube-system").await.map_err(|error| cluster.error("read namespace kube-system", error))?;
    Ok(namespace.metadata.uid.unwrap_or_default())
}
