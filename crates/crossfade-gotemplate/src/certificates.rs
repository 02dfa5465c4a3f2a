//! Certificates and other secrets that charts ask for (`genCA`, `genPrivateKey`, `bcrypt`): who calls this crate makes them.
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

type MakeKey = dyn Fn(&str) -> Result<String, String> + Send + Sync;

type Fill = dyn Fn(&mut [u8]) -> Result<(), String> + Send + Sync;

/// Makes certificates and, when it is told how, private keys and randomness for secrets.
#[derive(Clone)]
pub struct CertificateIssuer {
    issue: Arc<Issue>,
    make_key: Option<Arc<MakeKey>>,
    fill: Option<Arc<Fill>>,
}

impl CertificateIssuer {
    /// An issuer; its error becomes the template's.
    pub fn new(
        issue: impl Fn(&CertificateRequest) -> Result<Certificate, String> + Send + Sync + 'static,
    ) -> Self {
        Self { issue: Arc::new(issue), make_key: None, fill: None }
    }

    /// Makes private keys for `genPrivateKey` as well: given `rsa`, `dsa`, `ecdsa` or `ed25519`, as PEM.
    #[must_use]
    pub fn with_private_keys(
        mut self,
        make: impl Fn(&str) -> Result<String, String> + Send + Sync + 'static,
    ) -> Self {
        self.make_key = Some(Arc::new(make));
        self
    }

    /// Gives bytes that nobody can guess to `bcrypt`, `htpasswd` and `encryptAES`.
    #[must_use]
    pub fn with_randomness(
        mut self,
        fill: impl Fn(&mut [u8]) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.fill = Some(Arc::new(fill));
        self
    }

    pub(crate) fn issue(&self, request: &CertificateRequest) -> Result<Certificate, CallError> {
        (self.issue)(request).map_err(CallError)
    }

    pub(crate) fn private_key(&self, kind: &str) -> Result<String, String> {
        let kind = if kind.is_empty() { "rsa" } else { kind };
        match &self.make_key {
            Some(make) => make(kind),
            None => Err(format!("private keys ({kind}) are not made here; give the key as a value")),
        }
    }

    /// Fills bytes with randomness.
    pub(crate) fn fill(&self, bytes: &mut [u8]) -> Result<(), String> {
        match &self.fill {
            Some(fill) => fill(bytes),
            None => Err("there is no randomness for secrets".to_owned()),
        }
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
        let is_same =
            |name: &str, own: &str| other.field(name).is_some_and(|value| value.as_str() == Some(own));
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
