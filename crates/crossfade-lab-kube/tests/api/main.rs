//! The server as others' client code sees it: kube-rs over real TLS sockets.
#![expect(clippy::unwrap_used, reason = "tests")]

mod access;
mod applying;
mod custom;
mod failing;
mod lab;
mod limits;
mod logs;
mod removal;
mod watching;
mod writing;
