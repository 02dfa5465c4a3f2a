//! Tells migrations which change of Route 53 was the last one for each host.
//!
//! One ConfigMap per owner. It is a courtesy: a controller that may not write it works as well without, and says so once.

use std::collections::BTreeMap;
use std::time::Duration;

use crossfade_api::dns_report::{LABEL, RecordReport, key_of, name_of};
use crossfade_core::dns::{Action, ChangeGroup, OwnerId, RecordType};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Reports waiting to be written; each is small, and they are merged before they are.
const QUEUE: usize = 64;

/// After a report that was not written: the namespace may come with the first migration, an API that is away comes back.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(2);

type Entries = BTreeMap<String, Option<RecordReport>>;

/// The way to the task that writes.
#[derive(Clone)]
pub(super) struct Reporter {
    queue: mpsc::Sender<Entries>,
}

impl Reporter {
    /// Starts the task; it ends when the last sender is dropped and everything is written.
    pub(super) fn start(client: &Client, namespace: &str, owner: &OwnerId) -> Reporter {
        let (queue, mut reports) = mpsc::channel::<Entries>(QUEUE);
        let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
        let name = name_of(owner.as_str());
        tokio::spawn(async move {
            let mut has_complained = false;
            let mut unwritten = Entries::new();
            loop {
                let more = if unwritten.is_empty() {
                    reports.recv().await
                } else {
                    let again = tokio::time::timeout(TRY_AGAIN_AFTER, reports.recv());
                    again.await.unwrap_or_else(|_| Some(Entries::new()))
                };
                let Some(more) = more else { break };
                unwritten.extend(more);
                while let Ok(more) = reports.try_recv() {
                    unwritten.extend(more);
                }
                match write(&api, &name, &unwritten).await {
                    Ok(()) => unwritten.clear(),
                    Err(error) if has_complained => tracing::debug!(%error, name, "still untold"),
                    Err(error) => {
                        has_complained = true;
                        tracing::info!(%error, name, "cannot tell migrations about changes; they wait by the clock until it can");
                    }
                }
            }
        });
        Reporter { queue }
    }

    /// Tells about groups that Route 53 has accepted as one change.
    pub(super) fn tell(&self, change_id: &str, groups: &[ChangeGroup]) {
        let entries: Entries = groups.iter().map(|group| entry(change_id, group)).collect();
        if self.queue.try_send(entries).is_err() {
            tracing::debug!(change_id, "too many reports are waiting to be written");
        }
    }
}

/// A host without records of its own left has no report.
fn entry(change_id: &str, group: &ChangeGroup) -> (String, Option<RecordReport>) {
    let key = key_of(group.owned_name.as_str());
    let written = group.changes.iter().filter(|change| change.action != Action::Delete);
    let record =
        written.map(|change| &change.record).min_by_key(|record| record.record_type == RecordType::Txt);
    let report = record.map(|record| RecordReport {
        set_identifier: record.set_identifier.as_ref().map(|id| id.as_str().to_owned()),
        weight: record.weight,
        change_id: change_id.to_owned(),
    });
    (key, report)
}

async fn write(api: &Api<ConfigMap>, name: &str, entries: &Entries) -> Result<(), kube::Error> {
    let data: serde_json::Map<String, Value> = entries
        .iter()
        .map(|(host, report)| {
            (host.clone(), report.as_ref().map_or(Value::Null, |r| json!(json!(r).to_string())))
        })
        .collect();
    let patch = json!({ "data": data });
    let params =
        PatchParams { field_manager: Some(crossfade_kube::FIELD_MANAGER.to_owned()), ..Default::default() };
    match api.patch(name, &params, &Patch::Merge(&patch)).await {
        Err(kube::Error::Api(status)) if status.code == 404 => {
            let map = ConfigMap {
                metadata: kube::api::ObjectMeta {
                    name: Some(name.to_owned()),
                    labels: Some(BTreeMap::from([(LABEL.to_owned(), "true".to_owned())])),
                    ..Default::default()
                },
                data: Some(
                    data.into_iter()
                        .filter_map(|(host, report)| Some((host, report.as_str()?.to_owned())))
                        .collect(),
                ),
                ..Default::default()
            };
            let params = PostParams { field_manager: params.field_manager, ..Default::default() };
            api.create(&params, &map).await.map(|_| ())
        }
        outcome => outcome.map(|_| ()),
    }
}
