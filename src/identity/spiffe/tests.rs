//! Cases of `spiffe`.
