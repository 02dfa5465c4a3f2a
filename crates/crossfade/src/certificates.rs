//! Certificates and keys that charts ask for while they are rendered (`genCA`, `genSignedCert`, `genPrivateKey`), made on
//! this machine.
//!
//! As helm makes them, but for the keys: these are ECDSA on P-256 where helm's are RSA, and all in PKCS #8. RSA and DSA
//! keys are not made at all; those that are given have to be in PKCS #8, too. A rendering makes new ones each time. Nothing is kept.

use std::net::IpAddr;

use crossfade_gotemplate::{Certificate, CertificateIssuer, CertificateRequest};
use jiff::civil::Date;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

/// For the renderer of charts.
pub fn issuer() -> CertificateIssuer {
    CertificateIssuer::new(|request| issue(request).map_err(|error| error.to_string()))
        .with_private_keys(private_key)
        .with_randomness(random)
}

/// A private key as PEM.
fn private_key(kind: &str) -> Result<String, String> {
    let algorithm = match kind {
        "ecdsa" => &rcgen::PKCS_ECDSA_P256_SHA256,
        "ed25519" => &rcgen::PKCS_ED25519,
        other => {
            return Err(format!(
                "{other} keys are not made here, only ecdsa and ed25519; give the key as a value"
            ));
        }
    };
    let pair = KeyPair::generate_for(algorithm).map_err(|error| error.to_string())?;
    Ok(pair.serialize_pem())
}

/// Bytes from the operating system.
fn random(bytes: &mut [u8]) -> Result<(), String> {
    getrandom::fill(bytes).map_err(|error| error.to_string())
}

fn issue(request: &CertificateRequest) -> anyhow::Result<Certificate> {
    let key = match &request.key {
        Some(pem) => KeyPair::from_pem(pem)?,
        None => KeyPair::generate()?,
    };
    let params = params(request)?;
    let certificate = match &request.authority {
        Some(authority) => {
            let authority = Issuer::from_ca_cert_pem(&authority.cert, KeyPair::from_pem(&authority.key)?)?;
            params.signed_by(&key, &authority)?
        }
        None => params.self_signed(&key)?,
    };
    Ok(Certificate { cert: certificate.pem(), key: key.serialize_pem() })
}

fn params(request: &CertificateRequest) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, request.common_name.as_str());
    for address in &request.ip_addresses {
        let address: IpAddr = address.parse().map_err(|_| anyhow::anyhow!("error parsing ip: {address}"))?;
        params.subject_alt_names.push(SanType::IpAddress(address));
    }
    for name in &request.dns_names {
        params.subject_alt_names.push(SanType::DnsName(name.as_str().try_into()?));
    }
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    if request.is_authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages.push(KeyUsagePurpose::KeyCertSign);
    }
    // Whole days, from the midnight before to the one after.
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let days = jiff::Span::new().try_days(request.days.saturating_add(1))?;
    let midnight = |date: Date| {
        rcgen::date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    params.not_before = midnight(today);
    params.not_after = midnight(today.checked_add(days)?);
    Ok(params)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_of_the_kinds_that_can_be() {
        for kind in ["ecdsa", "ed25519"] {
            let (one, other) = (private_key(kind).unwrap(), private_key(kind).unwrap());
            assert!(one.starts_with("-----BEGIN PRIVATE KEY-----") && one != other, "{kind}");
        }
        assert!(private_key("rsa").unwrap_err().starts_with("rsa keys are not made here"));
        let mut bytes = [[0; 16]; 2];
        for bytes in &mut bytes {
            random(bytes).unwrap();
        }
        assert_ne!(bytes[0], bytes[1]);
    }

    #[test]
    fn an_authority_signs_and_what_is_wrong_is_said() {
        let request =
            CertificateRequest { common_name: "a".to_owned(), days: 1, ..CertificateRequest::default() };
        let authority = issue(&CertificateRequest { is_authority: true, ..request.clone() }).unwrap();
        let signed = CertificateRequest {
            dns_names: vec!["*.example.org".to_owned()],
            ip_addresses: vec!["192.0.2.1".to_owned(), "2001:db8::1".to_owned()],
            authority: Some(authority.clone()),
            ..request.clone()
        };
        let certificate = issue(&signed).unwrap();
        assert!(certificate.cert.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(certificate.key.starts_with("-----BEGIN PRIVATE KEY-----"));
        // The key that is given is the one that is used.
        let again =
            issue(&CertificateRequest { key: Some(certificate.key.clone()), ..signed.clone() }).unwrap();
        assert_eq!(again.key, certificate.key);

        let wrong = |request: CertificateRequest| issue(&request).unwrap_err().to_string();
        let no_address = CertificateRequest { ip_addresses: vec!["x".to_owned()], ..request.clone() };
        assert_eq!(wrong(no_address), "error parsing ip: x");
        assert!(!wrong(CertificateRequest { days: i64::MAX, ..request.clone() }).is_empty());
        let no_key = Certificate { key: String::new(), ..authority };
        assert!(!wrong(CertificateRequest { authority: Some(no_key), ..request }).is_empty());
    }
}
