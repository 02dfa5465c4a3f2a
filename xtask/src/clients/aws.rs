//! The AWS command line on Route 53: the pattern's queries, a change's life, and refusals.

use crate::clients::Check;
use crate::clients::Ends::{Refused, Well, WellInTheEnd};

/// A change batch from its records.
macro_rules! change {
    ($changes:literal) => {
        concat!(
            "aws route53 change-resource-record-sets --hosted-zone-id $(zone) --change-batch \"$(sed \"s/DOMAIN/$DOMAIN/g\" <<'END'\n{\"Changes\":[",
            $changes,
            "]}\nEND\n)\""
        )
    };
}

pub(crate) const CHECKS: &[Check] = &[
    Check {
        name: "aws sts get-caller-identity",
        ends: Well,
        words: &["111122223333"],
        script: "aws sts get-caller-identity",
    },
    Check {
        name: "aws route53 list-hosted-zones-by-name finds both zones",
        ends: Well,
        words: &["eks-blueprint.eks.example.org.", "\"eks.example.org.\""],
        script: "aws route53 list-hosted-zones-by-name",
    },
    Check {
        name: "the pattern's query for A records shows both weights",
        ends: Well,
        words: &["\"Weight\": 100", "\"Weight\": 0", "Z32O12XQLNTSW2", "\"EvaluateTargetHealth\": true"],
        script: "aws route53 list-resource-record-sets --hosted-zone-id $(zone) \
                 --query \"ResourceRecordSets[?Name == 'burnham.$DOMAIN.']|[?Type == 'A']\"",
    },
    Check {
        name: "the pattern's query for TXT records shows the owners",
        ends: Well,
        words: &[
            "heritage=external-dns,external-dns/owner=eks-blueprint-blue,external-dns/resource=ingress/team-burnham/burnham-ingress",
            "external-dns/owner=eks-blueprint-green",
        ],
        script: "aws route53 list-resource-record-sets --hosted-zone-id $(zone) \
                 --query \"ResourceRecordSets[?Name == 'burnham.$DOMAIN.']|[?Type == 'TXT']\" --output text",
    },
    Check {
        name: "a change is PENDING, then INSYNC",
        ends: Well,
        words: &["PENDING", "INSYNC"],
        script: concat!(
            "reply=$(",
            change!(
                "{\"Action\":\"CREATE\",\"ResourceRecordSet\":{\"Name\":\"made.DOMAIN\",\"Type\":\"TXT\",\"TTL\":60,\"ResourceRecords\":[{\"Value\":\"\\\"by hand\\\"\"}]}}"
            ),
            ")
echo \"$reply\" | grep Status; id=$(echo \"$reply\" | grep -o '/change/[A-Z0-9]*')
aws route53 wait resource-record-sets-changed --id $id && aws route53 get-change --id $id"
        ),
    },
    Check {
        name: "what was created is served by every name server",
        ends: WellInTheEnd,
        words: &["\"by hand\"\n\"by hand\"\n\"by hand\"\n\"by hand\""],
        script: "for n in 1 2 3 4; do ask $n +short made.$DOMAIN TXT; done",
    },
    Check {
        name: "a set that exists is not created again",
        ends: Refused,
        words: &["InvalidChangeBatch", "Tried to create resource record set", "but it already exists"],
        script: change!(
            "{\"Action\":\"CREATE\",\"ResourceRecordSet\":{\"Name\":\"made.DOMAIN\",\"Type\":\"TXT\",\"TTL\":60,\"ResourceRecords\":[{\"Value\":\"\\\"by hand\\\"\"}]}}"
        ),
    },
    Check {
        name: "a delete has to repeat every value",
        ends: Refused,
        words: &["InvalidChangeBatch", "but the values provided do not match the current values"],
        script: change!(
            "{\"Action\":\"DELETE\",\"ResourceRecordSet\":{\"Name\":\"made.DOMAIN\",\"Type\":\"TXT\",\"TTL\":61,\"ResourceRecords\":[{\"Value\":\"\\\"by hand\\\"\"}]}}"
        ),
    },
    Check {
        name: "a delete of what is not there",
        ends: Refused,
        words: &["InvalidChangeBatch", "but it was not found"],
        script: change!(
            "{\"Action\":\"DELETE\",\"ResourceRecordSet\":{\"Name\":\"gone.DOMAIN\",\"Type\":\"A\",\"TTL\":60,\"ResourceRecords\":[{\"Value\":\"192.0.2.1\"}]}}"
        ),
    },
    Check {
        name: "a batch is all or nothing",
        ends: Refused,
        words: &["InvalidChangeBatch"],
        script: change!(
            "{\"Action\":\"CREATE\",\"ResourceRecordSet\":{\"Name\":\"half.DOMAIN\",\"Type\":\"A\",\"TTL\":60,\"ResourceRecords\":[{\"Value\":\"192.0.2.1\"}]}},{\"Action\":\"DELETE\",\"ResourceRecordSet\":{\"Name\":\"gone.DOMAIN\",\"Type\":\"A\",\"TTL\":60,\"ResourceRecords\":[{\"Value\":\"192.0.2.1\"}]}}"
        ),
    },
    Check {
        name: "nothing of a refused batch is there",
        ends: Well,
        words: &["[]"],
        script: "aws route53 list-resource-record-sets --hosted-zone-id $(zone) --query \"ResourceRecordSets[?Name == 'half.$DOMAIN.']\"",
    },
    Check {
        name: "a simple record beside weighted ones",
        ends: Refused,
        words: &["InvalidChangeBatch", "burnham.eks-blueprint.eks.example.org"],
        script: change!(
            "{\"Action\":\"CREATE\",\"ResourceRecordSet\":{\"Name\":\"burnham.DOMAIN\",\"Type\":\"A\",\"TTL\":60,\"ResourceRecords\":[{\"Value\":\"192.0.2.1\"}]}}"
        ),
    },
    Check {
        name: "a weight of 300",
        ends: Refused,
        words: &["InvalidInput", "Value '300'", "less than or equal to 255"],
        script: change!(
            "{\"Action\":\"CREATE\",\"ResourceRecordSet\":{\"Name\":\"heavy.DOMAIN\",\"Type\":\"A\",\"SetIdentifier\":\"x\",\"Weight\":300,\"TTL\":60,\"ResourceRecords\":[{\"Value\":\"192.0.2.1\"}]}}"
        ),
    },
    Check {
        name: "a record outside the zone",
        ends: Refused,
        words: &["InvalidChangeBatch", "is not permitted in zone"],
        script: change!(
            "{\"Action\":\"CREATE\",\"ResourceRecordSet\":{\"Name\":\"www.example.com\",\"Type\":\"A\",\"TTL\":60,\"ResourceRecords\":[{\"Value\":\"192.0.2.1\"}]}}"
        ),
    },
    Check {
        name: "a zone with records is not deleted",
        ends: Refused,
        words: &["HostedZoneNotEmpty"],
        script: "aws route53 delete-hosted-zone --id $(zone)",
    },
    Check {
        name: "a call that the lab does not have is refused, not swallowed",
        ends: Refused,
        words: &["error"],
        script: "aws route53 list-health-checks 2>&1 | tee /dev/stderr | grep -qi error && exit 1",
    },
];
