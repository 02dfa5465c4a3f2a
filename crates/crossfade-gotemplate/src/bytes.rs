//! Go's strings are bytes, ours are text: bytes that are no UTF-8 live in our texts as letters nobody writes.
//!
//! A byte `b` that does not belong to valid UTF-8 becomes the private letter U+10FF00 + `b`, and comes out again as the
//! byte where bytes matter: in hashes, base64 and lengths. Never shown: what is printed in the end has U+FFFD instead.

use std::borrow::Cow;

const BASE: u32 = 0x10_ff00;

/// A text that holds these bytes.
pub(crate) fn text_from(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().filter_map(|byte| char::from_u32(BASE + u32::from(*byte))));
    }
    out
}

fn raw_byte(letter: char) -> Option<u8> {
    u32::from(letter).checked_sub(BASE).and_then(|byte| u8::try_from(byte).ok()).filter(|byte| *byte >= 0x80)
}

fn is_plain(text: &str) -> bool {
    // All of our letters start with this byte, and hardly anything else does.
    !text.as_bytes().contains(&0xf4)
}

/// The bytes a text stands for.
pub(crate) fn bytes_of(text: &str) -> Cow<'_, [u8]> {
    if is_plain(text) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut buffer = [0; 4];
    for letter in text.chars() {
        match raw_byte(letter) {
            Some(byte) => out.push(byte),
            None => out.extend_from_slice(letter.encode_utf8(&mut buffer).as_bytes()),
        }
    }
    Cow::Owned(out)
}

/// How many bytes a text stands for.
pub(crate) fn length(text: &str) -> usize {
    if is_plain(text) { text.len() } else { bytes_of(text).len() }
}

/// The text as it is shown: valid, with replacement characters.
pub(crate) fn shown(text: String) -> String {
    if is_plain(&text) {
        return text;
    }
    text.chars()
        .map(|letter| if raw_byte(letter).is_some() { char::REPLACEMENT_CHARACTER } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_being_text() {
        let bytes: Vec<u8> = (0..=255).collect();
        let text = text_from(&bytes);
        assert_eq!(bytes_of(&text).as_ref(), bytes);
        assert_eq!(length(&text), 256);
        assert!(shown(text).ends_with('\u{fffd}'));
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        assert_eq!(text_from("grüße 🚀".as_bytes()), "grüße 🚀");
        assert_eq!(length("ü"), 2);
        // Plane 16 exists without us: what was written stays.
        assert_eq!(shown("\u{10fffd}x".to_owned()), "\u{fffd}x");
        assert_eq!(shown("\u{100000}".to_owned()), "\u{100000}");
    }
}
