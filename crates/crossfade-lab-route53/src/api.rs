//! The API face: AWS's endpoint, as far as the lab has one. Requests in, documents out.
//!
//! It speaks HTTP/1.1 without TLS. It wants a request to be signed, and for the right service, but does not check the
//! signature: anybody on loopback may use the lab. Whatever it does not support, it refuses, and says so in the log.

mod document;
mod identity;
pub(crate) mod operation;
mod other;
mod records;
mod request;
mod server;
mod tags;
mod zones;

pub use other::{OtherAnswer, OtherServices};
pub(crate) use server::Api;
