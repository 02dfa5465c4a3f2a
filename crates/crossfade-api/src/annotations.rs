//! Annotation keys that crossfade reads and writes, under both ExternalDNS prefixes.
