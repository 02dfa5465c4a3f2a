//! What agents have opened of repositories: one for all who open a URL with the same credentials, looked after from then
//! on. What was read with one credential is not given to who has another.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::keyring::{Access, Keyring};
use crate::lock::lock;

/// What is looked at for changes as long as it is open.
pub(crate) trait Watched: Send + Sync + 'static {
    /// How often.
    const INTERVAL: Duration;

    /// Whether something in use has changed since it was last looked at.
    fn has_moved(&self) -> impl Future<Output = bool> + Send;
}

/// All repositories of a kind that anybody named, seen with the credentials of one cluster. Cheap to clone.
pub(crate) struct Opened<T> {
    table: Arc<Table<T>>,
    keyring: Keyring,
}

struct Table<T> {
    open: Mutex<HashMap<Key, Arc<T>>>,
    /// Of every agent; what none of them opens any more is let go.
    keyrings: Mutex<Vec<Keyring>>,
    moved: watch::Sender<u64>,
    polls: Mutex<JoinSet<()>>,
}

/// A URL and the fingerprint of the access.
type Key = (String, String);

impl<T> Clone for Opened<T> {
    fn clone(&self) -> Self {
        Opened { table: Arc::clone(&self.table), keyring: self.keyring.clone() }
    }
}

impl<T> Default for Opened<T> {
    fn default() -> Self {
        let table = Table {
            open: Mutex::default(),
            keyrings: Mutex::default(),
            moved: watch::Sender::new(0),
            polls: Mutex::default(),
        };
        Opened { table: Arc::new(table), keyring: Keyring::default() }
    }
}

impl<T: Watched> Opened<T> {
    /// The same repositories, opened with the credentials of a cluster.
    pub(crate) fn with(&self, keyring: &Keyring) -> Opened<T> {
        lock(&self.table.keyrings).push(keyring.clone());
        Opened { table: Arc::clone(&self.table), keyring: keyring.clone() }
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Lets go of what no keyring opens in the way in which it was opened.
    pub(crate) fn forget_unopened(&self) {
        let keyrings = lock(&self.table.keyrings).clone();
        let is_opened = |url: &str, fingerprint: &str| {
            fingerprint.is_empty()
                || keyrings.iter().any(|keyring| keyring.access(url).fingerprint() == fingerprint)
        };
        lock(&self.table.open).retain(|(url, fingerprint), _| is_opened(url, fingerprint));
    }

    /// Counts how often something that is open has moved.
    pub(crate) fn moves(&self) -> watch::Receiver<u64> {
        self.table.moved.subscribe()
    }

    /// What a URL is with an access; `open` makes it where nobody has opened it so.
    pub(crate) fn get(
        &self,
        url: &str,
        access: &Access,
        open: impl FnOnce() -> Result<T, String>,
    ) -> Result<Arc<T>, String> {
        let key = (url.to_owned(), access.fingerprint());
        let mut known = lock(&self.table.open);
        if let Some(known) = known.get(&key) {
            return Ok(Arc::clone(known));
        }
        let opened = Arc::new(open()?);
        known.insert(key.clone(), Arc::clone(&opened));
        lock(&self.table.polls).spawn(poll(Arc::downgrade(&self.table), key, Arc::clone(&opened)));
        Ok(opened)
    }
}

/// Looks after one repository as long as it is open, so that one that does not answer holds no other up.
async fn poll<T: Watched>(table: Weak<Table<T>>, key: Key, opened: Arc<T>) {
    loop {
        tokio::time::sleep(T::INTERVAL).await;
        let is_open =
            |table: &Table<T>| lock(&table.open).get(&key).is_some_and(|known| Arc::ptr_eq(known, &opened));
        if !table.upgrade().is_some_and(|table| is_open(&table)) {
            return;
        }
        let has_moved = opened.has_moved().await;
        let Some(table) = table.upgrade() else { return };
        if has_moved {
            table.moved.send_modify(|count| *count += 1);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const URL: &str = "https://git.example.org/team/a";

    /// Moves at its second look.
    #[derive(Default)]
    struct Repository {
        looks: AtomicU32,
    }

    impl Watched for Repository {
        const INTERVAL: Duration = Duration::from_millis(5);

        async fn has_moved(&self) -> bool {
            self.looks.fetch_add(1, Ordering::Relaxed) == 1
        }
    }

    fn keyring(password: &str) -> Keyring {
        Keyring::mk("https://git.example.org/team", password)
    }

    fn open(by: &Opened<Repository>) -> Arc<Repository> {
        by.get(URL, &by.keyring().access(URL), || Ok(Repository::default())).unwrap()
    }

    #[tokio::test]
    async fn clusters_share_a_repository_only_where_they_open_it_with_the_same() {
        let all = Opened::<Repository>::default();
        let blue = all.with(&keyring("blue"));
        let also_blue = all.with(&keyring("blue"));
        let of_blue = open(&blue);
        assert!(Arc::ptr_eq(&of_blue, &open(&also_blue)));
        for other in [all.with(&keyring("green")), all.with(&Keyring::default())] {
            assert!(!Arc::ptr_eq(&of_blue, &open(&other)));
        }
        blue.forget_unopened();
        assert!(Arc::ptr_eq(&of_blue, &open(&blue)), "it is still opened so");
        lock(&all.table.keyrings).retain(|keyring| keyring.access(URL).password != "blue");
        blue.forget_unopened();
        assert!(!Arc::ptr_eq(&of_blue, &open(&blue)), "nobody opens it so any more");
    }

    #[tokio::test]
    async fn what_cannot_be_opened_is_asked_for_again() {
        let all = Opened::<Repository>::default();
        let refused = all.get(URL, &Access::default(), || Err("no such scheme".to_owned()));
        assert_eq!(refused.err().as_deref(), Some("no such scheme"));
        assert!(all.get(URL, &Access::default(), || Ok(Repository::default())).is_ok());
    }

    #[tokio::test]
    async fn what_is_open_is_looked_at_until_it_is_forgotten() {
        let all = Opened::<Repository>::default();
        let blue = all.with(&keyring("blue"));
        let mut moves = all.moves();
        let repository = open(&blue);
        moves.changed().await.unwrap();
        assert_eq!(*moves.borrow_and_update(), 1);
        lock(&all.table.keyrings).clear();
        blue.forget_unopened();
        while Arc::strong_count(&repository) > 1 {
            tokio::time::sleep(Repository::INTERVAL).await;
        }
    }
}
