//! Types that users see: custom resources, annotations, condition reasons.

pub mod annotations;
pub mod dns_report;
pub mod gates;
pub mod migration;
