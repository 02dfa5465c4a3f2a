//! Sprig's base64 and base32, and checksums that need no library.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Arguments, Entry, Returned, text};
use crate::bytes::{bytes_of, text_from};
use crate::value::Value;

pub(super) const TABLE: &[Entry] = &[
    ("b64enc", "s", |_, values| text(STANDARD.encode(bytes_of(values.text(0))))),
    ("b64dec", "s", |_, values| decode_64(values.text(0))),
    ("b32enc", "s", |_, values| text(encode_32(&bytes_of(values.text(0))))),
    ("b32dec", "s", |_, values| decode_32(values.text(0))),
    ("adler32sum", "s", |_, values| text(adler_32(&bytes_of(values.text(0))).to_string())),
];

/// What is broken comes back as a message, as in Sprig.
#[expect(clippy::unnecessary_wraps, reason = "a table of functions wants it")]
fn decode_64(source: &str) -> Returned {
    Ok(decode_base64(source).map_or_else(Value::from, |bytes| text_from(&bytes).into()))
}

/// The bytes, or Go's complaint.
pub(super) fn decode_base64(source: &str) -> Result<Vec<u8>, String> {
    let compact: String = source.chars().filter(|letter| !matches!(letter, '\n' | '\r')).collect();
    let is_ours = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    STANDARD.decode(&compact).map_err(|_| {
        let position = compact.bytes().position(|byte| !is_ours(byte)).unwrap_or(compact.len() / 4 * 4);
        format!("illegal base64 data at input byte {position}")
    })
}

const ALPHABET_32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn encode_32(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let mut group = [0; 5];
        group[..chunk.len()].copy_from_slice(chunk);
        let number = group.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let letters = (chunk.len() * 8).div_ceil(5);
        for index in 0..8 {
            let place = usize::try_from(number >> (35 - 5 * index) & 31).unwrap_or(0);
            out.push(if index < letters { char::from(ALPHABET_32[place]) } else { '=' });
        }
    }
    out
}

fn decode_32(source: &str) -> Returned {
    let compact: Vec<u8> = source.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    let end = compact.iter().position(|byte| *byte == b'=').unwrap_or(compact.len());
    let mut out = Vec::new();
    let (mut number, mut bits) = (0_u64, 0);
    for (index, byte) in compact[..end].iter().enumerate() {
        let Some(place) = ALPHABET_32.iter().position(|letter| letter == byte) else {
            return text(format!("illegal base32 data at input byte {index}"));
        };
        number = (number << 5 | place as u64) & 0xffff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from(number >> bits & 0xff).unwrap_or(0));
        }
    }
    if !compact.len().is_multiple_of(8) {
        return text(format!("illegal base32 data at input byte {}", compact.len() / 8 * 8));
    }
    text(text_from(&out))
}

fn adler_32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65521;
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % MODULUS;
        b = (b + a) % MODULUS;
    }
    b << 16 | a
}
