//! The DNS controller of one cluster.
