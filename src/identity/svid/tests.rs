//! Cases of `svid`.
