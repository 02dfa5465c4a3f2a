//! DNS questions to servers chosen by the caller.

mod draw;
mod query;

pub use draw::{Draws, draw};
pub use hickory_proto::op::ResponseCode;
pub use hickory_proto::rr::RecordType;
pub use query::{Answer, query, query_any};

use std::net::{IpAddr, SocketAddr};

/// The port of name servers on the internet.
const DNS_PORT: u16 = 53;

/// The resolvers of this machine, from the text of `/etc/resolv.conf`.
pub fn resolvers_of(resolv_conf: &str) -> Vec<SocketAddr> {
    resolv_conf
        .lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver"))
        .filter_map(|rest| rest.trim().parse::<IpAddr>().ok())
        .map(|address| SocketAddr::new(address, DNS_PORT))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_resolv_conf() {
        let text = "# made by hand\nsearch example.org\nnameserver 192.0.2.1\nnameserver ::1\n";
        let found: Vec<String> = resolvers_of(text).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["192.0.2.1:53", "[::1]:53"]);
    }
}
