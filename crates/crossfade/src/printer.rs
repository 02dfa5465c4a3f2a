//! The only place that writes to the terminal: data to stdout, everything else to stderr.

use std::io::{IsTerminal, Write};

/// Data: what a pipe should get.
pub fn data(text: &str) {
    let mut out = std::io::stdout().lock();
    // A reader that went away wants no more; that is no failure of ours.
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

/// Talk: what a person reads beside the data.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Talk without a line's end, for a question.
pub fn ask(text: &str) {
    draw(text);
}

/// Raw bytes for a view that redraws itself.
pub fn draw(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Whether a view may redraw itself: stdout and stderr are a terminal that can.
#[cfg(feature = "lab")]
pub fn can_redraw() -> bool {
    let is_dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    std::io::stdout().is_terminal() && std::io::stderr().is_terminal() && !is_dumb
}

/// Colours, or none: a pipe, `NO_COLOR`, or `TERM=dumb` mean none. No meaning is carried by colour alone.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    colours: bool,
}

impl Paint {
    /// For what goes to stdout.
    pub fn stdout() -> Self {
        Paint { colours: std::io::stdout().is_terminal() && allowed() }
    }

    /// For what goes to stderr.
    pub fn stderr() -> Self {
        Paint { colours: std::io::stderr().is_terminal() && allowed() }
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// The source cluster.
    #[cfg(feature = "lab")]
    pub fn blue(self, text: &str) -> String {
        self.wrap("34", text)
    }

    /// The destination cluster, and what is well.
    pub fn good(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// What is not.
    pub fn bad(self, text: &str) -> String {
        self.wrap("31", text)
    }

    /// Headings.
    pub fn strong(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// Beside the point.
    pub fn faint(self, text: &str) -> String {
        self.wrap("2", text)
    }
}

fn allowed() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var("TERM").map_or(true, |term| term != "dumb")
}
