//! `GET ...?watch=true`: a stream of events, one JSON document a line.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::Context;
use super::answer::{self, Answer};
use super::call::{Call, Form};
use super::dispatch::Place;
use super::reading::{Selection, metadata_only};
use crate::error::{ApiError, Problem, ProblemKind};
use crate::faults::{Cut, Faults};
use crate::meta;
use crate::store::{End, Watch, WatchEventKind, in_version};
use crate::table;

/// How often a watch that asks for bookmarks gets one, as on a real server.
const BOOKMARK_INTERVAL: Duration = Duration::from_mins(1);

/// Shortest life of a watch that names no timeout (`--min-request-timeout`); the real one is up to twice
/// that, at random, so that the watches of a restarted server do not all end together.
const LIFE_SECONDS_MIN: u64 = 1_800;

/// How events of one watch are written.
struct Writer {
    place: Place,
    form: Form,
    include: table::Include,
    /// A table's columns are sent with its first event only.
    columns_sent: bool,
}

/// For how long a watch lives, and what it gets in that time.
struct Terms {
    life: Duration,
    bookmarks: bool,
    faults: Faults,
}

/// What happens to be sent before the changes.
struct Start {
    initial: Vec<Arc<Value>>,
    revision: u64,
    /// The client wants to know where the initial objects end.
    marks_end: bool,
}

pub(super) fn watch(context: &Context, call: &Call, place: &Place) -> Result<Answer, ApiError> {
    let form = call.form()?;
    let selection = Selection::of(call, place)?;
    let life = match call.query.number("timeoutSeconds")? {
        Some(seconds) if seconds > 0 => Duration::from_secs(seconds),
        _ => Duration::from_secs(LIFE_SECONDS_MIN + fastrand::u64(..LIFE_SECONDS_MIN)),
    };
    let bookmarks = call.query.is_true("allowWatchBookmarks");
    let start = start(context, call, place, &selection)?;
    let opened = context.store.watch(place.id(), place.namespace.as_deref(), start.revision);
    let (answer, sender) = answer::stream("application/json");
    let writer = Writer {
        place: Place {
            resource: place.resource.clone(),
            version: place.version.clone(),
            namespace: place.namespace.clone(),
            name: place.name.clone(),
            subresource: None,
        },
        form,
        include: table::Include::parse(call.query.get("includeObject")),
        columns_sent: false,
    };
    match opened {
        Ok(watch) => {
            let terms = Terms { life, bookmarks, faults: context.faults.clone() };
            tokio::spawn(run(watch, writer, start, selection, sender, terms));
        }
        // A watch that cannot start is told so in its stream, which is where clients look for it.
        Err(error) if error.code() == 410 => {
            let _ = sender.try_send(line("ERROR", &error.status()));
        }
        Err(error) => return Err(error),
    }
    Ok(answer)
}

fn start(context: &Context, call: &Call, place: &Place, selection: &Selection) -> Result<Start, ApiError> {
    let streams_list = call.query.get("sendInitialEvents").is_some();
    let wants_initial = call.query.is_true("sendInitialEvents");
    let matching = call.query.get("resourceVersionMatch");
    let refuse = |field: &str, text: &str| {
        let problem = Problem::new(ProblemKind::Forbidden, field, Value::Null, text);
        Err(ApiError::invalid("meta.k8s.io", "ListOptions", "", &[problem]))
    };
    if !streams_list && matching.is_some() {
        return refuse(
            "resourceVersionMatch",
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        );
    }
    if streams_list && matching != Some("NotOlderThan") {
        return refuse(
            "resourceVersionMatch",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        );
    }
    let revision = call.query.number("resourceVersion")?.unwrap_or(0);
    let from_now = !wants_initial && streams_list && revision == 0;
    if revision != 0 && !wants_initial {
        return Ok(Start { initial: Vec::new(), revision, marks_end: false });
    }
    let listed = context.store.list_at(place.id(), place.namespace.as_deref(), None)?;
    let initial = if from_now {
        Vec::new()
    } else {
        listed.items.into_iter().filter(|object| selection.matches(object)).collect()
    };
    Ok(Start {
        initial,
        revision: listed.revision,
        marks_end: wants_initial && call.query.is_true("allowWatchBookmarks"),
    })
}

