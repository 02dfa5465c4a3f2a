//! dig on the four name servers and on the caching resolver.

use crate::clients::Check;
use crate::clients::Ends::{Well, WellInTheEnd};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        name: "a name server answers with authority and the load balancer's addresses",
        ends: Well,
        words: &["status: NOERROR", " aa", "127.64."],
        script: "ask 1 burnham.$DOMAIN A",
    },
    Check {
        name: "an alias to an IPv4 load balancer has no AAAA, and the SOA says for how long",
        ends: Well,
        words: &["status: NOERROR", "ANSWER: 0", "SOA"],
        script: "ask 2 burnham.$DOMAIN AAAA",
    },
    Check {
        name: "a name that does not exist",
        ends: Well,
        words: &["status: NXDOMAIN", "SOA"],
        script: "ask 3 nowhere.$DOMAIN A",
    },
    Check {
        name: "a zone that is not hosted",
        ends: Well,
        words: &["status: REFUSED"],
        script: "ask 4 example.com A",
    },
    Check {
        name: "ownership is served as TXT",
        ends: Well,
        words: &["heritage=external-dns,external-dns/owner=eks-blueprint-"],
        script: "ask 1 +short cname-burnham.$DOMAIN TXT",
    },
    Check {
        name: "TCP answers as UDP does",
        ends: Well,
        words: &["status: NOERROR", "(TCP)", "127.64."],
        script: "ask 1 +tcp burnham.$DOMAIN A",
    },
    Check {
        name: "weights 100 and 0: forty answers, one cluster",
        ends: Well,
        words: &["1 cluster"],
        script: "for i in $(seq 40); do ask $((i % 4 + 1)) +short burnham.$DOMAIN A | head -1; done | sort -u | wc -l | sed 's/$/ cluster/'",
    },
    Check {
        name: "the parent delegates to the sub zone",
        ends: Well,
        words: &["awsdns"],
        script: "aws route53 list-resource-record-sets --output text --hosted-zone-id $(aws route53 list-hosted-zones-by-name \
                 --dns-name eks.example.org --query 'HostedZones[0].Id' --output text) | grep awsdns; ask 1 +short $DOMAIN NS",
    },
    Check {
        name: "the resolver keeps an answer and counts its TTL down",
        // An answer kept from before may run out in between: then it is looked at again.
        ends: WellInTheEnd,
        words: &["counted down"],
        script: "ttl() { dig +noall +answer burnham.$DOMAIN A | awk 'NR==1 {print $2}'; }
first=$(ttl); sleep 1.2; second=$(ttl); [ \"$second\" -lt \"$first\" ] && echo counted down from $first to $second",
    },
    Check {
        name: "the resolver offers recursion and has no authority",
        ends: Well,
        words: &["status: NOERROR", "flags: qr rd ra"],
        script: "dig burnham.$DOMAIN A",
    },
];
