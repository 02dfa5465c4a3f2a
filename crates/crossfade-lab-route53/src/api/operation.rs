//! Which operation a request is for. Names are those of Route 53's API.

use http::Method;

use crate::api::request::ApiRequest;

/// The version in all paths of Route 53's API.
const VERSION: &str = "2013-04-01";

/// An operation that the lab supports, with the ids from its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    CreateHostedZone,
    GetHostedZone { zone: String },
    ListHostedZones,
    ListHostedZonesByName,
    DeleteHostedZone { zone: String },
    UpdateHostedZoneComment { zone: String },
    GetHostedZoneCount,
    ListResourceRecordSets { zone: String },
    ChangeResourceRecordSets { zone: String },
    GetChange { change: String },
    ListTagsForResource { kind: String, resource: String },
    ListTagsForResources { kind: String },
    ChangeTagsForResource { kind: String, resource: String },
}

impl Operation {
    /// The operation for a method and path; `None` for any that the lab does not support.
    pub(crate) fn of(request: &ApiRequest) -> Option<Self> {
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let (version, rest) = path.split_first()?;
        if *version != VERSION {
            return None;
        }
        let owned = |text: &str| text.to_owned();
        let (get, post, delete) =
            (request.method == Method::GET, request.method == Method::POST, request.method == Method::DELETE);
        match *rest {
            ["hostedzone"] if get => Some(Self::ListHostedZones),
            ["hostedzone"] if post => Some(Self::CreateHostedZone),
            ["hostedzone", zone] if get => Some(Self::GetHostedZone { zone: owned(zone) }),
            ["hostedzone", zone] if post => Some(Self::UpdateHostedZoneComment { zone: owned(zone) }),
            ["hostedzone", zone] if delete => Some(Self::DeleteHostedZone { zone: owned(zone) }),
            ["hostedzone", zone, "rrset"] if get => Some(Self::ListResourceRecordSets { zone: owned(zone) }),
            ["hostedzone", zone, "rrset"] if post => {
                Some(Self::ChangeResourceRecordSets { zone: owned(zone) })
            }
            ["hostedzonesbyname"] if get => Some(Self::ListHostedZonesByName),
            ["hostedzonecount"] if get => Some(Self::GetHostedZoneCount),
            ["change", change] if get => Some(Self::GetChange { change: owned(change) }),
            ["tags", kind] if post => Some(Self::ListTagsForResources { kind: owned(kind) }),
            ["tags", kind, resource] if get => {
                Some(Self::ListTagsForResource { kind: owned(kind), resource: owned(resource) })
            }
            ["tags", kind, resource] if post => {
                Some(Self::ChangeTagsForResource { kind: owned(kind), resource: owned(resource) })
            }
            _ => None,
        }
    }

    /// The operation's name, for counters and the log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::CreateHostedZone => "CreateHostedZone",
            Self::GetHostedZone { .. } => "GetHostedZone",
            Self::ListHostedZones => "ListHostedZones",
            Self::ListHostedZonesByName => "ListHostedZonesByName",
            Self::DeleteHostedZone { .. } => "DeleteHostedZone",
            Self::UpdateHostedZoneComment { .. } => "UpdateHostedZoneComment",
            Self::GetHostedZoneCount => "GetHostedZoneCount",
            Self::ListResourceRecordSets { .. } => "ListResourceRecordSets",
            Self::ChangeResourceRecordSets { .. } => "ChangeResourceRecordSets",
            Self::GetChange { .. } => "GetChange",
            Self::ListTagsForResource { .. } => "ListTagsForResource",
            Self::ListTagsForResources { .. } => "ListTagsForResources",
            Self::ChangeTagsForResource { .. } => "ChangeTagsForResource",
        }
    }
}
