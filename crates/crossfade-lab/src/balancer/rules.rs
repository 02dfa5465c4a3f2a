//! What a load balancer's listener does with a request: rules of hosts and paths, tried in order, then a default.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use std::net::{Ipv4Addr, SocketAddr};

/// What one port of a load balancer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    Https,
    /// Bytes pass as they are (network load balancers).
    Tcp,
}

/// One port of a load balancer.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    pub(crate) protocol: Protocol,
    pub(crate) rules: Vec<Rule>,
    pub(crate) default: Action,
}

impl Listener {
    /// The action for a request; `host` without port.
    pub(crate) fn action(&self, host: &str, path: &str) -> &Action {
        self.rules.iter().find(|rule| rule.matches(host, path)).map_or(&self.default, |rule| &rule.action)
    }
}

/// Hosts and paths are patterns with `*` and `?`; no pattern matches everything.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) hosts: Vec<String>,
    pub(crate) paths: Vec<String>,
    pub(crate) action: Action,
}

impl Rule {
    fn matches(&self, host: &str, path: &str) -> bool {
        let host_matches = self.hosts.is_empty()
            || self.hosts.iter().any(|pattern| matches_pattern(&pattern.to_ascii_lowercase(), host));
        host_matches
            && (self.paths.is_empty() || self.paths.iter().any(|pattern| matches_pattern(pattern, path)))
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Action {
    Forward(Arc<TargetGroup>),
    /// 301 to the same address on another port, over HTTPS.
    RedirectToHttps {
        port: u16,
    },
    Fixed {
        status: u16,
        body: &'static str,
    },
}

/// The pods behind one Service port.
#[derive(Debug, Default)]
pub(crate) struct TargetGroup {
    pub(crate) targets: Vec<Target>,
    next: AtomicUsize,
}

impl TargetGroup {
    pub(crate) fn new(targets: Vec<Target>) -> TargetGroup {
        TargetGroup { targets, next: AtomicUsize::new(0) }
    }

    /// Round robin; `None` without targets.
    pub(crate) fn choose(&self) -> Option<Target> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.targets.get(turn.checked_rem(self.targets.len())?).copied()
    }
}

/// A pod's port, and the loopback socket that it is in the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) pod_ip: Ipv4Addr,
    pub(crate) port: u16,
    pub(crate) socket: SocketAddr,
}

/// `*` stands for any characters, also none, and `?` for one, as in ALB rules.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where the last `*` was, and how much text it has been taken to stand for.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&wanted) if wanted == b'?' || wanted == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&rest| rest == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_load_balancer_rules() {
        for (pattern, text, expected) in [
            ("/*", "/", true),
            ("/*", "/a/b", true),
            ("/a", "/a/", false),
            ("/a/*", "/a", false),
            ("/a?c", "/abc", true),
            ("*.example.org", "a.example.org", true),
            ("*.example.org", "example.org", false),
            ("*a*b*", "xxaxxbx", true),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(matches_pattern(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn the_first_matching_rule_wins_and_the_default_is_last() {
        let rule = |host: &str, path: &str, status| Rule {
            hosts: vec![host.to_owned()],
            paths: vec![path.to_owned()],
            action: Action::Fixed { status, body: "" },
        };
        let listener = Listener {
            protocol: Protocol::Http,
            rules: vec![rule("a.example.org", "/x/*", 201), rule("A.example.org", "/*", 202)],
            default: Action::Fixed { status: 404, body: "" },
        };
        let status = |host, path| match listener.action(host, path) {
            Action::Fixed { status, .. } => *status,
            _ => 0,
        };
        assert_eq!(status("a.example.org", "/x/y"), 201);
        assert_eq!(status("a.example.org", "/y"), 202);
        assert_eq!(status("b.example.org", "/x/y"), 404);
    }

    #[test]
    fn targets_take_turns() {
        let target = |port| Target {
            pod_ip: Ipv4Addr::new(10, 0, 40, 1),
            port,
            socket: SocketAddr::from(([127, 0, 0, 1], port)),
        };
        let group = TargetGroup::new(vec![target(1), target(2)]);
        let ports: Vec<u16> = (0..4).filter_map(|_| group.choose()).map(|target| target.port).collect();
        assert_eq!(ports, [1, 2, 1, 2]);
        assert_eq!(TargetGroup::default().choose(), None);
    }
}
