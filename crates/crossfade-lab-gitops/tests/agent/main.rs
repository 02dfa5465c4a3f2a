//! The agent against the lab's Kubernetes API and real Git repositories: the pattern's bridge, and what can be wrong.

mod bridge;
mod broken;
mod keeping;
mod lab;