async fn run(
    mut watch: Watch,
    mut writer: Writer,
    start: Start,
    selection: Selection,
    sender: mpsc::Sender<Bytes>,
    terms: Terms,
) {
    let Terms { life, bookmarks, faults } = terms;
    for object in &start.initial {
        if sender.send(writer.event("ADDED", object)).await.is_err() {
            return;
        }
    }
    if start.marks_end && sender.send(writer.bookmark(start.revision, true)).await.is_err() {
        return;
    }
    let end = tokio::time::sleep(life);
    tokio::pin!(end);
    let cut = faults.wait_for_cut();
    tokio::pin!(cut);
    let mut tick =
        tokio::time::interval_at(tokio::time::Instant::now() + BOOKMARK_INTERVAL, BOOKMARK_INTERVAL);
    loop {
        let piece = tokio::select! {
            change = watch.next_change() => match change {
                Ok(change) => {
                    let now = selection.matches(&change.event.object) && change.event.kind != WatchEventKind::Deleted;
                    let before = change.previous.as_ref().is_some_and(|previous| selection.matches(previous));
                    let kind = match (before, now) {
                        (false, true) => "ADDED",
                        (true, true) => "MODIFIED",
                        (true, false) => "DELETED",
                        (false, false) => continue,
                    };
                    writer.event(kind, &change.event.object)
                }
                Err(End::Stopped) => return,
                Err(End::HistoryGone) => {
                    let status = ApiError::too_old(watch.cursor(), watch.cursor() + 1).status();
                    let _ = sender.send(line("ERROR", &status)).await;
                    return;
                }
            },
            _ = tick.tick(), if bookmarks => writer.bookmark(watch.cursor(), false),
            () = &mut end => {
                if bookmarks {
                    let _ = sender.send(writer.bookmark(watch.cursor(), false)).await;
                }
                return;
            }
            cut = &mut cut => {
                if let Some(last) = writer.last_words(cut, watch.cursor()) {
                    let _ = sender.send(last).await;
                }
                return;
            }
            () = sender.closed() => return,
        };
        if sender.send(piece).await.is_err() {
            return;
        }
    }
}

impl Writer {
    fn event(&mut self, kind: &str, object: &Arc<Value>) -> Bytes {
        let object = in_version(&self.place.resource, &self.place.version, object);
        match self.form {
            Form::Whole => line(kind, &object),
            Form::Metadata => line(kind, &metadata_only(&object)),
            Form::Table => {
                let columns = if self.columns_sent { table::Columns::Hidden } else { table::Columns::Shown };
                self.columns_sent = true;
                let version = meta::resource_version(&object).to_owned();
                let rows = table::render(
                    &self.place.resource,
                    &self.place.version,
                    &[object],
                    self.include,
                    columns,
                );
                line(kind, &table::document(&rows, &json!({"resourceVersion": version})))
            }
        }
    }

    /// What a watch that is cut ends with.
    fn last_words(&mut self, cut: Cut, revision: u64) -> Option<Bytes> {
        match cut {
            Cut::Closed => None,
            Cut::Expired => Some(line("ERROR", &ApiError::too_old(revision, revision + 1).status())),
            Cut::Broken => {
                let whole = self.bookmark(revision, false);
                Some(whole.slice(..whole.len() / 2))
            }
        }
    }

    /// An object of the kind that has a revision and nothing else.
    fn bookmark(&mut self, revision: u64, ends_initial: bool) -> Bytes {
        let mut metadata = json!({"resourceVersion": revision.to_string(), "creationTimestamp": null});
        if ends_initial {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = Arc::new(json!({
            "kind": self.place.resource.kind,
            "apiVersion": self.place.resource.api_version(&self.place.version),
            "metadata": metadata,
        }));
        match self.form {
            Form::Whole => line("BOOKMARK", &object),
            Form::Metadata => line("BOOKMARK", &metadata_only(&object)),
            Form::Table => {
                let rows = table::render(
                    &self.place.resource,
                    &self.place.version,
                    &[object],
                    table::Include::Metadata,
                    table::Columns::Hidden,
                );
                line("BOOKMARK", &table::document(&rows, &json!({"resourceVersion": revision.to_string()})))
            }
        }
    }
}

fn line(kind: &str, object: &Value) -> Bytes {
    // Writing a `Value` cannot fail; its keys are strings.
    let mut text = format!("{{\"type\":\"{kind}\",\"object\":{object}}}");
    text.push('\n');
    Bytes::from(text)
}
