//! Which of a chart's versions a range means, by the rules of Masterminds/semver that helm and Argo CD follow.

use std::cmp::Ordering;

use crate::error::Error;
use crate::functions::{Constraints, Version};

/// Whether a text is one version and no range: `1.2.3`, `v1.2`.
pub fn is_version(text: &str) -> bool {
    Version::parse(text).is_some()
}

/// Whether a version is within a range; an empty range is any.
pub fn is_within(range: &str, version: &str) -> bool {
    match (Constraints::parse(range), Version::parse(version)) {
        (Ok(range), Some(version)) => range.allow(&version),
        (Err(_), Some(_)) => range.is_empty(),
        _ => false,
    }
}

/// The highest version within a range, as it is written in the list; what is no version is passed over. A range that is none
/// is an error.
pub fn highest_within<'v>(
    range: &str,
    versions: impl IntoIterator<Item = &'v str>,
) -> Result<Option<&'v str>, Error> {
    let range = Constraints::parse(range).map_err(|error| Error::Values(error.0))?;
    let read = versions.into_iter().filter_map(|text| Some((text, Version::parse(text)?)));
    let within = read.filter(|(_, version)| range.allow(version));
    // Of equal ones the first: they differ in what is behind `+` alone.
    let highest = within.reduce(|best, next| match next.1.order(&best.1) {
        Ordering::Greater => next,
        _ => best,
    });
    Ok(highest.map(|(text, _)| text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_version_of_a_range_is_chosen() {
        const LISTED: [&str; 7] = ["1.2.0", "1.10.0", "latest", "v1.9.3", "2.0.0-rc.1", "0.9.0", "1.10.0+b"];
        for (range, expected) in [
            ("1.x", Some("1.10.0")),
            ("~1.9", Some("v1.9.3")),
            (">=1.0.0 <1.10.0", Some("v1.9.3")),
            ("*", Some("1.10.0")),
            (">=2.0.0-0", Some("2.0.0-rc.1")),
            ("^3", None),
        ] {
            assert_eq!(highest_within(range, LISTED), Ok(expected), "{range}");
        }
        assert!(highest_within("main", LISTED).is_err());
        assert!(is_version("v1.2") && !is_version("1.x"));
        assert!(is_within("", "1.0.0") && is_within("~1.0", "1.0.5") && !is_within("~1.0", "1.1.0"));
    }
}
