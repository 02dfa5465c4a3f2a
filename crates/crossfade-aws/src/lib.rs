//! Route 53 zones and change batches
