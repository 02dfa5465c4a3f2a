//! One configuration of region, credentials and endpoint, from which the clients are made.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, tls};

use crate::error::from_sdk;
use crate::{AwsError, Metrics, Route53, Secrets};

/// Route 53 and STS's global endpoint are signed for this region, whatever region the caller works in.
const REGION_WHEN_UNSET: &str = "us-east-1";
/// A connection that takes longer will not come; the controller has its own, longer patience.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A page of 300 record sets takes well under a second; a change batch of 1,000 some seconds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// ExternalDNS's default (`--aws-api-retries`). Beyond it the caller backs off, because the limit of five requests a second
/// is shared by the whole account.
const ATTEMPTS_MAX: u32 = 3;

/// What to take instead of what the environment says.
#[derive(Clone, Debug, Default)]
pub struct AwsOptions {
    /// Instead of `AWS_REGION`.
    pub region: Option<String>,
    /// Instead of `AWS_PROFILE`.
    pub profile: Option<String>,
    /// Instead of `AWS_ENDPOINT_URL`.
    pub endpoint: Option<String>,
    /// Instead of the chain of credential providers.
    pub credentials: Option<StaticCredentials>,
}

/// An access key.
#[derive(Clone)]
pub struct StaticCredentials {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
}

impl std::fmt::Debug for StaticCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The secret is in no log.
        f.debug_struct("StaticCredentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// Access to AWS with one set of credentials.
#[derive(Clone, Debug)]
pub struct Aws {
    config: SdkConfig,
    is_region_chosen: bool,
}

impl Aws {
    /// Takes everything from the environment. No request is made yet, so missing credentials show with the first one.
    pub async fn from_environment() -> Result<Aws, AwsError> {
        Aws::with_options(AwsOptions::default()).await
    }

    /// Takes from the environment what `options` leave open.
    pub async fn with_options(options: AwsOptions) -> Result<Aws, AwsError> {
        let http_client = Builder::new().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build_https();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http_client)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX));
        if let Some(profile) = options.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = options.region {
            loader = loader.region(Region::new(region));
        }
        if let Some(endpoint) = options.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        if let Some(keys) = options.credentials {
            let credentials =
                Credentials::new(keys.access_key_id, keys.secret_access_key, None, None, "crossfade");
            loader = loader.credentials_provider(credentials);
        }
        let config = loader.load().await;
        let is_region_chosen = config.region().is_some();
        let config = if is_region_chosen {
            config
        } else {
            config.into_builder().region(Region::from_static(REGION_WHEN_UNSET)).build()
        };
        Ok(Aws { config, is_region_chosen })
    }

    /// The account that the credentials belong to.
    pub async fn account_id(&self) -> Result<String, AwsError> {
        let identity = aws_sdk_sts::Client::new(&self.config)
            .get_caller_identity()
            .send()
            .await
            .map_err(|error| from_sdk("GetCallerIdentity", error))?;
        identity.account().map(str::to_owned).ok_or_else(|| AwsError::Unreadable {
            operation: "GetCallerIdentity",
            problem: "it names no account".to_owned(),
        })
    }

    /// The region that the options or the environment choose: `AWS_REGION`, or the profile's.
    pub fn chosen_region(&self) -> Option<&str> {
        self.is_region_chosen.then(|| self.region())
    }

    /// The region in use.
    pub fn region(&self) -> &str {
        self.config.region().map_or(REGION_WHEN_UNSET, AsRef::as_ref)
    }

    /// The zones and record sets of the account.
    pub fn route53(&self) -> Route53 {
        Route53::new(aws_sdk_route53::Client::new(&self.config))
    }

    /// What load balancers count, in every region.
    pub fn metrics(&self) -> Metrics {
        Metrics::new(self.config.clone())
    }

    /// The secrets of this region.
    pub fn secrets(&self) -> Secrets {
        Secrets::new(&self.config, self.region())
    }
}
