//! Chart archives: gzip around tar, everything in one directory named after the chart.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::limits::ARCHIVE_BYTES_MAX;

/// Flags of a gzip header that announce a field behind it.
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
const HEADER_CHECK: u8 = 2;

const BLOCK_BYTES: usize = 512;

fn refuse<T>(message: &str) -> Result<T, Error> {
    Err(Error::Chart(message.to_owned()))
}

/// The files of a `.tgz` archive of one chart, by their path inside of its directory. Links are left out; a path that leads
/// out of the directory and an archive that unpacks to more than the limit are refused.
pub fn files(archive: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    files_within(archive, ARCHIVE_BYTES_MAX)
}

fn files_within(archive: &[u8], bytes_max: usize) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let Some(body) = deflated(archive) else {
        return refuse("file does not appear to be a gzipped archive");
    };
    let tar = match miniz_oxide::inflate::decompress_to_vec_with_limit(body, bytes_max) {
        Ok(tar) => tar,
        Err(error) if error.status == miniz_oxide::inflate::TINFLStatus::HasMoreOutput => {
            return refuse("decompressed chart is larger than the maximum size");
        }
        Err(_) => return refuse("gzip: invalid data"),
    };
    let files = entries(&tar)?;
    if files.is_empty() {
        return refuse("no files in chart archive");
    }
    Ok(files)
}

/// What stands behind the gzip header.
fn deflated(archive: &[u8]) -> Option<&[u8]> {
    let flags = *archive.get(3)?;
    if !archive.starts_with(&[0x1f, 0x8b, 8]) {
        return None;
    }
    let mut rest = archive.get(10..)?;
    if flags & EXTRA != 0 {
        let length = usize::from(*rest.first()?) | usize::from(*rest.get(1)?) << 8;
        rest = rest.get(2 + length..)?;
    }
    for field in [NAME, COMMENT] {
        if flags & field != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = rest.get(end + 1..)?;
        }
    }
    if flags & HEADER_CHECK != 0 {
        rest = rest.get(2..)?;
    }
    Some(rest)
}

/// A field of a tar header, up to its first zero byte.
fn field(header: &[u8], from: usize, length: usize) -> String {
    let bytes = &header[from..from + length];
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(length);
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn entries(tar: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let mut files = BTreeMap::new();
    let mut at = 0;
    let mut long_name = None;
    while let Some(header) = tar.get(at..at + BLOCK_BYTES) {
        if header.iter().all(|byte| *byte == 0) {
            break;
        }
        let Ok(size) = usize::from_str_radix(field(header, 124, 12).trim(), 8) else {
            return refuse("archive/tar: invalid tar header");
        };
        let start = at + BLOCK_BYTES;
        let Some(data) = start.checked_add(size).and_then(|end| tar.get(start..end)) else {
            return refuse("unexpected EOF");
        };
        at = start + size.div_ceil(BLOCK_BYTES) * BLOCK_BYTES;
        match header[156] {
            // GNU's and POSIX's ways to say a long name of the next entry.
            b'L' => long_name = Some(field(data, 0, size)),
            b'x' => long_name = pax_path(data).or(long_name),
            b'0' | 0 => {
                let prefix =
                    if &header[257..262] == b"ustar" { field(header, 345, 155) } else { String::new() };
                let short = field(header, 0, 100);
                let name = long_name.take().unwrap_or_else(|| match prefix.as_str() {
                    "" => short,
                    prefix => format!("{prefix}/{short}"),
                });
                files.extend(inner_path(&name)?.map(|path| (path, data.to_vec())));
            }
            _ => long_name = None,
        }
    }
    Ok(files)
}

/// The path without the first directory; nothing may lead out of it.
fn inner_path(name: &str) -> Result<Option<String>, Error> {
    let name = name.replace('\\', "/");
    let Some((_, path)) = name.trim_start_matches("./").split_once('/') else { return Ok(None) };
    if name.starts_with('/') || path.split('/').any(|part| part == "..") {
        return refuse("chart illegally references parent directory");
    }
    Ok(Some(path.to_owned()).filter(|path| !path.is_empty()))
}

/// `LENGTH path=…` of an extended header.
fn pax_path(data: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(data);
    let mut rest: &str = &text;
    while let Some((length, _)) = rest.split_once(' ') {
        let record = rest.get(..length.parse().ok()?)?;
        if let Some(path) = record[length.len() + 1..].strip_prefix("path=") {
            return Some(path.trim_end_matches('\n').to_owned());
        }
        rest = &rest[record.len()..];
    }
    None
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    /// An archive of entries: path, type, content.
    fn mk_archive(entries: &[(&str, u8, &[u8])]) -> Vec<u8> {
        let mut tar = Vec::new();
        for (path, kind, content) in entries {
            let mut header = [0; BLOCK_BYTES];
            header[..path.len()].copy_from_slice(path.as_bytes());
            header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
            header[156] = *kind;
            tar.extend(header);
            tar.extend(*content);
            tar.resize(tar.len().next_multiple_of(BLOCK_BYTES), 0);
        }
        tar.resize(tar.len() + 2 * BLOCK_BYTES, 0);
        let mut archive = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0];
        archive.extend(miniz_oxide::deflate::compress_to_vec(&tar, 1));
        archive
    }

    #[test]
    fn an_archive_is_its_files_without_links() {
        let archive = mk_archive(&[
            ("demo/Chart.yaml", b'0', b"name: demo"),
            ("demo/link", b'2', b""),
            ("demo/a/b", 0, b"x"),
        ]);
        let files = files(&archive).unwrap();
        assert_eq!(files.keys().collect::<Vec<_>>(), ["Chart.yaml", "a/b"]);
        assert_eq!(files["Chart.yaml"], b"name: demo");
    }

    #[test]
    fn paths_that_lead_out_are_refused() {
        for path in ["demo/../../etc/passwd", "demo/..", "/etc/passwd", "demo\\..\\..\\x"] {
            let error = files(&mk_archive(&[(path, b'0', b"x")])).unwrap_err();
            assert!(error.to_string().contains("illegally references parent directory"), "{path}: {error}");
        }
    }

    #[test]
    fn what_unpacks_to_more_than_the_limit_is_refused() {
        let archive = mk_archive(&[("demo/zeros", b'0', &vec![0; 100_000])]);
        assert!(archive.len() < 2_000, "it is small as it is sent");
        let error = files_within(&archive, 50_000).unwrap_err();
        assert!(error.to_string().contains("larger than the maximum size"), "{error}");
        assert!(files_within(&archive, 200_000).is_ok());
    }
}
