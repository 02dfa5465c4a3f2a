//! The demo as it goes: a block that redraws itself on a terminal, plain lines elsewhere.

use std::fmt::Write as _;

use crossfade_core::migration::{HistoryEntry, Phase, Status};
use crossfade_lab::users::UserTotals;

use crate::printer::{Paint, draw, note};
use crate::rehearsal::context_of;

/// Characters of a share bar.
const BAR_WIDTH: usize = 40;

/// What is on the screen.
pub struct View {
    redraws: bool,
    /// Lines of the block that is on the screen now.
    drawn: usize,
    printed: Option<HistoryEntry>,
    paint: Paint,
}

impl View {
    /// `redraws`: the terminal can move its cursor.
    pub fn new(redraws: bool) -> Self {
        View { redraws, drawn: 0, printed: None, paint: Paint::stderr() }
    }

    /// A line that stays.
    pub fn line(&mut self, text: &str) {
        self.erase();
        note(&format!("{} {text}", self.paint.faint("·")));
    }

    /// The picture now.
    pub fn show(&mut self, status: &Status, totals: &UserTotals, waiting_for: &[String]) {
        self.print_history(status);
        if !self.redraws {
            return;
        }
        let mut block = String::new();
        let step = status.current_step().map(|step| step.target.clone()).unwrap_or_default();
        let _ = writeln!(
            block,
            "{} {:?}, step {step}, {:?}",
            self.paint.strong("migration"),
            status.phase,
            status.stage
        );
        for group in &status.groups {
            let weights: Vec<String> = group
                .clusters
                .iter()
                .map(|cluster| cluster.declared().map_or_else(|| "?".to_owned(), |weight| weight.to_string()))
                .collect();
            let _ = writeln!(block, "  {} {}", group.name, self.paint.faint(&weights.join("/")));
            for host in &group.hosts {
                let _ = writeln!(block, "    {} {host}", self.bar(totals, host));
            }
        }
        let failed = totals.regular.failed;
        let failed =
            if failed == 0 { "0 failed".to_owned() } else { self.paint.bad(&format!("{failed} failed")) };
        let _ = writeln!(block, "  {} requests, {failed}", totals.regular.sent);
        let waiting_for = waiting_for.first().cloned().unwrap_or_default();
        let _ = writeln!(block, "  {}", self.paint.faint(&waiting_for));
        self.erase();
        self.drawn = block.lines().count();
        draw(&block);
    }

    /// The block goes, the lines stay.
    pub fn finish(&mut self) {
        self.erase();
    }

    fn print_history(&mut self, status: &Status) {
        let history = &status.history;
        let known = self.printed.as_ref().and_then(|last| history.iter().rposition(|entry| entry == last));
        for entry in history.iter().skip(known.map_or(0, |index| index + 1)) {
            let text = if matches!(status.phase, Phase::RollingBack | Phase::RolledBack)
                && entry.message.contains("roll")
            {
                self.paint.bad(&entry.message)
            } else {
                entry.message.clone()
            };
            self.line(&text);
            self.printed = Some(entry.clone());
        }
    }

    /// Shares of the last seconds' requests: `#` blue, `=` green, so that it reads without colour.
    fn bar(&self, totals: &UserTotals, host: &str) -> String {
        let shares = totals.recent_shares(host);
        let Some(blue) = shares.get(&context_of("blue")).copied().or((!shares.is_empty()).then_some(0.0))
        else {
            return ".".repeat(BAR_WIDTH);
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a small width"
        )]
        let blue_width = (blue * BAR_WIDTH as f64).round() as usize;
        let green_width = BAR_WIDTH - blue_width.min(BAR_WIDTH);
        let bar = format!(
            "{}{}",
            self.paint.blue(&"#".repeat(blue_width)),
            self.paint.good(&"=".repeat(green_width))
        );
        format!("{bar} {:>3.0}/{:<3.0}", blue * 100.0, (1.0 - blue) * 100.0)
    }

    fn erase(&mut self) {
        if self.drawn > 0 {
            draw(&format!("\x1b[{}A\x1b[J", self.drawn));
            self.drawn = 0;
        }
    }
}
