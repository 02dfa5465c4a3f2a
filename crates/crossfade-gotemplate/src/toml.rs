//! TOML for `toToml` and `fromToml`, as the Go library BurntSushi/toml has it.

mod read;
mod write;

pub(crate) use read::read;
pub(crate) use write::write;
