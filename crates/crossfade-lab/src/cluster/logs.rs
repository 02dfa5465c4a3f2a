//! What containers have written: a bounded past and the lines to come. Files of controllers that run as processes of
//! their own are followed into the same shape.

use std::collections::{HashMap, VecDeque};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use crossfade_lab_kube::{LogSource, PodLogs};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio::sync::broadcast;

/// Lines kept per container, as much as one looks at; a hundred pods stay within some ten megabytes.
const LINES_MAX: usize = 1000;
/// Lines that a slow follower may lag behind before it misses some.
const LIVE_LINES: usize = 256;
/// How often a log file is looked at: often enough to look live.
const FILE_INTERVAL: Duration = Duration::from_millis(100);
/// Read at one time from a log file.
const FILE_CHUNK_BYTES: usize = 64 << 10;

/// One container's log.
#[derive(Debug)]
pub(crate) struct Log {
    past: Mutex<VecDeque<String>>,
    /// `None` once the container has ended.
    live: Mutex<Option<broadcast::Sender<String>>>,
}

impl Log {
    pub(crate) fn new() -> Log {
        Log { past: Mutex::default(), live: Mutex::new(Some(broadcast::Sender::new(LIVE_LINES))) }
    }

    pub(crate) fn push(&self, line: String) {
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        if past.len() == LINES_MAX {
            past.pop_front();
        }
        past.push_back(line.clone());
        // Under the same lock as the past, so that a new follower sees each line once. Nobody may be listening.
        if let Some(live) = &*self.live.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = live.send(line);
        }
    }

    /// Nothing more is written: whoever follows comes to the end.
    pub(crate) fn end(&self) {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn source(&self) -> LogSource {
        let past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let live = match &*live {
            Some(live) => live.subscribe(),
            // Its sender ends here, so that there is nothing to wait for.
            None => broadcast::Sender::new(1).subscribe(),
        };
        LogSource { past: past.iter().cloned().collect(), live }
    }
}

/// The logs of one cluster's containers.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    by_pod: RwLock<HashMap<(String, String), ContainerLogs>>,
}

/// In the order of the containers.
type ContainerLogs = Vec<(String, Arc<Log>)>;

impl Logs {
    pub(crate) fn insert(&self, namespace: &str, pod: &str, containers: ContainerLogs) {
        let key = (namespace.to_owned(), pod.to_owned());
        self.by_pod.write().unwrap_or_else(PoisonError::into_inner).insert(key, containers);
    }

    /// Lets everybody who follows a pod's containers come to the end; what they wrote stays.
    pub(crate) fn end(&self, namespace: &str, pod: &str) {
        let key = (namespace.to_owned(), pod.to_owned());
        let by_pod = self.by_pod.read().unwrap_or_else(PoisonError::into_inner);
        for (_, log) in by_pod.get(&key).into_iter().flatten() {
            log.end();
        }
    }

    /// Writes a line into the log of each of a pod's containers.
    pub(crate) fn push(&self, namespace: &str, pod: &str, line: &str) {
        let key = (namespace.to_owned(), pod.to_owned());
        let by_pod = self.by_pod.read().unwrap_or_else(PoisonError::into_inner);
        for (_, log) in by_pod.get(&key).into_iter().flatten() {
            log.push(line.to_owned());
        }
    }

    pub(crate) fn remove(&self, namespace: &str, pod: &str) {
        let key = (namespace.to_owned(), pod.to_owned());
        self.by_pod.write().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }
}

impl PodLogs for Logs {
    fn lines(&self, namespace: &str, pod: &str, container: &str) -> Option<LogSource> {
        let key = (namespace.to_owned(), pod.to_owned());
        let by_pod = self.by_pod.read().unwrap_or_else(PoisonError::into_inner);
        let containers = by_pod.get(&key)?;
        let found = containers.iter().find(|(name, _)| container.is_empty() || name == container)?;
        Some(found.1.source())
    }
}

