//! Types that users see: custom resources, annotations, condition reasons.

pub mod annotations;
