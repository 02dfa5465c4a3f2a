//! A laboratory on one machine: clusters with a Kubernetes API each, Route 53 with its name servers, load balancers,
//! pods that run, a proxy that leads to them, simulated users, and knobs for what can go wrong.
//!
//! Everything is reached over real protocols on ephemeral loopback ports, as the product reaches real clusters. The lab
//! never opens a connection out of the machine, needs no privileges and keeps no state but in its directory.

pub mod names;
pub mod sample_app;
pub mod users;

mod balancer;
mod certificates;
mod cluster;
mod control;
mod counts;
mod disturbance;
mod dns;
mod error;
mod exchange;
mod fault;
mod home;
mod ingress;
mod lab;
mod memory;
mod options;
mod proxy;
mod secrets;
mod stop;

pub use control::{Control, LabStatus, LoadBalancerStatus};
pub use disturbance::Disturbance;
pub use error::LabError;
pub use fault::{Fault, FaultSwitch};
pub use lab::Lab;
pub use options::{ClusterAddress, DESCRIPTION_FILE, LabAddresses, LabCluster, LabOptions};
