//! This machine's clock, as core wants it.

use std::time::SystemTime;

use crossfade_core::UnixMillis;

/// Milliseconds since the epoch.
pub(super) fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
