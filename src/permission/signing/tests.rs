//! Cases of `signing`.
