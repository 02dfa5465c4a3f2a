//! Hosts that are out of reach, told as Argo CD tells of them: it speaks to them itself, in Go. Says nothing of what answers.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;

/// A host that does not answer at once has been waited for already.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
const HTTPS_PORT: u16 = 443;

/// What Argo CD says of a host that git could not connect to.
pub(super) async fn told(url: &str, said: &str) -> Option<String> {
    let (host, port) = host_of(url)?;
    let is_unknown = said.contains(&format!("Could not resolve host: {host}"));
    if !is_unknown && !said.contains(&format!("Failed to connect to {host} port")) {
        return None;
    }
    let why = match tokio::net::lookup_host((host, port)).await {
        Ok(mut addresses) => not_connected(addresses.next()?).await?,
        Err(_) if is_unknown => not_found(host),
        Err(_) => return None,
    };
    Some(format!("Get \"{}/info/refs?service=git-upload-pack\": {why}", url.trim_end_matches('/')))
}

async fn not_connected(address: SocketAddr) -> Option<String> {
    let why = match tokio::time::timeout(CONNECT_WITHIN, TcpStream::connect(address)).await {
        Ok(Ok(_)) => return None,
        Err(_) => "i/o timeout".to_owned(),
        Ok(Err(error)) => match error.kind() {
            std::io::ErrorKind::ConnectionRefused => "connect: connection refused".to_owned(),
            std::io::ErrorKind::HostUnreachable => "connect: no route to host".to_owned(),
            std::io::ErrorKind::NetworkUnreachable => "connect: network is unreachable".to_owned(),
            _ => format!("connect: {error}"),
        },
    };
    Some(format!("dial tcp {address}: {why}"))
}

fn not_found(host: &str) -> String {
    let configured = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    match name_server(&configured) {
        Some(server) => format!("dial tcp: lookup {host} on {server}: no such host"),
        None => format!("dial tcp: lookup {host}: no such host"),
    }
}

fn name_server(configured: &str) -> Option<SocketAddr> {
    let mut lines = configured.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    let address = lines.next()?.trim().parse().ok()?;
    Some(SocketAddr::new(address, 53))
}

fn host_of(url: &str) -> Option<(&str, u16)> {
    let authority = url.strip_prefix("https://")?.split('/').next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match authority.rsplit_once(':') {
        Some((host, port)) => Some((host, port.parse().ok()?)),
        None => Some((authority, HTTPS_PORT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_host_that_refuses_is_told_of_in_gos_words() {
        // Nothing listens there.
        let said =
            "unable to access 'https://127.0.0.1:1/x/': Failed to connect to 127.0.0.1 port 1 after 0 ms";
        let told = told("https://127.0.0.1:1/x", said).await;
        let expected = "Get \"https://127.0.0.1:1/x/info/refs?service=git-upload-pack\": \
                        dial tcp 127.0.0.1:1: connect: connection refused";
        assert_eq!(told.as_deref(), Some(expected));
    }

    #[tokio::test]
    async fn what_answers_is_not_told_of() {
        assert_eq!(told("https://127.0.0.1:1/x", "repository not found").await, None);
        assert_eq!(told("ssh://git@127.0.0.1:1/x", "Failed to connect to 127.0.0.1 port 1").await, None);
    }

    #[test]
    fn hosts_and_name_servers_are_read() {
        assert_eq!(host_of("https://me@git.example.org/x"), Some(("git.example.org", 443)));
        assert_eq!(host_of("https://git.example.org:8443/x"), Some(("git.example.org", 8443)));
        assert_eq!(host_of("git@git.example.org:x"), None);
        let server = name_server("# x\nsearch a\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n");
        assert_eq!(server.map(|address| address.to_string()).as_deref(), Some("10.0.0.2:53"));
        assert_eq!(name_server(""), None);
    }
}
