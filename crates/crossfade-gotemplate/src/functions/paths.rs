//! Sprig's functions on paths and URLs.

use std::fmt::Write as _;

use super::{Arguments, Entry, Returned, refuse, text};
use crate::bytes::bytes_of;
use crate::execute::Call;
use crate::url::Url;
use crate::value::{Map, Value};

pub(super) const TABLE: &[Entry] = &[
    ("base", "s", |_, values| text(base(values.text(0)))),
    ("dir", "s", |_, values| text(dir(values.text(0)))),
    ("clean", "s", |_, values| text(clean(values.text(0)))),
    ("ext", "s", |_, values| text(extension(values.text(0)))),
    ("isAbs", "s", |_, values| Ok(values.text(0).starts_with('/').into())),
    ("osBase", "s", |_, values| text(base(values.text(0)))),
    ("osDir", "s", |_, values| text(dir(values.text(0)))),
    ("osClean", "s", |_, values| text(clean(values.text(0)))),
    ("osExt", "s", |_, values| text(extension(values.text(0)))),
    ("osIsAbs", "s", |_, values| Ok(values.text(0).starts_with('/').into())),
    ("urlParse", "s", url_parse),
    ("urlJoin", "m", url_join),
];

/// `path.Base`
pub(crate) fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    match path.trim_end_matches('/').rsplit('/').next() {
        Some("") | None => "/",
        Some(name) => name,
    }
}

fn dir(path: &str) -> String {
    clean(path.rfind('/').map_or("", |slash| &path[..=slash]))
}

fn extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rfind('.').map_or("", |dot| &name[dot..])
}

/// `path.Clean`
pub(crate) fn clean(path: &str) -> String {
    let is_rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if is_rooted => {}
            part => parts.push(part),
        }
    }
    match (is_rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

fn escape(source: &str, is_kept: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(source.len());
    for byte in bytes_of(source).iter() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(byte) || is_kept(*byte) {
            out.push(char::from(*byte));
        } else {
            {
                let _ = write!(out, "%{byte:02X}");
            };
        }
    }
    out
}

/// `url.QueryEscape`
pub(crate) fn query_escape(source: &str) -> String {
    escape(source, |byte| byte == b' ').replace(' ', "+")
}

fn url_parse(_: &Call<'_>, values: &[Value]) -> Returned {
    let url = Url::parse(values.text(0)).or_else(|why| refuse(format!("unable to parse url: {why}")))?;
    let parts = [
        ("scheme", url.scheme.as_str()),
        ("host", &url.host),
        ("hostname", url.hostname()),
        ("path", &url.path),
        ("query", &url.query),
        ("opaque", &url.opaque),
        ("fragment", &url.fragment),
        ("userinfo", &url.userinfo),
    ];
    Ok(parts.into_iter().collect::<Map>().into())
}

fn url_join(_: &Call<'_>, values: &[Value]) -> Returned {
    let map = values.map(0);
    let mut parts = Vec::new();
    for key in ["scheme", "host", "path", "query", "opaque", "fragment", "userinfo"] {
        match map.get(key) {
            None => parts.push(String::new()),
            Some(Value::String(part)) => parts.push(part.to_string()),
            Some(other) => {
                return refuse(format!(
                    "unable to parse {key} key, must be of type string, but {} found",
                    other.kind()
                ));
            }
        }
    }
    let [scheme, host, path, query, opaque, fragment, user] = parts.as_slice() else { return text("") };
    let mut url = String::new();
    if !scheme.is_empty() {
        let _ = write!(url, "{scheme}:");
    }
    if opaque.is_empty() {
        let has_authority = !host.is_empty() || !user.is_empty();
        if has_authority || !scheme.is_empty() && !path.is_empty() {
            url += "//";
            if !user.is_empty() {
                let _ = write!(url, "{user}@");
            }
            url += host;
        }
        if !path.is_empty() && !path.starts_with('/') && !host.is_empty() {
            url.push('/');
        }
        // Else its first part would be taken for a scheme.
        if url.is_empty() && path.split('/').next().is_some_and(|segment| segment.contains(':')) {
            url += "./";
        }
        url += &escape(path, |byte| b"$&+,/:;=@".contains(&byte));
    } else {
        url += opaque;
    }
    if !query.is_empty() {
        let _ = write!(url, "?{query}");
    }
    if !fragment.is_empty() {
        let _ = write!(url, "#{}", escape(fragment, |byte| b"$&+,/:;=?@!()*".contains(&byte)));
    }
    text(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_as_in_go() {
        for (path, expected) in [
            ("", "."),
            ("a//b/./c/..", "a/b"),
            ("/../a", "/a"),
            ("../a/..", ".."),
            ("/", "/"),
            ("a/../..", ".."),
        ] {
            assert_eq!(clean(path), expected, "{path}");
        }
        assert_eq!((base("/a/b/"), base(""), base("/")), ("b", ".", "/"));
        assert_eq!((extension("a/b.tar.gz"), extension("a.b/c")), (".gz", ""));
        assert_eq!(dir("a/b/c"), "a/b");
    }
}
