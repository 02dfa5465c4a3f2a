//! The hosted zones in which AWS keeps the names of load balancers: the only targets outside its own zone that an alias
//! may have here. China's regions, which have another suffix, are left out, as is every other kind of alias target.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::name::{DnsName, suffixes};

/// Region, hosted zone id of its Application (and Classic) Load Balancers, hosted zone id of its Network Load Balancers.
/// From "Elastic Load Balancing endpoints and quotas" in the AWS General Reference.
const REGIONS: &[(&str, &str, &str)] = &[
    ("af-south-1", "Z268VQBMOI5EKX", "Z203XCE67M25HM"),
    ("ap-east-1", "Z3DQVH9N71FHZ0", "Z12Y7K3UBGUAD1"),
    ("ap-east-2", "Z02789141MW7T1WBU19PO", "Z09176273OC2HWIAUNYW"),
    ("ap-northeast-1", "Z14GRHDCWA56QT", "Z31USIVHYNEOWT"),
    ("ap-northeast-2", "ZWKZPGTI48KDX", "ZIBE1TIR4HY56"),
    ("ap-northeast-3", "Z5LXEXXYW11ES", "Z1GWIQ4HH19I5X"),
    ("ap-south-1", "ZP97RAFLXTNZK", "ZVDDRBQ08TROA"),
    ("ap-south-2", "Z0173938T07WNTVAEPZN", "Z0711778386UTO08407HT"),
    ("ap-southeast-1", "Z1LMS91P8CMLE5", "ZKVM4W9LS7TM"),
    ("ap-southeast-2", "Z1GM3OXH4ZPM65", "ZCT6FZBF4DROD"),
    ("ap-southeast-3", "Z08888821HLRG5A9ZRTER", "Z01971771FYVNCOVWJU1G"),
    ("ap-southeast-4", "Z09517862IB2WZLPXG76F", "Z01156963G8MIIL7X90IV"),
    ("ap-southeast-5", "Z06010284QMVVW7WO5J", "Z026317210H9ACVTRO6FB"),
    ("ap-southeast-6", "Z023301818UFJ50CIO0MV", "Z01392953RKV2Q3RBP0KU"),
    ("ap-southeast-7", "Z0390008CMBRTHFGWBCB", "Z054363131YWATEMWRG5L"),
    ("ca-central-1", "ZQSVJUPU6J1EY", "Z2EPGBW3API2WT"),
    ("ca-west-1", "Z06473681N0SF6OS049SD", "Z02754302KBB00W2LKWZ9"),
    ("eu-central-1", "Z215JYRZR1TBD5", "Z3F0SRJ5LGBH90"),
    ("eu-central-2", "Z06391101F2ZOEP8P5EB3", "Z02239872DOALSIDCX66S"),
    ("eu-north-1", "Z23TAZ6LKFMNIO", "Z1UDT6IFJ4EJM"),
    ("eu-south-1", "Z3ULH7SSC9OV64", "Z23146JA1KNAFP"),
    ("eu-south-2", "Z0956581394HF5D5LXGAP", "Z1011216NVTVYADP1SSV"),
    ("eu-west-1", "Z32O12XQLNTSW2", "Z2IFOLAFXWLO4F"),
    ("eu-west-2", "ZHURV8PSTC4K8", "ZD4D7Y8KGAS4G"),
    ("eu-west-3", "Z3Q77PNBQS71R4", "Z1CMS0P5QUZ6D5"),
    ("il-central-1", "Z09170902867EHPV2DABU", "Z0313266YDI6ZRHTGQY4"),
    ("me-central-1", "Z08230872XQRWHG2XF6I", "Z00282643NTTLPANJJG2P"),
    ("me-south-1", "ZS929ML54UICD", "Z3QSRYVP46NYYV"),
    ("mx-central-1", "Z023552324OKD1BB28BH5", "Z02031231H3ID6HYJ9A7U"),
    ("sa-east-1", "Z2P70J7HTTTPLU", "ZTK26PT1VY4CU"),
    ("us-east-1", "Z35SXDOTRQ7X7K", "Z26RNL4JYFTOTI"),
    ("us-east-2", "Z3AADJGX6KTTL2", "ZLMOA37VPKANP"),
    ("us-gov-east-1", "Z166TLBEWOO7G0", "Z1ZSMQQ6Q24QQ8"),
    ("us-gov-west-1", "Z33AYJ8TM3BH4J", "ZMG1MZ2THAWF1"),
    ("us-west-1", "Z368ELLRRE2KJ0", "Z24FKFUX50B4VW"),
    ("us-west-2", "Z1H1FL5HABSF5", "Z18D5FSROUN65G"),
];

/// A zone of load balancer names.
#[derive(Debug)]
pub(crate) struct CanonicalZone {
    /// `<region>.elb.amazonaws.com.` or `elb.<region>.amazonaws.com.`
    pub(crate) apex: DnsName,
    /// The hosted zone id that an alias target in this zone names.
    pub(crate) zone_id: &'static str,
}

static ZONES: LazyLock<HashMap<DnsName, CanonicalZone>> = LazyLock::new(|| {
    let mut zones = HashMap::new();
    for &(region, application, network) in REGIONS {
        let names = [
            (format!("{region}.elb.amazonaws.com"), application),
            (format!("elb.{region}.amazonaws.com"), network),
        ];
        for (name, zone_id) in names {
            let apex = DnsName::parse(&name).expect("the table holds DNS names");
            zones.insert(apex.clone(), CanonicalZone { apex, zone_id });
        }
    }
    zones
});

/// The zone of load balancer names with this apex, in lower-case wire form.
pub(crate) fn at(apex: &[u8]) -> Option<&'static CanonicalZone> {
    ZONES.get(apex)
}

/// The zone of load balancer names that `name` lies in.
pub(crate) fn containing(name: &DnsName) -> Option<&'static CanonicalZone> {
    suffixes(name.wire()).find_map(at)
}

/// Whether `zone_id` is the id of a zone of load balancer names.
pub(crate) fn is_canonical(zone_id: &str) -> bool {
    REGIONS.iter().any(|&(_, application, network)| application == zone_id || network == zone_id)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn zone_id_of(name: &str) -> Option<&'static str> {
        containing(&DnsName::parse(name).unwrap()).map(|zone| zone.zone_id)
    }

    #[test]
    fn finds_the_zone_of_a_load_balancer() {
        let application = "k8s-burnham-838b6affb4-1.eu-west-1.elb.amazonaws.com";
        assert_eq!(zone_id_of(application), Some("Z32O12XQLNTSW2"));
        let network = "k8s-burnham-838b6affb4-1.elb.eu-west-1.amazonaws.com";
        assert_eq!(zone_id_of(network), Some("Z2IFOLAFXWLO4F"));
        assert_eq!(zone_id_of("a.us-west-2.elb.amazonaws.com"), Some("Z1H1FL5HABSF5"));
        assert_eq!(zone_id_of("a.us-east-1.elb.amazonaws.com"), Some("Z35SXDOTRQ7X7K"));
        assert_eq!(zone_id_of("elb.amazonaws.com"), None);
        assert_eq!(zone_id_of("example.org"), None);
    }
}
