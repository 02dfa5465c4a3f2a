//! Sprig's hashes, and its makers of keys and certificates.
//!
//! Certificates, keys and bcrypt hashes need randomness and a clock, and differ each time with helm as well. We refuse
//! them by name: a key that a known seed gives away would be worse than none.

use std::fmt::Write as _;

use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::{Arguments, Entry, Returned, refuse, text};
use crate::bytes::bytes_of;
use crate::execute::Call;
use crate::limits::TEXT_BYTES_MAX;
use crate::value::Value;

pub(super) const TABLE: &[Entry] = &[
    ("sha1sum", "s", |_, values| text(hexadecimal(&Sha1::digest(bytes_of(values.text(0)))))),
    ("sha256sum", "s", |_, values| text(hexadecimal(&Sha256::digest(bytes_of(values.text(0)))))),
    ("sha512sum", "s", |_, values| text(hexadecimal(&Sha512::digest(bytes_of(values.text(0)))))),
    ("randBytes", "i", random_bytes),
    ("bcrypt", "s", |_, _| unsupported("bcrypt")),
    ("htpasswd", "ss", |_, _| unsupported("htpasswd")),
    ("derivePassword", "issss", |_, _| unsupported("derivePassword")),
    ("genPrivateKey", "s", |_, _| unsupported("genPrivateKey")),
    ("buildCustomCert", "ss", |_, _| unsupported("buildCustomCert")),
    ("genCA", "si", |_, _| unsupported("genCA")),
    ("genCAWithKey", "sis", |_, _| unsupported("genCAWithKey")),
    ("genSelfSignedCert", "saai", |_, _| unsupported("genSelfSignedCert")),
    ("genSelfSignedCertWithKey", "saais", |_, _| unsupported("genSelfSignedCertWithKey")),
    ("genSignedCert", "saaia", |_, _| unsupported("genSignedCert")),
    ("genSignedCertWithKey", "saaias", |_, _| unsupported("genSignedCertWithKey")),
    ("encryptAES", "ss", |_, _| unsupported("encryptAES")),
    ("decryptAES", "ss", |_, _| unsupported("decryptAES")),
];

fn unsupported(name: &str) -> Returned {
    refuse(format!(
        "{name} makes or uses secrets, which this renderer does not do; give the secret as a value"
    ))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a text cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn random_bytes(call: &Call<'_>, values: &[Value]) -> Returned {
    use base64::Engine as _;
    let count = usize::try_from(values.int(0)).unwrap_or(0);
    if count > TEXT_BYTES_MAX / 2 {
        return refuse(format!("text of more than {TEXT_BYTES_MAX} bytes"));
    }
    let mut random = call.run.random.borrow_mut();
    let bytes: Vec<u8> = (0..count).map(|_| random.next().to_le_bytes()[0]).collect();
    text(base64::engine::general_purpose::STANDARD.encode(bytes))
}
