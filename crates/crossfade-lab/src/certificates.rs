//! The lab's certificate authority, and TLS for the servers of the lab.
//!
//! One authority per lab, made when it starts and kept in memory; its key is never written anywhere.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::error::LabError;
use crate::names::hex;

/// Bytes of a token: 256 bits, as many as a guesser cannot try.
const TOKEN_BYTES: usize = 32;

/// Days a certificate is good for. A lab is not kept that long, and some clients refuse servers with longer ones.
const VALID_DAYS: i64 = 397;

/// Issues the certificates of one lab.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// Makes a key and a self-signed authority certificate.
    pub(crate) fn new(domain: &str) -> Result<Authority, LabError> {
        let subject = "the lab's certificate authority";
        let failed = |source| LabError::Certificate { subject: subject.to_owned(), source };
        let mut params = CertificateParams::new(Vec::new()).map_err(failed)?;
        limit_validity(&mut params);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, format!("crossfade lab {domain}"));
        let key = KeyPair::generate().map_err(failed)?;
        Ok(Authority { issuer: CertifiedIssuer::self_signed(params, key).map_err(failed)? })
    }

    /// The authority's certificate.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// TLS for a server that answers to `names` (host names, wildcards or IP addresses).
    pub(crate) fn server(&self, names: &[&str], alpn: &[&[u8]]) -> Result<Arc<ServerConfig>, LabError> {
        let subject = names.join(", ");
        let failed = |source| LabError::Certificate { subject: subject.clone(), source };
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names.clone()).map_err(failed)?;
        if let Some(name) = names.first() {
            params.distinguished_name.push(DnType::CommonName, name.as_str());
        }
        limit_validity(&mut params);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key)
            })
            .map_err(|source| LabError::Tls { what: subject.clone(), source })?;
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Arc::new(config))
    }
}

/// From yesterday, for machines whose clocks differ a little, to [`VALID_DAYS`] later.
fn limit_validity(params: &mut CertificateParams) {
    let today = jiff::Zoned::now().date();
    let start = today.saturating_sub(jiff::Span::new().days(1));
    let end = start.saturating_add(jiff::Span::new().days(VALID_DAYS));
    let day = |date: jiff::civil::Date| {
        rcgen::date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    params.not_before = day(start);
    params.not_after = day(end);
}

/// TLS for a client that trusts the authorities in `ca_pem` and nobody else.
pub(crate) fn client(ca_pem: &[u8]) -> Result<ClientConfig, LabError> {
    let what = "the simulated users";
    let mut roots = RootCertStore::empty();
    let certificates: Vec<CertificateDer<'static>> =
        rustls::pki_types::pem::PemObject::pem_slice_iter(ca_pem).filter_map(Result::ok).collect();
    if certificates.is_empty() {
        return Err(LabError::Option("the certificate authority given holds no PEM certificate".to_owned()));
    }
    for certificate in certificates {
        roots.add(certificate).map_err(|source| LabError::Tls { what: what.to_owned(), source })?;
    }
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map(|builder| builder.with_root_certificates(roots).with_no_client_auth())
        .map_err(|source| LabError::Tls { what: what.to_owned(), source })
}

/// A secret of [`TOKEN_BYTES`] random bytes in hexadecimal digits.
pub(crate) fn token() -> Result<String, LabError> {
    let mut bytes = [0_u8; TOKEN_BYTES];
    provider().secure_random.fill(&mut bytes).map_err(|_| LabError::Randomness)?;
    Ok(hex(&bytes))
}

/// Named here because a process may hold several providers, and rustls then refuses to choose.
fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
