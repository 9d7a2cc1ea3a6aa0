//! Cases of `tenant`.
