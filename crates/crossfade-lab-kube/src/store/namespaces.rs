//! The namespace controller: empties namespaces that are being deleted.
//!
//! It is a task of its own because the moment between marking and emptying matters to people: `kubectl delete -f`
//! of a file that begins with its namespace goes on to delete the objects by name, and has to find them.

use std::time::Duration;

use super::{End, Store, WatchEventKind};
use crate::meta;
use crate::resource::ResourceId;

/// From a namespace being marked to it being emptied. `kubectl` needs about 10 ms for each further object of a file.
const DELAY: Duration = Duration::from_millis(300);

impl Store {
    /// Runs until the server stops.
    pub(crate) async fn run_namespace_controller(self) {
        let id = ResourceId::new("", "namespaces");
        loop {
            let Ok((namespaces, revision)) = self.list(&id, None) else { return };
            if namespaces.iter().any(|namespace| meta::is_deleting(namespace)) {
                self.empty_namespaces().await;
            }
            let Ok(mut watch) = self.watch(&id, None, revision) else {
                // All watches are taken; one may be free a little later.
                tokio::time::sleep(DELAY).await;
                continue;
            };
            loop {
                match watch.next_change().await {
                    Ok(change) if change.event.kind == WatchEventKind::Deleted => {}
                    Ok(change) if meta::is_deleting(&change.event.object) => {
                        self.empty_namespaces().await;
                    }
                    Ok(_) => {}
                    Err(End::HistoryGone) => break,
                    Err(End::Stopped) => return,
                }
            }
        }
    }

    async fn empty_namespaces(&self) {
        tokio::time::sleep(DELAY).await;
        // Refuses nothing, so there is no error to report.
        let _ = self.change(|state| {
            state.clear_terminating_namespaces();
            Ok(())
        });
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_can_be_deleted_by_name_until_the_controller_comes() {
        let store = Store::new("test");
        let (namespaces, maps) = (ResourceId::new("", "namespaces"), ResourceId::new("", "configmaps"));
        store.create(&namespaces, json!({"metadata": {"name": "team"}})).unwrap();
        store.create(&maps, json!({"metadata": {"name": "x", "namespace": "team"}})).unwrap();
        store.delete(&namespaces, None, "team").unwrap();
        assert_eq!(store.get(&namespaces, None, "team").unwrap()["status"]["phase"], "Terminating");
        store.delete(&maps, Some("team"), "x").unwrap();
        store
            .change(|state| {
                state.clear_terminating_namespaces();
                Ok(())
            })
            .unwrap();
        assert!(store.get(&namespaces, None, "team").unwrap_err().is_not_found());
    }
}
