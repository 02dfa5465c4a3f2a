//! Ingresses and Services as desired DNS endpoints.
