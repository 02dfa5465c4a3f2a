//! Sprig's hashes and its makers of certificates.
//!
//! Certificates come from the caller's issuer.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::{Arguments, Entry, Returned, refuse, text};
use crate::bytes::bytes_of;
use crate::certificates::{Certificate, CertificateRequest};
use crate::error::CallError;
use crate::execute::Call;
use crate::limits::TEXT_BYTES_MAX;
use crate::value::Value;

pub(super) const TABLE: &[Entry] = &[
    ("sha1sum", "s", |_, values| text(hexadecimal(&Sha1::digest(bytes_of(values.text(0)))))),
    ("sha256sum", "s", |_, values| text(hexadecimal(&Sha256::digest(bytes_of(values.text(0)))))),
    ("sha512sum", "s", |_, values| text(hexadecimal(&Sha512::digest(bytes_of(values.text(0)))))),
    ("randBytes", "i", random_bytes),
    ("buildCustomCert", "ss", custom_certificate),
    ("genCA", "si", |call, values| authority(call, values, None)),
    ("genCAWithKey", "sis", |call, values| authority(call, values, Some(values.text(2)))),
    ("genSelfSignedCert", "saai", |call, values| certificate(call, values, None, None)),
    ("genSelfSignedCertWithKey", "saais", |call, values| {
        certificate(call, values, None, Some(values.text(4)))
    }),
    ("genSignedCert", "saaic", |call, values| certificate(call, values, Some(values.any(4)), None)),
    ("genSignedCertWithKey", "saaics", |call, values| {
        certificate(call, values, Some(values.any(4)), Some(values.text(5)))
    }),
];

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a text cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn random_bytes(call: &Call<'_>, values: &[Value]) -> Returned {
    let count = usize::try_from(values.int(0)).unwrap_or(0);
    if count > TEXT_BYTES_MAX / 2 {
        return refuse(format!("text of more than {TEXT_BYTES_MAX} bytes"));
    }
    let mut random = call.run.random.borrow_mut();
    let bytes: Vec<u8> = (0..count).map(|_| random.next().to_le_bytes()[0]).collect();
    text(STANDARD.encode(bytes))
}

fn issue(call: &Call<'_>, request: &CertificateRequest) -> Returned {
    match &call.run.sources.certificates {
        Some(issuer) => Ok(issuer.issue(request)?.into()),
        None => {
            refuse("certificates are not made here, and no issuer was given; give the certificate as a value")
        }
    }
}

fn authority(call: &Call<'_>, values: &[Value], key: Option<&str>) -> Returned {
    let request = CertificateRequest {
        common_name: values.text(0).to_owned(),
        days: values.int(1),
        is_authority: true,
        key: key.map(str::to_owned),
        ..CertificateRequest::default()
    };
    issue(call, &request)
}

fn certificate(call: &Call<'_>, values: &[Value], authority: Option<&Value>, key: Option<&str>) -> Returned {
    let authority = authority.map(|value| {
        let field = |name: &str| match value {
            Value::Object(object) => object.field(name).map_or_else(String::new, |value| value.to_string()),
            _ => String::new(),
        };
        Certificate { cert: field("Cert"), key: field("Key") }
    });
    let request = CertificateRequest {
        common_name: values.text(0).to_owned(),
        ip_addresses: super::strings::texts(values.any(1))?,
        dns_names: super::strings::texts(values.any(2))?,
        days: values.int(3),
        is_authority: false,
        authority,
        key: key.map(str::to_owned),
    };
    issue(call, &request)
}

/// A certificate from elsewhere, both parts in base64.
fn custom_certificate(_: &Call<'_>, values: &[Value]) -> Returned {
    let pem = |index: usize, what: &str| {
        let decoded = STANDARD.decode(values.text(index));
        let decoded = decoded.map_err(|_| CallError::new(format!("unable to decode base64 {what}")))?;
        let text = crate::bytes::text_from(&decoded);
        if !text.contains("-----BEGIN ") {
            return refuse(format!("unable to decode {what}"));
        }
        Ok(text)
    };
    Ok(Certificate { cert: pem(0, "certificate")?, key: pem(1, "private key")? }.into())
}
