//! Who may depend on whom, as data. What is not listed is forbidden: a new dependency is a line here, and a reason in its commit.

/// A crate of ours and what its normal dependencies may be.
pub(crate) struct Layer {
    /// The crate.
    pub name: &'static str,
    /// Crates of ours.
    pub ours: &'static [&'static str],
    /// Crates of others.
    pub others: &'static [&'static str],
}

/// Nothing that waits, speaks or draws.
const PURE: &[&str] = &["schemars", "serde", "serde_json", "thiserror"];

/// The drawing of ARCHITECTURE.md.
pub(crate) const LAYERS: &[Layer] = &[
    Layer { name: "crossfade-core", ours: &[], others: PURE },
    Layer { name: "crossfade-routing", ours: &[], others: PURE },
    Layer { name: "crossfade-sim", ours: &["crossfade-core", "crossfade-routing"], others: PURE },
    Layer {
        name: "crossfade-stack",
        ours: &["crossfade-core"],
        others: &["base64", "schemars", "serde", "serde_json", "thiserror"],
    },
    Layer {
        name: "crossfade-gotemplate",
        ours: &[],
        others: &[
            "base64",
            "granit-parser",
            "jiff",
            "miniz_oxide",
            "regex",
            "serde_json",
            "sha1",
            "sha2",
            "thiserror",
            "toml",
        ],
    },
    Layer {
        name: "crossfade-api",
        ours: &["crossfade-core"],
        others: &["jiff", "k8s-openapi", "kube", "schemars", "serde", "serde_json", "thiserror"],
    },
    Layer {
        name: "crossfade-kube",
        ours: &["crossfade-core", "crossfade-api"],
        others: &[
            "bcrypt",
            "futures",
            "http",
            "jiff",
            "k8s-openapi",
            "kube",
            "serde",
            "serde-saphyr",
            "serde_json",
            "thiserror",
            "tokio",
            "tower",
            "tracing",
        ],
    },
    Layer {
        name: "crossfade-aws",
        ours: &["crossfade-core"],
        others: &[
            "aws-config",
            "aws-credential-types",
            "aws-sdk-cloudwatch",
            "aws-sdk-route53",
            "aws-sdk-secretsmanager",
            "aws-sdk-sts",
            "aws-smithy-http-client",
            "aws-smithy-runtime-api",
            "aws-smithy-types",
            "quick-xml",
            "thiserror",
            "tokio",
            "tracing",
        ],
    },
    Layer {
        name: "crossfade-probe",
        ours: &[],
        others: &[
            "bytes",
            "fastrand",
            "hickory-proto",
            "http",
            "http-body-util",
            "hyper",
            "hyper-util",
            "rustls",
            "rustls-native-certs",
            "rustls-pki-types",
            "thiserror",
            "tokio",
            "tokio-rustls",
        ],
    },
    Layer {
        name: "crossfade-controller",
        ours: &["crossfade-core", "crossfade-api", "crossfade-kube", "crossfade-aws", "crossfade-probe"],
        others: &[
            "futures",
            "jiff",
            "k8s-openapi",
            "kube",
            "serde",
            "serde_json",
            "thiserror",
            "tokio",
            "tracing",
        ],
    },
    Layer {
        name: "crossfade-lab-kube",
        ours: &[],
        others: &[
            "base64",
            "bytes",
            "fastrand",
            "http",
            "http-body-util",
            "hyper",
            "hyper-util",
            "jiff",
            "json-patch",
            "regex-lite",
            "rustls",
            "serde",
            "serde-saphyr",
            "serde_json",
            "sha2",
            "thiserror",
            "tokio",
            "tokio-rustls",
            "tracing",
        ],
    },
    Layer {
        name: "crossfade-lab-route53",
        ours: &["crossfade-routing"],
        others: &[
            "bytes",
            "fastrand",
            "hickory-proto",
            "http",
            "http-body-util",
            "hyper",
            "hyper-util",
            "jiff",
            "quick-xml",
            "thiserror",
            "tokio",
            "tracing",
        ],
    },
    Layer {
        name: "crossfade-lab-aws",
        ours: &[],
        others: &["bytes", "ciborium", "http", "http-body-util", "serde_json", "thiserror"],
    },
    Layer {
        name: "crossfade-lab-gitops",
        ours: &["crossfade-gotemplate"],
        others: &[
            "base64",
            "bytes",
            "futures",
            "http",
            "http-body-util",
            "hyper",
            "hyper-util",
            "jaq-core",
            "jaq-json",
            "jaq-std",
            "jiff",
            "k8s-openapi",
            "kube",
            "regex",
            "rustls",
            "rustls-native-certs",
            "rustls-pki-types",
            "serde",
            "serde-saphyr",
            "serde_json",
            "sha2",
            "thiserror",
            "tokio",
            "tokio-rustls",
            "tracing",
        ],
    },
    Layer {
        name: "crossfade-lab",
        ours: &["crossfade-core", "crossfade-lab-aws", "crossfade-lab-kube", "crossfade-lab-route53"],
        others: &[
            "base64",
            "bytes",
            "fastrand",
            "hickory-proto",
            "http",
            "http-body-util",
            "hyper",
            "hyper-util",
            "jiff",
            "rcgen",
            "rustls",
            "rustls-pki-types",
            "serde",
            "serde_json",
            "sha2",
            "thiserror",
            "tokio",
            "tokio-rustls",
            "tracing",
        ],
    },
    Layer {
        name: "crossfade",
        ours: &[
            "crossfade-core",
            "crossfade-api",
            "crossfade-gotemplate",
            "crossfade-kube",
            "crossfade-aws",
            "crossfade-probe",
            "crossfade-controller",
            "crossfade-sim",
            "crossfade-stack",
            "crossfade-lab",
            "crossfade-lab-gitops",
        ],
        others: &[
            "anyhow",
            "clap",
            "clap_complete",
            "jiff",
            "k8s-openapi",
            "kube",
            "rcgen",
            "serde",
            "serde-saphyr",
            "serde_json",
            "tokio",
            "tracing",
            "tracing-subscriber",
        ],
    },
    Layer { name: "xtask", ours: &["crossfade-sim"], others: &["anyhow", "clap", "rcgen", "serde_json"] },
];

/// Not in the tree at all: each brings a build of its own (cmake, OpenSSL) or a second of something heavy.
pub(crate) const BANNED: &[&str] =
    &["aws-lc-sys", "aws-lc-rs", "openssl-sys", "native-tls", "aws-sdk-ec2", "serde_yaml"];

/// One version of each: a second one is minutes of somebody's first build.
/// `http` is not among them: aws-sdk-cloudwatch has types of http 0.2 in its tree, two small crates.
pub(crate) const ONCE: &[&str] =
    &["hyper", "rustls", "tokio", "kube", "k8s-openapi", "hickory-proto", "tower", "regex", "jiff"];

/// A stand-in shares no codec and no client with what it is used to check.
pub(crate) const NOT_IN_LAB: &[&str] = &[
    "kube",
    "k8s-openapi",
    "aws-sdk-cloudwatch",
    "aws-sdk-route53",
    "aws-sdk-secretsmanager",
    "aws-config",
    "aws-smithy-cbor",
    "aws-smithy-xml",
];

/// Crates of the lab that are clients themselves: what they do is judged by the objects they leave in a cluster, and between
/// them and the product is the wire.
pub(crate) const CLIENTS_IN_LAB: &[&str] = &["crossfade-lab-gitops"];
