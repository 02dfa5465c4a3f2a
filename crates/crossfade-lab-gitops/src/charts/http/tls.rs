//! Which certificates of a registry are believed: the machine's, those that the cluster has for the host, or any.

use std::sync::{Arc, LazyLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use crate::keyring::Access;

/// Read once: it is some hundred files on many machines. A machine without any can still believe the cluster's.
static MACHINES: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Arc::new(roots)
});

/// The configuration for a registry; the error is what Go says of such a certificate or key.
pub(super) fn config(access: &Access) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = if access.takes_any_certificate {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Anything(provider)))
    } else {
        let roots = match &access.authorities {
            Some(pem) => Arc::new(only(pem)),
            None => Arc::clone(&MACHINES),
        };
        if roots.is_empty() {
            // Nothing can be verified against nothing, which the library refuses to be built with.
            return Err(UNKNOWN_AUTHORITY.to_owned());
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
        builder.with_webpki_verifier(verifier.map_err(|error| error.to_string())?)
    };
    if access.client_certificate.is_empty() || access.client_key.is_empty() {
        return Ok(builder.with_no_client_auth());
    }
    let wrong = |error: &dyn std::fmt::Display| format!("error creating X509 key pair: {error}");
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(access.client_certificate.as_bytes()).collect();
    let key = PrivateKeyDer::from_pem_slice(access.client_key.as_bytes()).map_err(|error| wrong(&error))?;
    builder.with_client_auth_cert(chain.map_err(|error| wrong(&error))?, key).map_err(|error| wrong(&error))
}

const UNKNOWN_AUTHORITY: &str = "x509: certificate signed by unknown authority";

fn only(pem: &str) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(pem.as_bytes()).flatten());
    roots
}

/// A failed handshake as Go tells it.
pub(super) fn cause(error: &std::io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(certificate)) = inner else {
        return format!("tls: {error}");
    };
    let why = match certificate {
        rustls::CertificateError::UnknownIssuer => UNKNOWN_AUTHORITY.to_owned(),
        rustls::CertificateError::Expired | rustls::CertificateError::ExpiredContext { .. } => {
            "x509: certificate has expired or is not yet valid".to_owned()
        }
        other => format!("x509: {other}"),
    };
    format!("tls: failed to verify certificate: {why}")
}

/// `insecure`: whoever answers is believed. Signatures are still checked: the other side has the key that it shows.
#[derive(Debug)]
struct Anything(Arc<CryptoProvider>);

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
