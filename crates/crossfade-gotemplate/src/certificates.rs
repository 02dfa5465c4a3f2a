//! Certificates that charts ask for (`genCA`, `genSignedCert`): who calls this crate makes them.
//!
//! Keys need randomness that nobody can guess, which has no place here. Without an issuer the functions refuse.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use crate::error::CallError;
use crate::value::{Map, Object, Value};

/// A certificate and its key, both as PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate.
    pub cert: String,
    /// Its private key.
    pub key: String,
}

/// What a chart asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateRequest {
    /// The subject's common name.
    pub common_name: String,
    /// Alternative names that are addresses.
    pub ip_addresses: Vec<String>,
    /// Alternative names.
    pub dns_names: Vec<String>,
    /// How long it is valid.
    pub days: i64,
    /// Whether it may sign others.
    pub is_authority: bool,
    /// Who signs it; itself when nobody is given.
    pub authority: Option<Certificate>,
    /// The private key to use, as PEM; a new one when none is given.
    pub key: Option<String>,
}

type Issue = dyn Fn(&CertificateRequest) -> Result<Certificate, String> + Send + Sync;

/// Makes certificates.
#[derive(Clone)]
pub struct CertificateIssuer(Arc<Issue>);

impl CertificateIssuer {
    /// An issuer; its error becomes the template's.
    pub fn new(
        issue: impl Fn(&CertificateRequest) -> Result<Certificate, String> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(issue))
    }

    pub(crate) fn issue(&self, request: &CertificateRequest) -> Result<Certificate, CallError> {
        (self.0)(request).map_err(CallError)
    }
}

impl fmt::Debug for CertificateIssuer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("CertificateIssuer")
    }
}

impl From<Certificate> for Value {
    fn from(certificate: Certificate) -> Self {
        Self::Object(Rc::new(certificate))
    }
}

impl Object for Certificate {
    fn type_name(&self) -> &'static str {
        "sprig.certificate"
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Cert" => Some(self.cert.as_str().into()),
            "Key" => Some(self.key.as_str().into()),
            _ => None,
        }
    }

    fn same(&self, other: &dyn Object) -> Option<bool> {
        let is_same = |name: &str, own: &str| other.field(name).is_some_and(|value| value.as_str() == Some(own));
        Some(is_same("Cert", &self.cert) && is_same("Key", &self.key))
    }

    fn shown_fields(&self) -> Option<Vec<(&'static str, Value)>> {
        Some(vec![("Cert", self.cert.as_str().into()), ("Key", self.key.as_str().into())])
    }

    fn text(&self) -> String {
        format!("{{{} {}}}", self.cert, self.key)
    }

    fn plain(&self) -> Value {
        [("Cert", self.cert.as_str()), ("Key", self.key.as_str())].into_iter().collect::<Map>().into()
    }
}
