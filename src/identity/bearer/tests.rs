//! Cases of `bearer`.
