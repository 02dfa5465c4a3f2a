//! The edge to a Kubernetes API: watches become observations, decisions become patches.

pub mod sources;
