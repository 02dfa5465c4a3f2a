//! Watches of the sources as one stream of events in core's words.

use std::collections::BTreeSet;

use crossfade_core::dns::{ResourceLabel, SourceObject};
use crossfade_kube::sources::{SourceKind, SourceOptions, ingress_object, service_object};
use futures::stream::{BoxStream, SelectAll};
use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::Ingress;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt};

/// What a source says.
#[derive(Debug)]
pub(super) enum SourceEvent {
    /// A complete list begins.
    ListBegins(SourceKind),
    /// An object of that list.
    Listed(SourceKind, SourceObject),
    /// The list is complete.
    ListEnds(SourceKind),
    /// An object is new or different.
    Applied(SourceObject),
    /// An object was seen to go.
    Deleted(ResourceLabel),
    /// The API server cannot be reached or does not allow it; the watch goes on by itself.
    Failed(SourceKind, String),
}

/// All watches together.
pub(super) fn events(
    client: &Client,
    namespace: Option<&str>,
    sources: &BTreeSet<SourceKind>,
    options: &SourceOptions,
) -> SelectAll<BoxStream<'static, SourceEvent>> {
    sources
        .iter()
        .map(|kind| match kind {
            SourceKind::Ingress => {
                let options = options.clone();
                let read = move |ingress: &Ingress| ingress_object(ingress, &options);
                watch(*kind, api::<Ingress>(client, namespace), read).boxed()
            }
            SourceKind::Service => {
                let options = options.clone();
                let read = move |service: &Service| service_object(service, &options);
                watch(*kind, api::<Service>(client, namespace), read).boxed()
            }
        })
        .collect()
}

fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

fn watch<K>(
    kind: SourceKind,
    api: Api<K>,
    read: impl Fn(&K) -> SourceObject + Send + 'static,
) -> impl Stream<Item = SourceEvent> + Send + 'static
where
    K: kube::Resource<DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + k8s_openapi::serde::de::DeserializeOwned
        + Send
        + 'static,
{
    watcher(api, watcher::Config::default()).default_backoff().map(move |event| match event {
        Ok(Event::Init) => SourceEvent::ListBegins(kind),
        Ok(Event::InitApply(object)) => SourceEvent::Listed(kind, read(&object)),
        Ok(Event::InitDone) => SourceEvent::ListEnds(kind),
        Ok(Event::Apply(object)) => SourceEvent::Applied(read(&object)),
        Ok(Event::Delete(object)) => {
            SourceEvent::Deleted(kind.label(&object.namespace().unwrap_or_default(), &object.name_any()))
        }
        Err(error) => SourceEvent::Failed(kind, problem(&error)),
    })
}

/// The cause says more than kube's own text, which names only the step.
fn problem(error: &watcher::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
