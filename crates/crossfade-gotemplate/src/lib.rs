//! Go templates with Sprig, and Helm charts on top of them, rendered without a Go program.
//!
//! What comes out is what `helm template` prints, and what Argo CD makes of an ApplicationSet's templates. The real helm
//! is the checker (`examples/against_helm.rs`), never a part of it.
//!
//! ```
//! use crossfade_gotemplate::{Chart, Functions, MissingKey, ReleaseOptions, Sources, Template, Values, render};
//!
//! let files = [
//!     ("Chart.yaml", "{apiVersion: v2, name: demo, version: 1.0.0}"),
//!     ("values.yaml", "replicas: 1"),
//!     ("templates/map.yaml", "kind: ConfigMap\ndata: {replicas: {{ .Values.replicas | quote }}}\n"),
//! ];
//! let files = files.into_iter().map(|(path, text)| (path.to_owned(), text.into())).collect();
//! let chart = Chart::from_files(files)?;
//! let mut values = Values::new();
//! values.set("replicas=3")?;
//! let rendered = render(&chart, &values, &ReleaseOptions::default())?;
//! assert_eq!(rendered.manifests[0].text, "kind: ConfigMap\ndata: {replicas: \"3\"}");
//!
//! let functions = Functions::argo_application_sets();
//! let template = Template::parse("name", "{{ .cluster }}-{{ .app | normalize }}", &functions, MissingKey::Error)?;
//! let data = serde_json::json!({"cluster": "blue", "app": "My App"});
//! assert_eq!(template.render(&data, &Sources::default())?, "blue-my-app");
//! # Ok::<(), crossfade_gotemplate::Error>(())
//! ```
//!
//! # Why an engine of its own
//! The crate `gotmpl` has the language as well, but its values cannot change: Sprig's `set`, `unset` and `merge` change
//! dictionaries in place, and charts rely on it. Nil and nothing, `int`, `int64` and `float64` have to be told apart, as
//! `eq`, `kindOf`, `default` and error messages do, values need methods (`.Files.Get`), and messages positions.
//!
//! # Pure
//! No clock, no randomness, no environment, no network, no file system: [`Sources`] holds the time and the seed. So
//! `now`, `randAlphaNum`, `uuidv4`, `shuffle` and their like give what the caller decides; `lookup` and `getHostByName`
//! find nothing; certificates (`genCA` and its like), private keys (`genPrivateKey`) and the randomness of `bcrypt`,
//! `htpasswd` and `encryptAES` come from a [`CertificateIssuer`] of the caller or are refused; Go's zone `Local` is UTC, and
//! other zones come from the database in the program; `keys` and `values` are sorted where Go's order changes from run to run.
//!
//! # Known differences
//! `slugify` transliterates Latin letters only; a schema is not checked against its metaschema, `unevaluatedProperties`,
//! `unevaluatedItems` and dynamic references in it are passed over, and nothing is fetched for a `$ref`; what is wrong with
//! TOML, and with rare YAML, is said in other words than Go's; zones before 1970 are those of the merged database; methods
//! that marshal (`MarshalJSON`), `time.Time`'s `In` and `%x` of a float are not offered; a text nests at most
//! 200 blocks deep; structs as TOML are sorted.
//!
//! # Hostile charts
//! Templates are programs of others. Depth, steps, lengths, lists and regular expressions have limits (`limits.rs`), and
//! rendering runs on a thread with a stack that the depth limit fits.

mod addresses;
mod bytes;
mod certificates;
mod chart;
mod compare;
mod dates;
mod error;
mod execute;
mod functions;
mod glob;
mod json;
mod limits;
mod natural;
mod number;
mod parse;
mod printf;
mod random;
mod render;
mod slug;
mod template;
mod toml;
mod url;
mod value;
mod values;
mod versions;
mod yaml;

pub use certificates::{Certificate, CertificateIssuer, CertificateRequest};
pub use chart::{Chart, Dependency, Metadata, archive_files};
pub use dates::Moment;
pub use error::Error;
pub use functions::Functions;
pub use render::{Crd, Hook, Manifest, ReleaseOptions, Rendered, render};
pub use template::{MissingKey, Sources, Template};
pub use values::Values;
pub use versions::{highest_within, is_version, is_within};
