//! A Kubernetes API on a socket
