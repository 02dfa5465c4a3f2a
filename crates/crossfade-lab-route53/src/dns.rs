//! The DNS face: authoritative name servers and a caching resolver over UDP and TCP.
//!
//! `view` is what one name server knows, `answer` decides what it says, `name_server` and `resolver` are the programs
//! around that, `message` and `transport` carry it.

pub(crate) mod answer;
pub(crate) mod message;
pub(crate) mod name_server;
pub(crate) mod resolver;
pub(crate) mod resolver_cache;
pub(crate) mod transport;
pub(crate) mod view;
