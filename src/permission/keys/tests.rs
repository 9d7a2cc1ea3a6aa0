//! Cases of `keys`.
