//! What asks this program to stop: Ctrl-C, SIGTERM (Kubernetes, systemd, CI), SIGHUP (a terminal that goes).
//!
//! It only says so; whoever listens puts things in order and ends. A signal that the parent had ignored stays ignored (`nohup`).

use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

use crate::exit::Exit;
use crate::printer::note;

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopSignal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP.
    Hangup,
}

impl StopSignal {
    /// How a command ends that was stopped by it.
    pub fn exit(self) -> Exit {
        match self {
            StopSignal::Interrupt => Exit::Interrupted,
            StopSignal::Terminate => Exit::Terminated,
            StopSignal::Hangup => Exit::HungUp,
        }
    }
}

/// A listener in the background.
pub struct Stop {
    /// Turns true once.
    pub asked: watch::Receiver<bool>,
    by: Arc<OnceLock<StopSignal>>,
}

impl Stop {
    /// From now on. Who asks a second time does not want to wait for an API that does not answer.
    pub fn listen() -> Stop {
        let (sender, asked) = watch::channel(false);
        let by = Arc::new(OnceLock::new());
        let first = by.clone();
        tokio::spawn(async move {
            let signal = asked_to_stop().await;
            let _ = first.set(signal);
            let _ = sender.send(true);
            let again = asked_to_stop().await;
            note("ending at once; leases run out by themselves");
            std::process::exit(again.exit().code().into());
        });
        Stop { asked, by }
    }

    /// How the command ends that was asked to stop.
    pub fn exit(&self) -> Exit {
        self.by.get().map_or(Exit::Interrupted, |signal| signal.exit())
    }
}

/// Ready when somebody asks this program to stop.
#[cfg(unix)]
pub async fn asked_to_stop() -> StopSignal {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind: SignalKind| match signal(kind) {
        Ok(signal) => Some(signal),
        Err(error) => {
            tracing::warn!(?kind, %error, "this signal will end the process at once");
            None
        }
    };
    let mut terminate = listen(SignalKind::terminate());
    let mut hangup = if is_hangup_ignored() { None } else { listen(SignalKind::hangup()) };
    let received = async |signal: &mut Option<tokio::signal::unix::Signal>| match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => StopSignal::Interrupt,
        () = received(&mut terminate) => StopSignal::Terminate,
        () = received(&mut hangup) => StopSignal::Hangup,
    }
}

/// Ready when somebody asks this program to stop.
#[cfg(not(unix))]
pub async fn asked_to_stop() -> StopSignal {
    let _ = tokio::signal::ctrl_c().await;
    StopSignal::Interrupt
}

/// Under `nohup`: Linux says so; elsewhere, `nohup` has taken both outputs away from the terminal.
#[cfg(unix)]
fn is_hangup_ignored() -> bool {
    use std::io::IsTerminal;
    match std::fs::read_to_string("/proc/self/status") {
        Ok(status) => ignores_hangup(&status),
        Err(_) => !std::io::stdout().is_terminal() && !std::io::stderr().is_terminal(),
    }
}

/// `SigIgn` is a mask in hexadecimal; SIGHUP is its lowest bit (proc_pid_status(5)).
#[cfg(unix)]
fn ignores_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn nohup_is_seen() {
        assert!(ignores_hangup("SigBlk:\t0\nSigIgn:\t0000000000001001\n"));
        assert!(!ignores_hangup("SigBlk:\t1\nSigIgn:\t0000000000001000\n"));
        assert!(!ignores_hangup(""));
    }

    #[test]
    fn a_shell_reads_which_signal_it_was() {
        let codes =
            [StopSignal::Interrupt, StopSignal::Terminate, StopSignal::Hangup].map(|it| it.exit().code());
        assert_eq!(codes, [130, 143, 129]);
    }
}
