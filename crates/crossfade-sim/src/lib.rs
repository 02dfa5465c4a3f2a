//! A seeded world in virtual time: clusters, DNS controllers, Route 53, load balancers, users, drivers, hands that interfere.
//!
//! It drives `crossfade_core::migration::step` as a real driver does and checks the invariants of a migration every tick,
//! from the world's own truth and never from the engine's status. A seed is a whole run: the same seed, the same run.
//! No clock, no socket, no randomness but the seed's.

mod campaign;
mod checker;
mod defect;
mod driver;
mod events;
mod faults;
mod person;
mod prediction;
mod random;
mod run;
mod users;
mod world;

pub use campaign::{CampaignReport, run_campaign};
pub use checker::Violation;
pub use defect::Defect;
pub use prediction::{Prediction, PredictionOptions, Sample, predict};
pub use run::{Ending, RunReport, run_seed};
pub use users::Requests;
