//! A child of this program ends when its parent does.
//!
//! It holds the read end of a pipe as its standard input. When the parent ends, however it ends, the kernel closes the other
//! end, the child reads the end of the pipe, and exits.

use std::io::Read;

/// Tells a child that its standard input is the pipe to its parent.
pub const ENDS_WITH_PARENT: &str = "CROSSFADE_ENDS_WITH_PARENT";
/// The exit code of a child whose parent went away: as after SIGHUP.
const PARENT_GONE: i32 = 129;

/// In a child: exit when the parent does. Elsewhere: nothing.
pub fn end_with_parent() {
    if std::env::var_os(ENDS_WITH_PARENT).is_none() {
        return;
    }
    std::thread::spawn(|| {
        let mut buffer = [0; 64];
        // Nothing is ever written to the pipe; an error means that there is none.
        while matches!(std::io::stdin().read(&mut buffer), Ok(count) if count > 0) {}
        std::process::exit(PARENT_GONE);
    });
}
