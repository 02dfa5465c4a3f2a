//! `GET .../pods/NAME/log`.

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;

use super::Context;
use super::answer::{self, Answer};
use super::call::Call;
use super::dispatch::Place;
use crate::LogSource;
use crate::error::ApiError;

/// Annotation that names the container whose logs are meant when none is asked for.
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

pub(super) fn answer(context: &Context, call: &Call, place: &Place) -> Result<Answer, ApiError> {
    let (namespace, name) = (place.namespace_text(), place.name_text());
    let pod = context.store.get(place.id(), Some(namespace), name)?;
    let container = container(&pod, name, call.query.get("container"))?;
    let source = if call.query.is_true("previous") {
        None
    } else {
        context.pod_logs.lines(namespace, name, &container)
    };
    let Some(source) = source else {
        let text = if call.query.is_true("previous") {
            format!("previous terminated container \"{container}\" in pod \"{name}\" not found")
        } else {
            format!("container \"{container}\" in pod \"{name}\" is waiting to start: ContainerCreating")
        };
        return Err(ApiError::bad_request(text));
    };
    let tail = call.query.number("tailLines")?.and_then(|count| usize::try_from(count).ok());
    let limit =
        call.query.number("limitBytes")?.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
    let skip = tail.map_or(0, |tail| source.past.len().saturating_sub(tail));
    let mut text = String::new();
    for line in source.past.iter().skip(skip) {
        text.push_str(line);
        text.push('\n');
    }
    if text.len() > limit {
        let cut = (0..=limit).rev().find(|index| text.is_char_boundary(*index)).unwrap_or(0);
        text.truncate(cut);
    }
    if !call.query.is_true("follow") {
        return Ok(answer::text(StatusCode::OK, "text/plain", text));
    }
    let (answer, sender) = answer::stream("text/plain");
    tokio::spawn(follow(text, source, sender));
    Ok(answer)
}

async fn follow(past: String, mut source: LogSource, sender: tokio::sync::mpsc::Sender<Bytes>) {
    if !past.is_empty() && sender.send(Bytes::from(past)).await.is_err() {
        return;
    }
    loop {
        let line = tokio::select! {
            line = source.live.recv() => line,
            () = sender.closed() => return,
        };
        let piece = match line {
            Ok(mut line) => {
                line.push('\n');
                line
            }
            // A reader that was too slow goes on with what is there now.
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        if sender.send(Bytes::from(piece)).await.is_err() {
            return;
        }
    }
}

fn container(pod: &Value, name: &str, wanted: Option<&str>) -> Result<String, ApiError> {
    let names = |list: &str| -> Vec<String> {
        pod["spec"][list]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|container| container["name"].as_str().map(str::to_owned))
            .collect()
    };
    let (containers, init) = (names("containers"), names("initContainers"));
    let known = |wanted: &str| containers.iter().chain(&init).any(|name| name == wanted);
    if let Some(wanted) = wanted {
        return if known(wanted) {
            Ok(wanted.to_owned())
        } else {
            Err(ApiError::bad_request(format!("container {wanted} is not valid for pod {name}")))
        };
    }
    if let Some(default) = pod["metadata"]["annotations"][DEFAULT_CONTAINER].as_str()
        && known(default)
    {
        return Ok(default.to_owned());
    }
    match containers.as_slice() {
        [only] => Ok(only.clone()),
        many => Err(ApiError::bad_request(format!(
            "a container name must be specified for pod {name}, choose one of: [{}]",
            many.join(" ")
        ))),
    }
}
