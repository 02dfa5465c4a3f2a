//! How much memory this process has in RAM.

/// Bytes of resident memory, or 0 where the system does not tell (it does on Linux).
pub(crate) fn resident_bytes() -> u64 {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
        })
        .map_or(0, |kibibytes| kibibytes * 1024)
}
