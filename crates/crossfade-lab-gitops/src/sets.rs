//! ApplicationSets: parameters from generators, Applications from parameters, and the cluster made to have those.

mod applications;
mod clusters;
mod combine;
mod files;
mod generate;
mod keep;
mod params;
mod render;
mod status;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests;

pub(crate) use clusters::{is_cluster_secret, is_own_cluster, secret_text};
pub(crate) use keep::{cluster_secrets, keep, owner_of};