/// `name` as a path inside `dir`; `None` when it would lead elsewhere.
pub(crate) fn file_inside(dir: &Path, name: &str) -> Option<PathBuf> {
    let relative = Path::new(name);
    let plain = relative.components().all(|component| matches!(component, Component::Normal(_)));
    (plain && !name.is_empty()).then(|| dir.join(relative))
}

/// Follows a file into `log` until dropped. The file may appear later; a shorter one is read from its start.
pub(crate) async fn follow_file(path: PathBuf, log: Arc<Log>) {
    let mut position = 0_u64;
    let mut line = Vec::new();
    let mut buffer = vec![0_u8; FILE_CHUNK_BYTES];
    loop {
        let read = read_at(&path, &mut position, &mut buffer).await.unwrap_or_default();
        for &byte in &buffer[..read] {
            if byte == b'\n' {
                log.push(String::from_utf8_lossy(&line).into_owned());
                line.clear();
            } else if line.len() < FILE_CHUNK_BYTES {
                line.push(byte);
            }
        }
        if read == 0 {
            tokio::time::sleep(FILE_INTERVAL).await;
        }
    }
}

async fn read_at(path: &Path, position: &mut u64, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut file = tokio::fs::File::open(path).await?;
    let length = file.metadata().await?.len();
    if length < *position {
        *position = 0;
    }
    if length == *position {
        return Ok(0);
    }
    file.seek(std::io::SeekFrom::Start(*position)).await?;
    let read = file.read(buffer).await?;
    *position += read as u64;
    Ok(read)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_past_is_bounded_and_containers_are_found_by_name() {
        let logs = Logs::default();
        let log = Arc::new(Log::new());
        for number in 0..=LINES_MAX {
            log.push(number.to_string());
        }
        logs.insert("ns", "pod", vec![("app".to_owned(), Arc::clone(&log))]);
        let past = logs.lines("ns", "pod", "app").unwrap().past;
        assert_eq!((past.len(), past[0].as_str()), (LINES_MAX, "1"));
        assert!(logs.lines("ns", "pod", "").is_some());
        assert!(logs.lines("ns", "pod", "other").is_none());
        let mut follower = logs.lines("ns", "pod", "app").unwrap().live;
        logs.push("ns", "pod", "last");
        logs.end("ns", "pod");
        assert_eq!(follower.try_recv().unwrap(), "last");
        let closed = broadcast::error::TryRecvError::Closed;
        assert_eq!(follower.try_recv(), Err(closed.clone()));
        let mut late = logs.lines("ns", "pod", "app").unwrap();
        assert_eq!((late.past.last().unwrap().as_str(), late.live.try_recv()), ("last", Err(closed)));
        logs.remove("ns", "pod");
        assert!(logs.lines("ns", "pod", "app").is_none());
    }

    #[test]
    fn log_files_lie_inside_the_labs_directory() {
        let dir = Path::new("/lab");
        assert_eq!(file_inside(dir, "logs/a.log"), Some(PathBuf::from("/lab/logs/a.log")));
        for name in ["../a.log", "/etc/passwd", "logs/../../a", ""] {
            assert_eq!(file_inside(dir, name), None, "{name}");
        }
    }

    #[tokio::test]
    async fn a_file_is_followed_while_it_grows() {
        use std::io::Write as _;
        let path = std::env::temp_dir().join(format!("crossfade-log-{}", std::process::id()));
        let log = Arc::new(Log::new());
        let mut live = log.source().live;
        let task = tokio::spawn(follow_file(path.clone(), Arc::clone(&log)));
        let mut file = std::fs::File::create(&path).unwrap();
        writeln!(file, "one").unwrap();
        assert_eq!(live.recv().await.unwrap(), "one");
        writeln!(file, "two").unwrap();
        assert_eq!(live.recv().await.unwrap(), "two");
        task.abort();
        std::fs::remove_file(&path).unwrap();
    }
}
