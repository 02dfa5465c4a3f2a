//! The Route 53 API, name servers and a caching resolver over one store
