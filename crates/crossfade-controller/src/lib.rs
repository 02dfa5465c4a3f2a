//! The loops: observe, ask core for a plan, apply it, report. No decisions here.

pub mod dns;
pub mod migration;
