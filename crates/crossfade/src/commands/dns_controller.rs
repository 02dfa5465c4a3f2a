//! `crossfade dns-controller`: one cluster's DNS controller as a process.
