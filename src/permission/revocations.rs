//! The list of revoked keys and permissions, and until when it may be trusted.

use canon::Micros;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A revocation list, as its JSON file spells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocations {
    /// When it was made, in seconds since the epoch.
    pub issued_at: i64,
    /// By when the next one is due, in seconds since the epoch: from then on it is not trusted.
    pub next_update: i64,
    /// Revoked keys, by `kid`.
    #[serde(default)]
    pub kids: BTreeSet<String>,
    /// Revoked permissions, by `jti`, whoever signed them.
    #[serde(default)]
    pub jtis: BTreeSet<String>,
}

impl Revocations {
    /// Whether the list may be trusted at `at`: made, give or take the skew, and not overdue.
    #[must_use]
    pub fn is_current(&self, at: Micros, clock_skew_seconds: u32) -> bool {
        self.issued_at <= at.seconds().saturating_add(clock_skew_seconds.into()) && at.seconds() < self.next_update
    }
}
