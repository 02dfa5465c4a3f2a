//! Clusters, load balancers, pods, proxy and simulated users, put together
