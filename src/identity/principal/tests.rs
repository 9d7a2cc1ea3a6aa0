//! Cases of `principal`.
