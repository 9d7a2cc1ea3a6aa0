//! Cases of `verify`.
