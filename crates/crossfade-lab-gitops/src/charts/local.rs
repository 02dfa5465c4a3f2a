//! A directory that stands for a repository of charts: an `index.yaml` with its archives, packed charts, or charts in
//! directories, here or in `charts/` or `stable/`.
//!
//! Links are not followed: clones of others' repositories are read here as well.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crossfade_gotemplate::{Metadata, archive_files};

use super::index::Index;
use super::{ARCHIVE_BYTES_MAX, Files};
use crate::{object, yaml};

/// Directories of a clone that have charts in them, by custom.
const PLACES: [&str; 3] = [".", "charts", "stable"];
/// A chart's directories inside one another: beyond what anyone has.
const DEPTH_MAX: usize = 16;
/// A chart's files together, as for an archive that is unpacked.
const BYTES_MAX: usize = 100 << 20;

enum Place {
    Archive(PathBuf),
    Dir(PathBuf),
}

/// Versions of a chart that a directory has.
pub(super) fn versions(dir: &Path, chart: &str) -> Result<Vec<String>, String> {
    let found = found(dir, chart)?;
    if found.is_empty() {
        return Err(format!("chart '{chart}' not found in {}", dir.display()));
    }
    Ok(found.into_iter().map(|(version, _)| version).collect())
}

/// The files of a chart in a version.
pub(super) fn files(dir: &Path, chart: &str, version: &str) -> Result<Files, String> {
    let bare = |version: &str| version.strip_prefix('v').unwrap_or(version).to_owned();
    let mut all = found(dir, chart)?.into_iter();
    let place = all.find(|(known, _)| bare(known) == bare(version));
    match place {
        Some((_, Place::Archive(path))) => unpacked(&path),
        Some((_, Place::Dir(path))) => {
            let mut files = Files::new();
            read_dir(&path, "", &mut files, DEPTH_MAX, &mut 0)?;
            Ok(files)
        }
        None => Err(format!("chart \"{chart}\" version \"{version}\" not found in {}", dir.display())),
    }
}

fn found(dir: &Path, chart: &str) -> Result<Vec<(String, Place)>, String> {
    let name = chart.rsplit('/').next().unwrap_or(chart);
    let mut found = Vec::new();
    let index = dir.join("index.yaml");
    if index.is_file() {
        let bytes = std::fs::read(&index).map_err(|error| format!("{}: {error}", index.display()))?;
        for entry in Index::parse(&bytes)?.versions(name).unwrap_or_default() {
            let archive = entry.urls.iter().find_map(|url| archive_of(dir, url));
            found.extend(archive.map(|path| (entry.version.clone(), Place::Archive(path))));
        }
    }
    for place in PLACES.map(|place| dir.join(place)) {
        let of_dir = [place.clone(), place.join(name)];
        for path in of_dir.iter().filter(|path| path.join("Chart.yaml").is_file()) {
            let text = std::fs::read_to_string(path.join("Chart.yaml")).unwrap_or_default();
            let says = yaml::table(&text).unwrap_or_default();
            if object::text(&says["name"]) == name {
                let version = object::text(&says["version"]).to_owned();
                found.push((version, Place::Dir(path.clone())));
            }
        }
        for path in entries(&place) {
            let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let is_of_chart = file.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'));
            if is_of_chart
                && path.extension().is_some_and(|extension| extension == "tgz")
                && let Some(says) = metadata(&path)
                && says.name == name
            {
                found.push((says.version, Place::Archive(path)));
            }
        }
    }
    Ok(found)
}

/// The file that an index means: relative to it, or of that name when it names a server.
fn archive_of(dir: &Path, url: &str) -> Option<PathBuf> {
    let relative = match url.split_once("://") {
        Some((_, rest)) => Path::new(rest.rsplit('/').next()?),
        None => Path::new(url),
    };
    let is_inside =
        relative.components().all(|step| matches!(step, Component::Normal(_) | Component::CurDir));
    let path = dir.join(relative);
    (is_inside && path.is_file()).then_some(path)
}

fn metadata(archive: &Path) -> Option<Metadata> {
    let chart = crossfade_gotemplate::Chart::from_files(unpacked(archive).ok()?).ok()?;
    Some(chart.metadata)
}

fn unpacked(path: &Path) -> Result<Files, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let length = std::fs::metadata(path).map_err(|error| failed(&error))?.len();
    if length > ARCHIVE_BYTES_MAX as u64 {
        return Err(failed(&format!("larger than {ARCHIVE_BYTES_MAX} bytes")));
    }
    let bytes = std::fs::read(path).map_err(|error| failed(&error))?;
    archive_files(&bytes).map_err(|error| failed(&error))
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort_unstable();
    paths
}

fn read_dir(
    dir: &Path,
    prefix: &str,
    files: &mut BTreeMap<String, Vec<u8>>,
    depth_left: usize,
    bytes: &mut usize,
) -> Result<(), String> {
    for path in entries(dir) {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let Ok(facts) = std::fs::symlink_metadata(&path) else { continue };
        let inner = format!("{prefix}{name}");
        if facts.is_dir() {
            if name != ".git" && depth_left > 0 {
                read_dir(&path, &format!("{inner}/"), files, depth_left - 1, bytes)?;
            }
        } else if facts.is_file() {
            *bytes += usize::try_from(facts.len()).unwrap_or(usize::MAX);
            if *bytes > BYTES_MAX {
                return Err(format!("{} has more than {BYTES_MAX} bytes", dir.display()));
            }
            let content = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            files.insert(inner, content);
        }
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn charts_in_directories_are_found_and_links_are_not_followed() {
        let dir = std::env::temp_dir().join(format!("crossfade-charts-{}", std::process::id()));
        let chart = dir.join("charts/demo");
        std::fs::create_dir_all(chart.join("templates")).unwrap();
        std::fs::write(chart.join("Chart.yaml"), "name: demo\nversion: 1.2.3\n").unwrap();
        std::fs::write(chart.join("templates/a.yaml"), "a: 1\n").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", chart.join("passwd")).unwrap();
        assert_eq!(versions(&dir, "team/demo").unwrap(), ["1.2.3"]);
        let read = files(&dir, "team/demo", "v1.2.3").unwrap();
        assert_eq!(read.keys().collect::<Vec<_>>(), ["Chart.yaml", "templates/a.yaml"]);
        assert!(files(&dir, "demo", "1.2.4").unwrap_err().contains("version \"1.2.4\" not found"));
        assert!(versions(&dir, "other").unwrap_err().contains("chart 'other' not found"));
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn an_index_leads_to_files_beside_it_alone() {
        let dir = std::env::temp_dir().join(format!("crossfade-index-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("inner")).unwrap();
        std::fs::write(dir.join("inner/a.tgz"), "x").unwrap();
        let inner = dir.join("inner");
        assert_eq!(archive_of(&inner, "a.tgz"), Some(inner.join("a.tgz")));
        assert_eq!(archive_of(&inner, "https://x.org/y/a.tgz"), Some(inner.join("a.tgz")));
        for url in ["../inner/a.tgz", "/etc/passwd", "https://x.org/..", "b.tgz"] {
            assert_eq!(archive_of(&inner, url), None, "{url}");
        }
        std::fs::remove_dir_all(dir).unwrap();
    }
}
