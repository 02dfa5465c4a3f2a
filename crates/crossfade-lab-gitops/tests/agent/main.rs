//! The agent against the lab's Kubernetes API and real Git repositories: the pattern's bridge, and what can be wrong.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bridge;
mod broken;
mod charts;
mod keeping;
mod lab;
mod options;
mod orphans;
mod sources;
mod web;
