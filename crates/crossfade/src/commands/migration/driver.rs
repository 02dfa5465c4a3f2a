//! Who drives a migration, as the lease of its zone says.
//!
//! For people: a holder that has not renewed its lease for its time, by this machine's clock, is taken to be gone. Whoever acts
//! upon a lease watches it move instead.

use crossfade_api::migration::Migration;
use crossfade_kube::Cluster;
use crossfade_kube::lease::shown_holder;

use crate::commands::migration::home::HomeOptions;
use crate::commands::migration::progress_of;

/// Who drives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DrivenBy {
    /// It has ended.
    NobodyAnyMore,
    /// Nobody, though it has not ended.
    Nobody,
    /// The holder of the lease.
    Holder(String),
    /// No lease can be read.
    Unknown,
}

impl HomeOptions {
    /// Looks at the leases of the pair, or at the home's where no context of the pair is known.
    pub async fn driver_of(&self, home: &Cluster, migration: &Migration) -> DrivenBy {
        if progress_of(migration).is_some_and(|status| status.phase.is_end()) {
            return DrivenBy::NobodyAnyMore;
        }
        let mut clusters = vec![home.clone()];
        for name in [&migration.spec.from, &migration.spec.to] {
            clusters.extend(self.clusters.connect(name).await.ok());
        }
        let mut is_read = false;
        for cluster in &clusters {
            match shown_holder(cluster, &migration.spec.zone).await {
                Ok(Some(holder)) => return DrivenBy::Holder(holder),
                Ok(None) => is_read = true,
                Err(error) => tracing::debug!(%error, "the lease cannot be read"),
            }
        }
        if is_read { DrivenBy::Nobody } else { DrivenBy::Unknown }
    }
}

impl DrivenBy {
    /// For a column: a holder without the moment at which it began.
    pub fn in_a_word(&self) -> String {
        match self {
            DrivenBy::NobodyAnyMore => "-".to_owned(),
            DrivenBy::Nobody => "nobody".to_owned(),
            DrivenBy::Unknown => "?".to_owned(),
            DrivenBy::Holder(holder) => match holder.rsplit_once('-') {
                Some((process, began))
                    if began.len() > 9 && began.bytes().all(|byte| byte.is_ascii_digit()) =>
                {
                    process.to_owned()
                }
                _ => holder.clone(),
            },
        }
    }

    /// For a page, with what makes somebody drive it.
    pub fn in_a_line(&self, migration: &Migration, how: &str) -> Option<String> {
        let name = migration.metadata.name.as_deref().unwrap_or_default();
        match self {
            DrivenBy::NobodyAnyMore => None,
            DrivenBy::Nobody => Some(format!(
                "driver: nobody; weights stay until somebody goes on:\n  crossfade migration resume {name} {how}\n  \
                 crossfade migration rollback {name} {how}"
            )),
            DrivenBy::Unknown => Some("driver: not known, no lease can be read".to_owned()),
            DrivenBy::Holder(_) => Some(format!("driver: {}", self.in_a_word())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_told_as_a_process_of_a_machine() {
        let word = |holder: &str| DrivenBy::Holder(holder.to_owned()).in_a_word();
        assert_eq!(word("build-7-4711-1764011111111"), "build-7-4711");
        assert_eq!(word("crossfade-controller-0"), "crossfade-controller-0");
        assert_eq!(
            (DrivenBy::Nobody.in_a_word(), DrivenBy::NobodyAnyMore.in_a_word()),
            ("nobody".into(), "-".into())
        );
    }
}
