//! Looks at the world as a user's machine would: DNS questions to chosen servers, HTTP requests to chosen addresses.
//!
//! It never decides what an answer means for a migration, and never asks through a cache unless told to.

pub mod dns;
mod error;
pub mod http;

pub use error::ProbeError;
