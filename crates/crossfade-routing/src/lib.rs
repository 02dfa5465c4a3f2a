//! How Route 53 chooses an answer: weights, aliases, health
