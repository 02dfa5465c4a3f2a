//! Applications: objects from sources, compared with the cluster, synced, and what of it `status` says.

mod actor;
mod automatic;
mod compare;
mod dependencies;
mod directory;
mod environment;
mod fields;
mod finalize;
mod health;
mod helm;
mod hooks;
mod ignore;
mod manifests;
mod origin;
mod project;
mod quantity;
mod removal;
mod run;
mod spec;
mod state;
mod status;
mod summary;
mod sync;
mod target;
mod tasks;
mod value_files;

pub(crate) mod pointer;
pub(crate) mod tracking;

pub(crate) use actor::run as run_actor;
