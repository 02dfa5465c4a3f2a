//! The lab's Route 53 from outside: over its sockets, with literal XML and DNS packets.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod api_records;
mod api_zones;
mod failing;
mod name_servers;
mod resolver;
mod support;
