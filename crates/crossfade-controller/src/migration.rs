//! The migration driver: gathers what is seen, asks `crossfade_core::migration::step`, carries its actions out.

mod actions;
mod bridge;
mod clock;
mod controller;
mod driver;
mod events;
mod gates;
mod leases;
mod observe;
mod others;
mod place;
mod records;
mod survey;
mod view;
mod world;

pub use actions::largest_ttl;
pub use controller::{ControllerOptions, run_controller};
pub use driver::{Driver, DriverError, DriverOptions, OtherHands, Outcome, Progress, unpause};
pub use gates::CountsOptions;
pub use others::{Asking, has_ended, overlapping};
pub use place::{Object, Place, SecretKey};
pub use survey::{Places, Stateful, Survey, check_capacity, check_destination, survey};
pub use view::{GroupView, HostInCluster, HostView, view_groups};
pub use world::{World, WorldOptions};
